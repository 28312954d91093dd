"""From release to report, on a class of forty in lecture 1: whatever comes of it is the known truth."""

from __future__ import annotations

import html
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from course_utils.authoring.build import master_path
from course_utils.checking import HIDDEN_SEED_VARIABLE
from course_utils.exercises import exercises, find_exercise
from course_utils.grading.class_results import class_results
from course_utils.grading.classroom import classroom
from course_utils.grading.course import nbgrader
from course_utils.grading.demo import compared, fresh, marks, new_class, new_course
from course_utils.grading.grade import WITHOUT, grade

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENT, LECTURE = "01_gradients", "gradients"
FULL = {exercise.name: float(exercise.points) for exercise in exercises(LECTURE)}
KINDS = ("right", "blank", "forged", "ends the kernel", "broken", "misconceptions", "partly right")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A graded class: (course folder, samples by student, how it ended for each)."""
    root = tmp_path_factory.mktemp("course")
    new_course(root, ROOT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HIDDEN_SEED_VARIABLE, "771")
        samples = {sample.student: sample for sample in new_class(root, ASSIGNMENT)}
        endings = {ending.student: ending for ending in grade(root, ASSIGNMENT)}
        result = nbgrader(root).generate_feedback(ASSIGNMENT, force=True)
        assert result["success"], result["log"]
    return root, samples, endings


def _feedback(root, student):
    path = root / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html"
    return html.unescape(path.read_text(encoding="utf-8"))


def _of_kind(samples, kind):
    return [sample for sample in samples.values() if sample.kind.startswith(kind)]


def test_class_lacks_a_kind_or_a_misconception(graded):
    _, samples, _ = graded
    assert len(samples) == 40
    assert all(_of_kind(samples, kind) for kind in KINDS)
    had = {(name, title) for s in samples.values() for name, title in s.misconceptions.items()}
    assert had == {(e.name, wrong.name) for e in exercises(LECTURE) for wrong in e.misconceptions}


def test_mark_differs_from_the_known_one(graded):
    root, samples, endings = graded
    assert set(endings) == set(samples)
    wrong = {
        student: marks(root, ASSIGNMENT, student)
        for student, sample in samples.items()
        if not compared(root, ASSIGNMENT, sample, endings[student])[0]
    }
    assert wrong == {}


def test_solved_notebook_gets_less_than_full_marks_or_a_blank_one_a_point(graded):
    root, samples, _ = graded
    for sample in _of_kind(samples, "right"):
        assert marks(root, ASSIGNMENT, sample.student) == FULL
    (blank,) = _of_kind(samples, "blank")
    assert marks(root, ASSIGNMENT, blank.student) == dict.fromkeys(FULL, 0.0)
    assert "Not attempted yet" in _feedback(root, blank.student)


def test_somebody_has_neither_grade_nor_reason(graded):
    _, samples, endings = graded
    without = [student for student, ending in endings.items() if ending.state == WITHOUT]
    assert without == [s.student for s in samples.values() if s.marks is None]
    for sample in _of_kind(samples, "broken"):
        assert endings[sample.student].reason


def test_feedback_lacks_the_verdict_of_a_misconception(graded):
    root, samples, _ = graded
    for sample in samples.values():
        for name, title in sample.misconceptions.items():
            sentences = {wrong.name: wrong.sentence for wrong in find_exercise(name).misconceptions}
            assert sentences[title] in _feedback(root, sample.student), (
                sample.student,
                name,
                title,
            )


def test_feedback_shows_a_hidden_test_or_the_hidden_seed(graded):
    root, samples, _ = graded
    for sample in samples.values():
        if sample.marks is None:
            continue
        text = _feedback(root, sample.student)
        assert "HIDDEN" not in text
        assert "771" not in text
        assert "BEGIN SOLUTION" not in text


def test_report_counts_otherwise_than_the_truth(graded):
    root, samples, _ = graded
    results = class_results(root, ASSIGNMENT)
    assert [student for student, _ in results.without] == [
        sample.student for sample in samples.values() if sample.marks is None
    ]
    found, known = Counter(), Counter()
    for one in results.graded:
        sample = samples[one.student]
        assert {answer.name: answer.score for answer in one.answers} == sample.marks
        assert one.automatic == sum(sample.marks.values())
        found.update((a.name, a.misconception) for a in one.answers if a.misconception)
        known.update(sample.misconceptions.items())
        assert bool(one.refused) == sample.kind.startswith("broken")
        blank = {answer.name for answer in one.answers if not answer.attempted}
        if sample.kind in ("blank", "partly right"):
            assert blank == {name for name, mark in sample.marks.items() if not mark}
    assert found == known
    assert all(a.code for one in results.graded for a in one.answers if a.misconception)


def test_written_answers_do_not_wait_for_a_hand(graded):
    root, samples, _ = graded
    waiting = {one.student for one in class_results(root, ASSIGNMENT).graded if one.waiting}
    assert waiting == {sample.student for sample in _of_kind(samples, "right")}


def test_demonstration_removes_what_is_none(tmp_path):
    (tmp_path / "thesis.tex").write_text("all of it")
    with pytest.raises(ValueError, match="must be empty or hold an earlier demonstration"):
        fresh(tmp_path)
    assert (tmp_path / "thesis.tex").exists()
    fresh(tmp_path / "demo")
    (tmp_path / "demo" / "old").touch()
    fresh(tmp_path / "demo")
    assert not (tmp_path / "demo" / "old").exists()


def test_class_has_no_student_or_is_another_one_each_time():
    released = nbformat.read(ROOT / f"notebooks/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", as_version=4)
    master = nbformat.read(master_path(ASSIGNMENT, ROOT / "solutions"), as_version=4)
    declared = exercises(LECTURE)
    with pytest.raises(ValueError, match="at least 1 student, got 0"):
        classroom(declared, released, master, 0)
    again = classroom(declared, released, master, 60)
    assert len({sample.student for sample in again}) == 60
    assert classroom(declared, released, master, 40) == again[:40]
