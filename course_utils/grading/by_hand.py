"""Marks given by hand: a written answer that is what it was need not be looked at again.

nbgrader keeps the mark when a submission is graded anew, and asks for every one to be reviewed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbgrader.api import Grade, Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI

from course_utils.grading.rebuild import identity


def resolved(api: NbGraderAPI, assignment: str, student: str) -> dict[str, str]:
    """The written answers that have a mark by hand and wait for nobody: name -> text."""
    texts = _written(api, assignment, student)
    if not texts:
        return {}
    with Gradebook(api.coursedir.db_url, api.coursedir.course_id) as gradebook:
        return {
            grade.name: texts[grade.name]
            for grade in _grades(gradebook, assignment, student)
            if grade.name in texts
            and grade.manual_score is not None
            and not grade.needs_manual_grade
        }


def keep_resolved(api: NbGraderAPI, assignment: str, student: str, before: dict[str, str]) -> None:
    """After grading anew, ask for no review of the answers that are as `before`."""
    texts = _written(api, assignment, student) if before else {}
    unchanged = {name for name, text in before.items() if texts.get(name) == text}
    if not unchanged:
        return
    with Gradebook(api.coursedir.db_url, api.coursedir.course_id) as gradebook:
        for grade in _grades(gradebook, assignment, student):
            if grade.name in unchanged:
                grade.needs_manual_grade = False
        gradebook.db.commit()


def _written(api: NbGraderAPI, assignment: str, student: str) -> dict[str, str]:
    """The written answers in the graded notebook, by name; none if there is none."""
    course = api.coursedir
    folder = Path(course.format_path(course.autograded_directory, student, assignment))
    try:
        notebook = nbformat.read(folder / f"{assignment}.ipynb", as_version=4)
    except (OSError, ValueError):  # never written, or only in part
        return {}
    return {identity(c): c.source for c in notebook.cells if c.cell_type == "markdown"}


def _grades(gradebook: Gradebook, assignment: str, student: str) -> Iterator[Grade]:
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        return
    for notebook in submission.notebooks:
        yield from notebook.grades
