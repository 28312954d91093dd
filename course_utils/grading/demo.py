"""The instructor's whole loop on a generated class whose marks are known beforehand."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

from course_utils.authoring.build import lecture_of_assignment, master_path
from course_utils.exercises import exercises
from course_utils.grading.class_results import class_results
from course_utils.grading.classroom import Sample, classroom
from course_utils.grading.course import nbgrader
from course_utils.grading.grade import GRADED, Ending, grade
from course_utils.grading.release import release
from course_utils.grading.report import FOLDER, write_report

MARK = ".demonstration"  # a folder with this file may be removed


def fresh(root: Path) -> None:
    """Make an empty folder for a demonstration; an earlier one is removed.

    Raises:
        ValueError: if something else is there.
    """
    if root.exists() and not (root / MARK).exists() and any(root.iterdir()):
        raise ValueError(f"{root} must be empty or hold an earlier demonstration.")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    (root / MARK).touch()


def new_course(root: Path, original: Path) -> None:
    """A course folder in `root` with the masters and the configuration of `original`."""
    root.mkdir(parents=True, exist_ok=True)
    shutil.copytree(original / "solutions", root / "solutions", dirs_exist_ok=True)
    shutil.copy(original / "nbgrader_config.py", root)


def released_to_class(root: Path, assignment: str, number: int = 40) -> list[Sample]:
    """Release an assignment in the course at `root`; returns what a generated class makes of it."""
    released = nbformat.read(release(assignment, root), as_version=4)
    master = nbformat.read(master_path(assignment, root / "solutions"), as_version=4)
    return classroom(exercises(lecture_of_assignment(assignment)), released, master, number)


def new_class(root: Path, assignment: str, number: int = 40) -> list[Sample]:
    """Release an assignment in the course at `root`, and hand in a generated class's work."""
    samples = released_to_class(root, assignment, number)
    for sample in samples:
        submit(root, assignment, sample)
    return samples


def submit(root: Path, assignment: str, sample: Sample) -> None:
    """Put a sample where nbgrader looks for submissions."""
    path = root / "submitted" / sample.student / assignment / f"{assignment}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    if sample.content is not None:
        path.write_text(sample.content, encoding="utf-8")


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


def play(root: Path, original: Path, assignment: str, number: int = 40) -> int:
    """Release, submit, grade, give feedback and report; print each mark beside the known one.

    Returns:
        How many students' marks differ from the known ones.
    """
    root = root.resolve()
    new_course(root, original)
    samples = new_class(root, assignment, number)
    print(
        f"{assignment} is released, and {number} students have handed it in. Grading:", flush=True
    )
    endings = {one.student: one for one in grade(root, assignment, progress=True)}
    api = nbgrader(root)
    differing = 0
    for sample in samples:
        ending = endings[sample.student]
        if ending.state == GRADED:
            api.generate_feedback(assignment, sample.student, force=True)
        as_known, got = compared(root, assignment, sample, ending)
        differing += not as_known
        print(
            f"{sample.student}  {sample.kind:35s} {got:>15s}  {'' if as_known else 'NOT '}as known"
        )
    (report,) = write_report(class_results(root, assignment), root / FOLDER)
    print(f"{number - differing} of {number} students have the marks that are known beforehand.")
    print(f"Gradebook and feedback are in {root}. What the class understood: {report}")
    return differing


def compared(root: Path, assignment: str, sample: Sample, ending: Ending) -> tuple[bool, str]:
    """Whether a student's marks are the known ones, and what they are in words."""
    if ending.state != GRADED:
        return sample.marks is None, "no grade"
    got = marks(root, assignment, sample.student)
    full = sum(one.points for one in exercises(lecture_of_assignment(assignment)))
    return got == sample.marks, f"{sum(got.values()):g} of {full:g} points"
