"""The cases of every exercise, one module for each lecture, one function for each exercise.

`cases.gradients.vanilla_gradient(seed)` makes the cases of that exercise. Cases are all that is
needed where a student's code runs: neither a reference nor an expected value is in here.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable

from course_utils.exercises.cases.case import Case

LECTURES = (
    "start_here",
    "gradients",
    "smoothgrad",
    "integrated_gradients",
    "activation_maps",
    "attention",
    "adversarial",
    "critique",
)


def exercise_names(lecture: str) -> list[str]:
    """The exercises of a lecture: the public functions of its cases, in their order."""
    module = _module(lecture)
    return [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    ]


def lecture_of(name: str) -> str:
    """The lecture that an exercise belongs to."""
    for lecture in LECTURES:
        if name in exercise_names(lecture):
            return lecture
    known = [name for lecture in LECTURES for name in exercise_names(lecture)]
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"There is no exercise called {name!r}.{hint}")


def make_cases(name: str, seed: int) -> list[Case]:
    """New cases of an exercise: the same seed makes the same ones."""
    maker: Callable[[int], list[Case]] = getattr(_module(lecture_of(name)), name)
    return maker(seed)


def _module(lecture: str):
    return importlib.import_module(f"{__name__}.{lecture}")
