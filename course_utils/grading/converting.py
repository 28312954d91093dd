"""What `course grade` asks of nbgrader: to clean a submission, to save its marks, to say who has any."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import Autograde
from sqlalchemy.exc import SAWarning

from course_utils.grading import nbgrader_parts
from course_utils.grading.by_hand import keep_resolved, resolved
from course_utils.grading.intake import TIMESTAMP


class GradebookUnusable(RuntimeError):
    """The gradebook cannot be reached or written; the message says why."""


def cleaning(api: NbGraderAPI) -> Callable[[Path], dict]:
    """nbgrader's cleaning of a submission, up to where it would be executed.

    Returns:
        A function from a submitted notebook to nbgrader's resources, with its `job`, or with why it
        was `refused`.
    """
    converter = Autograde(coursedir=api.coursedir, parent=api, config=api.config)
    exporter = converter.exporter_class(parent=converter, config=converter.config)
    for part in converter.sanitize_preprocessors:
        here = getattr(part, "__name__", part).rpartition(".")[2]
        exporter.register_preprocessor(
            nbgrader_parts.Park if here == nbgrader_parts.BoxedExecute.__name__ else part,
            enabled=True,
        )
        if here == nbgrader_parts.BoxedExecute.__name__:
            break

    def clean(notebook: Path) -> dict:
        resources = converter.init_single_notebook_resources(str(notebook))
        return exporter.from_filename(str(notebook), resources=resources)[1]

    return clean


def students_in_gradebook(api: NbGraderAPI, assignment: str) -> set[str]:
    """Who has marks for an assignment.

    Raises:
        ValueError: if the gradebook does not know the assignment.
    """
    with Gradebook(api.coursedir.db_url, api.coursedir.course_id) as gradebook:
        try:
            gradebook.find_assignment(assignment)
        except MissingEntry:
            raise ValueError(
                f"The gradebook has no {assignment}. Run: course release {assignment}"
            ) from None
        return {row.student_id for row in gradebook.assignment_submissions(assignment)}


def graded_as(api: NbGraderAPI, assignment: str, student: str) -> str | None:
    """The job that the graded notebook names, or why it was refused; None if it is not graded.

    What was handed in again at another time is not graded, whatever it holds: it may be late.
    """
    graded, submitted = (
        Path(api.coursedir.format_path(folder, student, assignment))
        for folder in (api.coursedir.autograded_directory, api.coursedir.submitted_directory)
    )
    try:
        notebook = json.loads((graded / f"{assignment}.ipynb").read_text(encoding="utf-8"))
        course = notebook["metadata"]["course"]
    except (OSError, ValueError, KeyError):  # never written, or only in part
        return None
    if _content(graded / TIMESTAMP) != _content(submitted / TIMESTAMP):
        return None
    return course.get("job") or course.get("refused")


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def save(api: NbGraderAPI, assignment: str, student: str) -> str | None:
    """nbgrader's own autograding, which finds the stored result.

    Returns:
        Why it could not be done; None if it is done.

    Raises:
        GradebookUnusable: if the gradebook is the reason.
    """
    by_hand = resolved(api, assignment, student)
    with warnings.catch_warnings():
        # nbgrader makes its rows in an order that the database library remarks upon.
        warnings.simplefilter("ignore", SAWarning)
        done = api.autograde(assignment, student, force=True, create=True)
    if done["success"]:
        keep_resolved(api, assignment, student, by_hand)
        return None
    told = done.get("error", "") + done.get("log", "")
    if re.search(r"^KeyboardInterrupt", told, re.M):  # nbgrader keeps it to itself
        raise KeyboardInterrupt
    reasons = re.findall(r"^([\w.]+(?:Error|Exception|Refused|NoBox)): (.+)", told, re.M)
    for kind, reason in reasons:
        if kind.endswith("OperationalError"):
            raise GradebookUnusable(reason)
    own = [f"{kind.rpartition('.')[2]}: {why}" for kind, why in reasons if "NbGrader" not in kind]
    return f"nbgrader could not save it: {(own or ['no reason given'])[-1][:300]}"
