"""What a student's function gives on the cases, as plain data: results, side effects, errors.

This runs where the student's code runs. It knows no reference and no expected value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Number
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
    with torch.random.fork_rng(devices=[]):  # what the call does to the random state ends here
        before = caller_state(case)
        try:
            value = plain(case.finish(function(*case.arguments.values(), **case.keywords)))
        except NotImplementedError as exception:
            attempted = bool(str(exception))  # the empty stub raises it without a word
            error = _in_one_line(exception)
        except Exception as exception:
            error = _in_one_line(exception)
        after = caller_state(case)
        torch.set_grad_enabled(before["torch", "gradient mode"])
    changes = tuple(key for key in before if not _same(before[key], after.get(key)))
    return Answer(value, changes, error, attempted)


def plain(value: Any) -> Any:
    """The value as plain data, detached and copied."""
    if isinstance(value, Tensor):
        dense = value.detach().to_dense() if value.layout != torch.strided else value.detach()
        return dense.as_subclass(Tensor).cpu().clone(memory_format=torch.contiguous_format)
    if isinstance(value, (np.bool_, np.number)):
        return value.item()
    if value is None or isinstance(value, (Number, str)):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(plain(part) for part in value)
    return Unreadable(f"a {type(value).__module__}.{type(value).__qualname__}")


def caller_state(case: Case) -> dict[tuple[str, str], Any]:
    """All that a call must leave as it is, as (name, aspect) -> a copy."""
    state: dict[tuple[str, str], Any] = {
        ("torch", "random state"): torch.get_rng_state(),
        ("torch", "gradient mode"): torch.is_grad_enabled(),
    }
    for name, value in {**case.arguments, **case.keywords, **case.watched}.items():
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
        "parameters": [(state["values"], state["requires_grad"]) for state in parameters],
        "gradients of the parameters": [state["grad"] for state in parameters],
        "mode": [part.training for part in parts],
        "buffers": [buffer.clone() for buffer in model.buffers()],
        "hooks": [
            len(part._forward_hooks) + len(part._forward_pre_hooks) + len(part._backward_hooks)
            for part in parts
        ],
    }


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and torch.equal(
            torch.nan_to_num(one.detach()), torch.nan_to_num(other.detach())
        )
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other


def _in_one_line(exception: Exception) -> str:
    lines = str(exception).strip().splitlines()
    text = f"{type(exception).__name__}: {lines[0]}" if lines else type(exception).__name__
    return text if len(text) <= 300 else text[:297] + "..."
