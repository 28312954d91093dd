"""When two answers are the same, and what to say where they are not."""

from __future__ import annotations

from numbers import Number
from typing import Any

import torch
from torch import Tensor


def closeness(value: Any, expected: Any, case: Any) -> str | None:
    """What is wrong with `value`, given the expected one, to follow "On …: "; None if nothing is."""
    return difference(value, expected, case.tolerance, case.parts)


def equality(one: Any, other: Any, case: Any) -> bool:
    """Whether two answers to one case are the same, up to rounding."""
    return difference(one, other, case.tolerance) is None


def difference(
    value: Any, expected: Any, tolerance: float, parts: tuple[str, ...] = ()
) -> str | None:
    """The first difference in type, shape or value, as a sentence; None if there is none.

    Numbers are compared in float64 whatever the precision of either side; a number and a tensor
    without axes are the same thing. Values may differ by `tolerance` times the largest expected
    magnitude (times 1, where all expected values are 0).
    """
    if isinstance(expected, (list, tuple)):
        return _sequence_difference(value, expected, tolerance, parts)
    if expected is None or isinstance(expected, str):
        return None if value == expected else f"it should be {expected!r}, got {describe(value)}."
    if not isinstance(value, (Number, Tensor)):
        return f"it should be {describe(expected)}, got {describe(value)}."
    value, expected = torch.as_tensor(value), torch.as_tensor(expected)
    if value.shape != expected.shape:
        return f"its shape should be {tuple(expected.shape)}, got {tuple(value.shape)}."
    return _value_difference(value, expected, tolerance)


def _sequence_difference(
    value: Any, expected: list | tuple, tolerance: float, parts: tuple[str, ...]
) -> str | None:
    if not isinstance(value, (list, tuple)) or len(value) != len(expected):
        return f"it should be {describe(expected)}, got {describe(value)}."
    for position, (one, right) in enumerate(zip(value, expected, strict=True), start=1):
        wrong = difference(one, right, tolerance)
        if wrong:
            name = parts[position - 1] if parts else f"in part {position}"
            return f"{name}: {wrong}"
    return None


def _value_difference(value: Tensor, expected: Tensor, tolerance: float) -> str | None:
    if value.is_complex() or expected.is_complex():
        return "it should hold real numbers, got complex ones."
    value, expected = value.to(torch.float64), expected.to(torch.float64)
    if (torch.isnan(value) != torch.isnan(expected)).any():
        return (
            "it holds NaN where there should be a number."
            if torch.isnan(value).any()
            else "it holds a number where there should be NaN."
        )
    finite = expected[torch.isfinite(expected)].abs()
    scale = finite.max().item() if finite.numel() else 1.0
    scale = scale or 1.0
    wrong = ~torch.isclose(value, expected, rtol=0, atol=tolerance * scale, equal_nan=True)
    if not wrong.any():
        return None
    share = wrong.double().mean().item()
    return f"{share:.0%} of its values are wrong." if 0.005 < share < 1 else "its values are wrong."


def describe(value: Any) -> str:
    """What a value is, in a few words, for a sentence."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}" if value.ndim else "a number"
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, Number):
        return "a number"
    if isinstance(value, (list, tuple)):
        return f"a list or tuple of {len(value)}"
    return str(value) if isinstance(value, Unreadable) else f"a {type(value).__name__}"


class Unreadable(str):
    """Stands in an answer for a thing that is no plain data; the text says what it was."""
