"""What became of an assignment, student by student: read from the gradebook and the graded notebooks.

One notebook at a time is in memory, and little is kept of each: the size of the class does not matter.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry, SubmittedAssignment

from course_utils.grading.admission import SET_ASIDE
from course_utils.grading.course import nbgrader
from course_utils.grading.intake import REASONS
from course_utils.grading.judging import graded_exercise, is_test
from course_utils.grading.roster import ROSTER, read_roster

LONGEST_EXAMPLE = 30  # lines


@dataclass(frozen=True)
class Answered:
    """What became of one graded cell of one student.

    Attributes:
        name: the exercise, or the cell's grade_id where an instructor wrote the test.
        score: its automatic points.
        points: what it is worth.
        outcome: passed, failed, timeout, out of memory, kernel died, not run or malformed.
        sentence: why, as the student reads it.
        misconception: the recognised one, or None.
        attempted: False where the stub was left as it was.
        judged: outside or inside the box.
        code: the student's function without comments and names of people; empty if there is none.
    """

    name: str
    score: float
    points: float
    outcome: str
    sentence: str
    misconception: str | None
    attempted: bool
    judged: str
    code: str


@dataclass(frozen=True)
class Graded:
    """A student's graded submission.

    Attributes:
        student: their id.
        score: all points that they have, those given by hand too.
        automatic: the points for what is graded automatically.
        waiting: how many answers wait to be graded by hand.
        answers: one for each automatically graded cell, in the notebook's order.
        refused: why the notebook could not be read; empty if it could.
        seconds: how long it ran; None if it did not.
        memory: the most bytes that it held; None if it did not run.
        boxed: False where it ran outside the box.
    """

    student: str
    score: float
    automatic: float
    waiting: int
    answers: tuple[Answered, ...]
    refused: str
    seconds: float | None
    memory: int | None
    boxed: bool


@dataclass(frozen=True)
class ClassResults:
    """An assignment's results.

    Attributes:
        assignment: its name.
        points: what it is worth, the written answers included.
        automatic_points: what is graded automatically.
        graded: who is graded.
        without: who is not, each with the reason.
    """

    assignment: str
    points: float
    automatic_points: float
    graded: tuple[Graded, ...]
    without: tuple[tuple[str, str], ...]


def class_results(root: Path, assignment: str) -> ClassResults:
    """Read the results of an assignment.

    Args:
        root: the course's folder.
        assignment: e.g. "01_gradients".

    Raises:
        ValueError: if the gradebook has no such assignment.
        FileNotFoundError: if `root` is no course's folder.
    """
    root = root.resolve()
    coursedir = nbgrader(root).coursedir
    submitted = root / coursedir.submitted_directory
    autograded = root / coursedir.autograded_directory
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        try:
            entry = gradebook.find_assignment(assignment)
        except MissingEntry:
            raise ValueError(
                f"The gradebook has no assignment {assignment!r}. "
                f"Run first: course release {assignment}"
            ) from None
        cells = [cell for notebook in entry.notebooks for cell in notebook.grade_cells]
        by_hand = {cell.name for cell in cells if cell.cell_type == "markdown"}
        known = {student.id: _names(student) for student in gradebook.students}
        if (root / ROSTER).exists():
            known |= {student.id: _names(student) for student in read_roster(root / ROSTER)}
        graded, without = [], []
        for submission in sorted(entry.submissions, key=lambda one: one.student.id):
            student = submission.student.id
            path = autograded / student / assignment / f"{assignment}.ipynb"
            if path.is_file():
                graded.append(_graded(submission, path, by_hand, known[student]))
        handed_in = {path.parent.name for path in submitted.glob(f"*/{assignment}")}
        aside = _set_aside(root, assignment)
        done = {one.student for one in graded}
        for student in sorted((set(known) | handed_in | set(aside)) - done):
            reason = aside.get(student) or _why_not(submitted / student, assignment)
            without.append((student, reason))
        automatic = sum(cell.max_score for cell in cells if cell.name not in by_hand)
        return ClassResults(assignment, entry.max_score, automatic, tuple(graded), tuple(without))


def _names(student) -> list[str]:
    """What a student may have called themselves in the code."""
    given = [student.id, student.first_name, student.last_name, student.email]
    parts = [part for name in given if name for part in [name, *re.split(r"[\s@._-]+", name)]]
    return sorted({part for part in parts if len(part) > 2}, key=len, reverse=True)


def _graded(
    submission: SubmittedAssignment, path: Path, by_hand: set[str], names: list[str]
) -> Graded:
    notebook = nbformat.read(path, as_version=4)
    grades = {grade.name: grade for one in submission.notebooks for grade in one.grades}
    automatic = {name: grade for name, grade in grades.items() if name not in by_hand}
    course = notebook.metadata.get("course", {})
    return Graded(
        student=submission.student.id,
        score=submission.score,
        automatic=sum(grade.auto_score or 0.0 for grade in automatic.values()),
        waiting=sum(bool(grade.needs_manual_grade) for grade in grades.values()),
        answers=tuple(_answers(notebook, automatic, names)),
        refused=course.get("refused", ""),
        seconds=course.get("seconds"),
        memory=course.get("memory"),
        boxed=course.get("boxed", True),
    )


def _answers(notebook: NotebookNode, grades: dict, names: list[str]) -> Iterator[Answered]:
    for cell in filter(is_test, notebook.cells):
        grading, course = cell.metadata["nbgrader"], cell.metadata.get("course", {})
        grade = grades.get(grading["grade_id"])
        exercise = graded_exercise(cell)
        misconception = course.get("misconception")
        yield Answered(
            name=exercise or grading["grade_id"],
            score=(grade.auto_score or 0.0) if grade else 0.0,
            points=float(grading.get("points", 0)),
            outcome=course.get("outcome", "not run"),
            sentence=course.get("sentence", ""),
            misconception=misconception,
            attempted=course.get("attempted", True),
            judged=course.get("judged", ""),
            code=_function(notebook, exercise, names) if misconception else "",
        )


def _function(notebook: NotebookNode, name: str, names: list[str]) -> str:
    """The last function of this name, without comments, docstring and whose it is."""
    found = ""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        try:
            nodes = ast.parse(cell.source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in nodes:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                found = _without_docstring(node)
    for person in names:  # as a word, also between underscores: `torch` is nobody called Tor
        whole = rf"(?<![^\W\d_]){re.escape(person)}(?![^\W\d_])"
        found = re.sub(whole, "…", found, flags=re.IGNORECASE)
    lines = found.splitlines()
    return "\n".join([*lines[:LONGEST_EXAMPLE], "…"] if len(lines) > LONGEST_EXAMPLE else lines)


def _without_docstring(node: ast.FunctionDef) -> str:
    if ast.get_docstring(node) is not None:
        node.body = node.body[1:] or [ast.Pass()]
    try:
        return ast.unparse(node)
    except RecursionError:
        return ""


def _set_aside(root: Path, assignment: str) -> dict[str, str]:
    """Why a student's submission was set aside, or not graded; the latest reason."""
    found = {}
    for path in sorted((root / SET_ASIDE).glob(f"*/{REASONS}")):
        for line in path.read_text(encoding="utf-8").splitlines():
            folder, _, reason = line.partition(": ")
            if re.fullmatch(rf"{re.escape(assignment)}(-\d+)?", folder):
                found[path.parent.name] = reason
    return found


def _why_not(folder: Path, assignment: str) -> str:
    """Why a student who was not set aside has no grade."""
    if not (folder / assignment).is_dir():
        return "has handed in nothing"
    return f"is not graded yet: run course grade {assignment}"
