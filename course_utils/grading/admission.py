"""What of submitted/ is let in to be graded; the rest gets a reason, not silence.

nbgrader_config.py makes `SubmissionExporter` and `admit` a part of nbgrader's own autograding.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat.v4 import new_notebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException

from course_utils.grading.intake import (
    REASONS,
    Refused,
    read_notebook,
    refuse_files,
    require_student,
    set_aside,
)
from course_utils.grading.roster import enrolled

SET_ASIDE = "set_aside"


@dataclass(frozen=True)
class NotAdmitted:
    """A submission that is not graded, and why."""

    folder: Path
    reason: str


def sift(
    folders: Iterable[Path], notebooks: Iterable[str], roster: set[str] | None, root: Path
) -> list[NotAdmitted]:
    """Set strangers' submissions aside, and say of which the notebook is missing.

    Args:
        folders: submissions, each named .../STUDENT/ASSIGNMENT.
        notebooks: the files of which a submission must have one, e.g. "01_gradients.ipynb".
        roster: the ids that are let in; every well-formed one if None.
        root: the course's folder. The reasons are in its set_aside/STUDENT/reasons.txt.

    Returns:
        Those that are not to be graded. A stranger's is moved; one without its notebook stays, since
        the student may still put it there.
    """
    notebooks, refused = sorted(notebooks), []
    for folder in sorted(folders):
        student = folder.parent.name
        aside = root / SET_ASIDE / student
        try:
            require_student(student, roster)
        except Refused as reason:
            refused.append(NotAdmitted(folder, str(reason)))
            set_aside(folder, str(reason), aside)
            continue
        if not any(os.path.lexists(folder / name) for name in notebooks):
            reason = f"There is no {' or '.join(notebooks)} in the submission."
            refused.append(NotAdmitted(folder, reason))
            _say_once(f"{folder.name}: {reason}\n", aside)
    return refused


def _say_once(line: str, folder: Path) -> None:
    """Grading again must not lengthen the list."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / REASONS).open("a+", encoding="utf-8") as reasons:
        reasons.seek(0)
        if line not in reasons.readlines():
            reasons.write(line)


def admit(assignment: str, student: str, notebooks: list[str]) -> None:
    """nbgrader's hook before a submission: set aside the files that are not let in."""
    for folder in {Path(notebook).parent for notebook in notebooks}:
        course = folder.parents[2]
        aside = course / SET_ASIDE / folder.parent.name / folder.name
        for path, reason in refuse_files(folder):
            set_aside(path, reason, aside)


def admit_submissions(converter: Autograde) -> None:
    """Take those off nbgrader's list who are not on the roster or have no notebook, with a reason.

    Raises:
        NbGraderException: if nobody is left, or the roster cannot be read.
    """
    course, assignment = converter.coursedir, converter.coursedir.assignment_id
    released = Path(course.format_path(course.release_directory, ".", assignment))
    notebooks = [path.name for path in released.glob("*.ipynb")] or [f"{assignment}.ipynb"]
    pattern = course.format_path(course.submitted_directory, course.student_id, assignment)
    try:
        roster = enrolled(Path(course.root))
    except ValueError as error:
        converter.log.error("%s", error)
        raise NbGraderException(str(error)) from None
    refused = sift(map(Path, glob.glob(pattern)), notebooks, roster, Path(course.root))
    for one in refused:
        converter.log.warning("Not graded: %s: %s", one.folder.parent.name, one.reason)
    left_out = {str(one.folder) for one in refused}
    converter.assignments = {
        folder: files for folder, files in converter.assignments.items() if folder not in left_out
    }
    if not converter.assignments:
        message = "Nothing is graded. " + " ".join(one.reason for one in refused)
        converter.log.error(message)
        raise NbGraderException(message)


class SubmissionExporter(NotebookExporter):
    """Reads a submission whatever its file holds; a reason takes the place of an exception.

    nbgrader makes its exporter when it has listed the submissions and before it converts the first:
    the one place that is set by configuration, sees the whole list, and may shorten it.
    """

    def __init__(self, config: Any = None, **settings: Any) -> None:
        super().__init__(config=config, **settings)
        if isinstance(self.parent, Autograde) and self.parent.assignments:
            admit_submissions(self.parent)

    def from_filename(self, filename: str, resources: dict | None = None, **settings: Any):
        """The exported notebook; `resources["refused"]` says why it could not be read."""
        path = Path(filename)
        resources = self._init_resources(resources)
        resources["metadata"] |= {"name": path.stem, "path": str(path.parent)}
        try:
            notebook = read_notebook(path)
        except Refused as reason:
            notebook, resources["refused"] = new_notebook(), str(reason)
        return self.from_notebook_node(notebook, resources, **settings)
