"""What of the course passes so far: kept on the student's disk, one small file an exercise."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from course_utils.exercises import exercises, find_exercise
from course_utils.exercises.cases import LECTURES, lecture_of
from course_utils.whole_files import write_whole

FOLDER_VARIABLE = "COURSE_PROGRESS_FOLDER"
TITLES = {"smoothgrad": "SmoothGrad", "adversarial": "Adversarial attacks"}  # others: as the name
LEFT = "style='text-align: left'"


class Progress:
    """How far one is: a table in a notebook, lines of text elsewhere."""

    def __init__(self, rows: list[tuple[str, list[tuple[str, bool | None]], int, int]]) -> None:
        self.rows = rows  # lecture, [(exercise, passed)], points so far, points in all

    def __repr__(self) -> str:
        return "\n".join(
            f"{_title(lecture):26s} {_bar(gained, points)} {gained:3d} of {points:3d} points"
            for lecture, _, gained, points in self.rows
        )

    def _repr_html_(self) -> str:
        names = ("Lecture", "Exercises", "Points")
        head = "".join(f"<th scope='col' {LEFT}>{name}</th>" for name in names)
        body = "".join(
            f"<tr><th scope='row' {LEFT}>{_title(lecture)}</th><td {LEFT}>{_marks(states)}</td>"
            f"<td {LEFT}>{gained} of {points}</td></tr>"
            for lecture, states, gained, points in self.rows
        )
        note = "✔ passes, ✘ does not pass yet, ○ not tried. Written questions are graded by hand."
        return (
            f"<table><caption {LEFT}>{note}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def progress(lecture: str | None = None) -> Progress:
    """What passes so far, in one lecture or in the whole course.

    Args:
        lecture: e.g. "gradients"; all lectures if not given.

    Raises:
        ValueError: if there is no such lecture.
    """
    rows = []
    for one in LECTURES if lecture is None else [lecture]:
        declared = exercises(one)
        states = [(exercise.name, _passed(exercise.name)) for exercise in declared]
        gained = sum(exercise.points for exercise in declared if _passed(exercise.name))
        rows.append((one, states, gained, sum(exercise.points for exercise in declared)))
    return Progress(rows)


def record(name: str, passed: bool | None) -> None:
    """Remember the last verdict of an exercise; None: it is an empty stub (again).

    A disk that cannot be written to is no error.
    """
    path = _path(find_exercise(name).name)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps({"exercise": name, "passed": passed}))


def _passed(name: str) -> bool | None:
    """The last verdict: True, False, or None where there is none (or none that can be read)."""
    try:
        passed = json.loads(_path(name).read_text())["passed"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return passed if isinstance(passed, bool) else None


def _path(name: str) -> Path:
    folder = os.environ.get(FOLDER_VARIABLE) or Path(jupyter_data_dir()) / "saliency-course"
    return Path(folder) / lecture_of(name) / f"{name}.json"


def _title(lecture: str) -> str:
    title = TITLES.get(lecture, lecture.replace("_", " ").capitalize())
    return f"{LECTURES.index(lecture)} {title}"


def _bar(gained: int, points: int) -> str:
    filled = round(20 * gained / points) if points else 0
    return "█" * filled + "·" * (20 - filled)


def _marks(states: list[tuple[str, bool | None]]) -> str:
    sign = {True: "✔", False: "✘", None: "○"}
    return "<br>".join(f"{sign[passed]} <code>{name}</code>" for name, passed in states)
