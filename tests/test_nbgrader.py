"""nbgrader from release to feedback, on lecture 1: marks and verdicts are the known ones."""

from __future__ import annotations

import html
from itertools import zip_longest
from pathlib import Path

import nbformat
import pytest

from course_utils.authoring.build import master_path
from course_utils.checking import HIDDEN_SEED_VARIABLE
from course_utils.exercises import exercises, find_exercise
from course_utils.grading.demo import Sample, independent, marks, nbgrader, new_course, submit
from course_utils.grading.release import release
from course_utils.grading.samples import misconception_answers, right_answers, with_answers

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENT, LECTURE = "01_gradients", "gradients"
FULL = {exercise.name: float(exercise.points) for exercise in exercises(LECTURE)}


def _submissions(released, answers):
    """Right, blank, and every misconception once; wrong answers stand beside right ones."""
    yield Sample("right", with_answers(released, answers), FULL), {}
    yield Sample("blank", nbformat.from_dict(released), dict.fromkeys(FULL, 0.0)), {}
    wrong = {name: list(misconception_answers(find_exercise(name)).items()) for name in FULL}
    for every_other in (list(FULL)[::2], list(FULL)[1::2]):
        columns = [[(name, *one) for one in wrong[name]] for name in every_other]
        for number, row in enumerate(zip_longest(*columns)):
            chosen = {name: (title, source) for name, title, source in filter(None, row)}
            filled = {
                name: chosen[name][1] if name in chosen else independent(source, answers, name)
                for name, source in answers.items()
            }
            known = {name: 0.0 if name in chosen else points for name, points in FULL.items()}
            student = f"wrong-{every_other[0]}-{number}"
            titles = {name: title for name, (title, _) in chosen.items()}
            yield Sample(student, with_answers(released, filled), known), titles


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A graded class: (course folder, samples, their misconceptions)."""
    root = tmp_path_factory.mktemp("course")
    new_course(root, ROOT)
    path = master_path(ASSIGNMENT, root / "solutions")
    master = nbformat.read(path, as_version=4)
    master.cells = [
        cell for cell in master.cells if "demonstration" not in cell.metadata.get("tags", [])
    ]
    nbformat.write(master, path)
    released = nbformat.read(release(ASSIGNMENT, root), as_version=4)
    submissions = list(_submissions(released, right_answers(master)))
    for sample, _ in submissions:
        submit(root, ASSIGNMENT, sample)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HIDDEN_SEED_VARIABLE, "771")
        api = nbgrader(root)
        result = api.autograde(ASSIGNMENT, "*", force=True, create=True)
        assert result["success"], result["log"]
        result = api.generate_feedback(ASSIGNMENT, force=True)
        assert result["success"], result["log"]
    return root, submissions


def _feedback(root, student):
    path = root / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html"
    return html.unescape(path.read_text(encoding="utf-8"))


def test_solved_notebook_gets_less_than_full_marks(graded):
    root, _ = graded
    assert marks(root, ASSIGNMENT, "right") == FULL


def test_blank_notebook_gets_a_point_or_crashes(graded):
    root, _ = graded
    assert marks(root, ASSIGNMENT, "blank") == dict.fromkeys(FULL, 0.0)
    assert "Not attempted yet" in _feedback(root, "blank")


def test_every_misconception_is_submitted():
    released = nbformat.read(ROOT / "notebooks" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    master = nbformat.read(master_path(ASSIGNMENT, ROOT / "solutions"), as_version=4)
    submitted = {
        (name, title)
        for _, titles in _submissions(released, right_answers(master))
        for name, title in titles.items()
    }
    declared = {(e.name, wrong.name) for e in exercises(LECTURE) for wrong in e.misconceptions}
    assert submitted == declared


def test_misconception_costs_other_than_exactly_its_exercises_points(graded):
    root, submissions = graded
    for sample, titles in submissions:
        assert marks(root, ASSIGNMENT, sample.student) == sample.marks, titles


def test_feedback_lacks_the_verdict_of_a_misconception(graded):
    root, submissions = graded
    for sample, titles in submissions:
        text = _feedback(root, sample.student)
        for name, title in titles.items():
            sentences = {wrong.name: wrong.sentence for wrong in find_exercise(name).misconceptions}
            assert sentences[title] in text, (sample.student, name, title)


def test_feedback_shows_a_hidden_test_or_the_hidden_seed(graded):
    root, submissions = graded
    for sample, _ in submissions:
        text = _feedback(root, sample.student)
        assert "HIDDEN" not in text
        assert "771" not in text
        assert "BEGIN SOLUTION" not in text
