"""Answers as bytes: how they leave the process in which a student's code runs.

A safetensors file: it holds numbers and nothing that could be executed. One entry, "answers", is
JSON text that says how the tensors belong together. Nothing read here is trusted: whatever is not
exactly of this form is `Malformed`.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from course_utils.exercises.answers import Answer
from course_utils.exercises.comparison import Unreadable
from course_utils.exercises.verdicts import SIDE_EFFECTS

LARGEST = 16_000_000  # bytes; the answers of an exercise are far below a million
LONGEST_TEXT = 10_000  # characters
OVERSIZED = b"oversized"  # stands in place of answers that are larger


class Malformed(ValueError):
    """These bytes are no answers; the message says why, for the student."""


def pack(name: str, answers: list[list[Answer]]) -> bytes:
    """The answers to one exercise, a list for each seed, as bytes."""
    tensors: dict[str, Tensor] = {}
    content = {
        "exercise": name,
        "answers": [[_packed(answer, tensors) for answer in of_seed] for of_seed in answers],
    }
    text = json.dumps(content).encode()
    tensors["answers"] = torch.from_numpy(np.frombuffer(text, dtype=np.uint8).copy())
    data = save(tensors)
    return data if len(data) <= LARGEST else OVERSIZED


def unpack(data: bytes, name: str) -> list[list[Answer]]:
    """The answers to the exercise `name`; Malformed if the bytes are anything else."""
    if data == OVERSIZED or len(data) > LARGEST:
        raise Malformed(f"The answers are larger than {LARGEST // 1_000_000} MB.")
    try:
        tensors = load(data)
        content = json.loads(tensors.pop("answers").numpy().tobytes().decode())
        exercise, answers = content["exercise"], content["answers"]
        if exercise != name:
            raise Malformed(f"These are answers to another exercise, {str(exercise)[:50]!r}.")
        return [[_unpacked(answer, tensors) for answer in _list(of_seed)] for of_seed in answers]
    except Malformed:
        raise
    except Exception as error:  # what hostile bytes can raise is not worth a list
        raise Malformed("The answers could not be read.") from error


def _packed(answer: Answer, tensors: dict[str, Tensor]) -> dict[str, Any]:
    return {
        "value": _packed_value(answer.value, tensors),
        "changes": [list(change) for change in answer.changes],
        "error": answer.error,
        "attempted": answer.attempted,
    }


def _packed_value(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        return _packed_tensor(value, tensors)
    if isinstance(value, Unreadable):
        return {"unreadable": str(value)}
    if isinstance(value, tuple):
        return {"tuple": [_packed_value(part, tensors) for part in value]}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return {"unreadable": "a very long text"}
    if value is None or type(value) in (bool, int, float, str):
        return value
    return {"unreadable": f"a {type(value).__name__}"}


def _packed_tensor(tensor: Tensor, tensors: dict[str, Tensor]) -> dict[str, str]:
    kind = "tensor"
    if tensor.is_complex():
        kind, tensor = "complex tensor", torch.view_as_real(tensor.resolve_conj())
    if tensor.dtype not in _DTYPES:
        return {"unreadable": f"a tensor of {tensor.dtype}"}
    key = str(len(tensors))
    tensors[key] = tensor.resolve_neg().clone(memory_format=torch.contiguous_format)
    return {kind: key}


_DTYPES = {
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
}


def _unpacked(packed: Any, tensors: dict[str, Tensor]) -> Answer:
    if set(packed) != {"value", "changes", "error", "attempted"}:
        raise Malformed("The answers could not be read.")
    error, attempted = packed["error"], packed["attempted"]
    if not (error is None or isinstance(error, str)) or not isinstance(attempted, bool):
        raise Malformed("The answers could not be read.")
    changes = tuple(_change(change) for change in _list(packed["changes"]))
    return Answer(
        _unpacked_value(packed["value"], tensors), changes, error and error[:300], attempted
    )


def _change(change: Any) -> tuple[str, str]:
    name, aspect = change
    if not isinstance(name, str) or len(name) > 100 or aspect not in SIDE_EFFECTS:
        raise Malformed("The answers could not be read.")
    return name, aspect


def _unpacked_value(packed: Any, tensors: dict[str, Tensor]) -> Any:
    if packed is None or isinstance(packed, (bool, int, float)):
        return packed
    if isinstance(packed, str):
        return packed[:LONGEST_TEXT]
    ((kind, content),) = packed.items()
    if kind == "tensor" and tensors[content].dtype in _DTYPES:
        return tensors[content]
    if kind == "complex tensor":
        return torch.view_as_complex(tensors[content])
    if kind == "tuple":
        return tuple(_unpacked_value(part, tensors) for part in _list(content))
    if kind == "complex":
        return complex(*(float(part) for part in content))
    if kind == "unreadable" and isinstance(content, str):
        return Unreadable(content[:300])
    raise Malformed("The answers could not be read.")


def _list(value: Any) -> list:
    if not isinstance(value, list):
        raise Malformed("The answers could not be read.")
    return value
