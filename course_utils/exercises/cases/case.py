"""A case: what a student's function is run on. No expected value is known here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


def unchanged(result: Any) -> Any:
    """The result as the function returned it."""
    return result


@dataclass(frozen=True)
class Case:
    """One call of the student's function.

    Attributes:
        name: completes the sentence "On …", e.g. "two colour images".
        arguments: what the function is called with, by position; the names are for messages.
        keywords: further arguments, given by name.
        finish: turns the result into plain data, e.g. applies a function that was returned.
        parts: what the parts of the finished result are called, if it has several.
        watched: further tensors and modules, by name, that the call must leave as they are (those
            among the arguments are watched anyway).
        tolerance: how far a right answer may lie from the expected one, relative to the largest
            expected value.
    """

    name: str
    arguments: dict[str, Any]
    keywords: dict[str, Any] = field(default_factory=dict)
    finish: Callable[[Any], Any] = unchanged
    parts: tuple[str, ...] = ()
    watched: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-5
