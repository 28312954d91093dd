"""What a student's function gives on the cases, as plain data: results, side effects, errors.

This runs where the student's code runs. It knows no reference and no expected value.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.exercises.cases import make_cases
from course_utils.exercises.cases.case import Case
from course_utils.exercises.comparison import Unreadable


@dataclass(frozen=True)
class Answer:
    """What one call gave.

    Attributes:
        value: the result: numbers, strings, None, tensors, and tuples of such.
        changes: what the call changed of the caller's, as (name, aspect), e.g. ("images", "grad").
        error: "ValueError: …" if the call raised, or None.
        attempted: False where the exercise's empty stub was called.
    """

    value: Any = None
    changes: tuple[tuple[str, str], ...] = ()
    error: str | None = None
    attempted: bool = True


def collect_answers(name: str, function: Callable, seed: int) -> list[Answer]:
    """The function's answers on the cases that `seed` makes."""
    return [answer(case, function) for case in make_cases(name, seed)]


def answer(case: Case, function: Callable) -> Answer:
    """Call `function` on one case and record what came of it."""
    value, error, attempted = None, None, True
    # What the call does to the random state ends here, and a warning is no part of a verdict.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = caller_state(case)
        try:
            value = plain(case.finish(function(*case.arguments.values(), **case.keywords)))
        except NotImplementedError as exception:
            attempted = bool(str(exception)) or _raiser(exception) is not _code(function)
            error = _in_one_line(exception)
            if attempted and not str(exception):
                error = f"NotImplementedError: {_raiser(exception).co_name}, which it calls, is not written yet"
        except (Exception, SystemExit) as exception:
            error = _in_one_line(exception)
        finally:
            after = caller_state(case)
            torch.set_grad_enabled(before["torch", "gradient mode"])
            torch.set_default_dtype(before["torch", "default dtype"])
    changes = [key for key in before if not _same(before[key], after.get(key))]
    return Answer(value, tuple(_told_apart(changes, before, after)), error, attempted)


def _told_apart(changes: list[tuple], before: dict, after: dict) -> list[tuple[str, str]]:
    """The changes; where hooks of the caller's are gone, that is said instead of one left behind."""
    gone = {
        key
        for key in changes
        if key[1] == "hooks"
        and any(set(b) - set(a) for b, a in zip(before[key], after[key], strict=False))
    }
    return [(name, "hooks of others" if (name, what) in gone else what) for name, what in changes]


def plain(value: Any) -> Any:
    """The value as plain data, detached and copied."""
    if isinstance(value, Tensor):
        return _plain_tensor(value)
    if isinstance(value, (np.bool_, np.number)):
        return value.item()
    if isinstance(value, int) and abs(value) >= 2**63:
        return Unreadable("a whole number of more than 63 bits")
    if value is None or isinstance(value, (bool, int, float, complex, str)):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(plain(part) for part in value)
    kind = type(value)
    home = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return Unreadable(f"a {home}{kind.__qualname__}")


def _plain_tensor(value: Tensor) -> Any:
    if value.is_quantized or value.is_nested:
        return Unreadable("a quantised or nested tensor")
    dense = value.detach().to_dense() if value.layout != torch.strided else value.detach()
    return dense.as_subclass(Tensor).cpu().clone(memory_format=torch.contiguous_format)


def _raiser(exception: BaseException) -> CodeType:
    """The code that raised: an empty stub, or something that the function calls."""
    traceback = exception.__traceback__
    while traceback.tb_next:
        traceback = traceback.tb_next
    return traceback.tb_frame.f_code


def _code(function: Callable) -> CodeType | None:
    return getattr(function, "__code__", getattr(type(function).__call__, "__code__", None))


def caller_state(case: Case) -> dict[tuple[str, str], Any]:
    """All that a call must leave as it is, as (name, aspect) -> a copy."""
    given = {**case.arguments, **case.keywords}
    # Who was given a generator has no business with the global random state. Others may draw from
    # it, as a layer does when it is made; but nobody sets its seed.
    drawing = any(isinstance(value, torch.Generator) for value in given.values())
    state: dict[tuple[str, str], Any] = {
        ("torch", "random state" if drawing else "seed"): (
            torch.get_rng_state() if drawing else torch.initial_seed()
        ),
        ("torch", "gradient mode"): torch.is_grad_enabled(),
        ("torch", "default dtype"): torch.get_default_dtype(),
    }
    for name, value in {**given, **case.watched}.items():
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(part, nn.Module):
                state |= {(name, aspect): copy for aspect, copy in _module_state(part).items()}
            elif isinstance(part, Tensor):
                for aspect, copy in _tensor_state(part).items():
                    state.setdefault((name, aspect), []).append(copy)
    return state


def _tensor_state(tensor: Tensor) -> dict[str, Any]:
    return {
        "values": tensor.detach().clone(),
        "requires_grad": tensor.requires_grad,
        "grad": None if not tensor.is_leaf or tensor.grad is None else tensor.grad.clone(),
    }


def _module_state(model: nn.Module) -> dict[str, Any]:
    parameters = [_tensor_state(parameter) for parameter in model.parameters()]
    parts = list(model.modules())
    return {
        "parameters": [state["values"] for state in parameters],
        "requires_grad of the parameters": [state["requires_grad"] for state in parameters],
        "gradients of the parameters": [state["grad"] for state in parameters],
        "mode": [part.training for part in parts],
        "buffers": [buffer.clone() for buffer in model.buffers()],
        "hooks": [_hooks(part) for part in parts],
    }


def _hooks(part: nn.Module) -> list[int]:
    """The numbers that torch gives to the hooks of a module."""
    kinds = (
        part._forward_hooks,
        part._forward_pre_hooks,
        part._backward_hooks,
        part._backward_pre_hooks,
    )
    return [number for hooks in kinds for number in hooks]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        if not one.is_floating_point():
            return torch.equal(one, other)
        return torch.allclose(one.detach(), other.detach(), rtol=0, atol=0, equal_nan=True)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other


def _in_one_line(exception: BaseException) -> str:
    try:
        lines = str(exception).strip().splitlines()
    except Exception:
        lines = []  # an exception of the student's own, which cannot even say what it is
    text = f"{type(exception).__name__}: {lines[0]}" if lines else type(exception).__name__
    return text if len(text) <= 300 else text[:297] + "..."
