"""The exercises: what each asks for and what goes wrong is declared in `LECTURE/EXERCISE.py`."""

from __future__ import annotations

import importlib
from pathlib import Path

from course_utils.exercises.cases import LECTURES, exercise_names, lecture_of
from course_utils.exercises.exercise import Exercise, WrittenQuestion


def find_exercise(name: str) -> Exercise:
    """The exercise of this name; ValueError with near matches if there is none."""
    return getattr(_module(lecture_of(name), name), name)


def exercises(lecture: str) -> list[Exercise]:
    """The exercises of a lecture, in their order."""
    return [find_exercise(name) for name in exercise_names(_known(lecture))]


def written_questions(lecture: str) -> list[WrittenQuestion]:
    """The questions of a lecture that are answered in words, in their order."""
    if not (Path(__file__).parent / _known(lecture) / "written.py").exists():
        return []
    declared = vars(_module(lecture, "written")).values()
    return [value for value in declared if isinstance(value, WrittenQuestion)]


def _known(lecture: str) -> str:
    if lecture not in LECTURES:
        raise ValueError(f"lecture must be one of {', '.join(LECTURES)}, got {lecture!r}.")
    return lecture


def _module(lecture: str, name: str):
    return importlib.import_module(f"{__name__}.{lecture}.{name}")
