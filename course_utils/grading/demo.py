"""The instructor's whole loop on sample submissions whose marks are known beforehand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from course_utils.authoring.build import lecture_of_assignment, master_path
from course_utils.exercises import exercises
from course_utils.grading.course import nbgrader
from course_utils.grading.grade import GRADED, grade
from course_utils.grading.release import release
from course_utils.grading.samples import misconception_answers, right_answers, with_answers


@dataclass(frozen=True)
class Sample:
    """A submission and the automatic marks that it must get, by exercise."""

    student: str
    notebook: NotebookNode
    marks: dict[str, float]


def new_course(root: Path, original: Path) -> None:
    """A course folder in `root` with the masters and the configuration of `original`."""
    root.mkdir(parents=True, exist_ok=True)
    shutil.copytree(original / "solutions", root / "solutions", dirs_exist_ok=True)
    shutil.copy(original / "nbgrader_config.py", root)


def samples(assignment: str, released: NotebookNode, master: NotebookNode) -> Iterator[Sample]:
    """A right and a blank submission, and for each misconception one that is right but for it."""
    declared = exercises(lecture_of_assignment(assignment))
    full = {exercise.name: float(exercise.points) for exercise in declared}
    answers = right_answers(master)
    yield Sample("right", with_answers(released, answers), full)
    yield Sample("blank", nbformat.from_dict(released), dict.fromkeys(full, 0.0))
    for exercise in declared:
        for name, source in misconception_answers(exercise).items():
            student = f"{exercise.name}-{name}".replace(" ", "-").replace(",", "").replace("'", "")
            # The other exercises' own answers may call this one: they bring their own copy along.
            wrong = {**answers, exercise.name: source}
            wrong = {
                other: text if other == exercise.name else independent(text, answers, other)
                for other, text in wrong.items()
            }
            yield Sample(student, with_answers(released, wrong), {**full, exercise.name: 0.0})


def independent(text: str, answers: dict[str, str], name: str) -> str:
    """An answer with the right versions of the other exercises that it calls inside of it."""
    called = [other for other in answers if other != name and f"{other}(" in text]
    for other in called:
        text = text.replace(f"{other}(", f"right_{other}(")
        text = answers[other].replace(f"def {other}(", f"def right_{other}(") + "\n\n\n" + text
    return text


def submit(root: Path, assignment: str, sample: Sample) -> None:
    """Put a sample where nbgrader looks for submissions."""
    path = root / "submitted" / sample.student / assignment / f"{assignment}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(sample.notebook, path)


def marks(root: Path, assignment: str, student: str) -> dict[str, float]:
    """The automatic marks in the gradebook, by exercise."""
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        submission = gradebook.find_submission(assignment, student)
        return {
            grade.name.removeprefix("check_"): grade.auto_score
            for notebook in submission.notebooks
            for grade in notebook.grades
            if grade.name.startswith("check_")
        }


def play(root: Path, original: Path, assignment: str, n_students: int | None = None) -> int:
    """Release, submit, grade and give feedback; print each mark beside the known one.

    Returns:
        How many marks differ from the known ones.
    """
    root = root.resolve()
    new_course(root, original)
    released = nbformat.read(release(assignment, root), as_version=4)
    master = nbformat.read(master_path(assignment, root / "solutions"), as_version=4)
    api, differing = nbgrader(root), 0
    handed_in = list(samples(assignment, released, master))[:n_students]
    for sample in handed_in:
        submit(root, assignment, sample)
    for ending in grade(root, assignment):
        if ending.state != GRADED:
            raise RuntimeError(f"{ending.student} was not graded: {ending.reason}")
    for sample in handed_in:
        api.generate_feedback(assignment, sample.student, force=True)
        got = marks(root, assignment, sample.student)
        differing += got != sample.marks
        sign = "as known" if got == sample.marks else f"KNOWN ARE {sample.marks}"
        total = sum(got.values())
        print(f"{sample.student:60s} {total:5.1f} of {sum(_full(assignment).values()):g}  {sign}")
    print(f"Gradebook and feedback are in {root}.")
    return differing


def _full(assignment: str) -> dict[str, float]:
    return {item.name: item.points for item in exercises(lecture_of_assignment(assignment))}
