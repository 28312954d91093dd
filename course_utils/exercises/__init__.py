"""The exercises: one module for each lecture declares what they ask for and what goes wrong."""

from __future__ import annotations

import importlib

from course_utils.exercises.cases import LECTURES, lecture_of
from course_utils.exercises.exercise import Exercise, WrittenQuestion


def find_exercise(name: str) -> Exercise:
    """The exercise of this name; ValueError with near matches if there is none."""
    return next(exercise for exercise in exercises(lecture_of(name)) if exercise.name == name)


def exercises(lecture: str) -> list[Exercise]:
    """The exercises of a lecture, in their order."""
    return _declared(lecture, Exercise)


def written_questions(lecture: str) -> list[WrittenQuestion]:
    """The questions of a lecture that are answered in words, in their order."""
    return _declared(lecture, WrittenQuestion)


def _declared(lecture: str, kind: type) -> list:
    if lecture not in LECTURES:
        raise ValueError(f"lecture must be one of {', '.join(LECTURES)}, got {lecture!r}.")
    module = importlib.import_module(f"{__name__}.{lecture}")
    return [value for value in vars(module).values() if isinstance(value, kind)]
