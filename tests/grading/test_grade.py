"""`course grade`: a whole class, whatever happens on the way."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import sqlite3
import subprocess
import sys

import nbformat
import pytest
from nbgrader.api import Gradebook, MissingEntry, SubmittedAssignment

from course_utils.checking import HIDDEN_SEED_VARIABLE
from course_utils.grading import grade as grading
from course_utils.grading.demo import marks
from course_utils.grading.grade import GRADED, WITHOUT, grade, summary
from course_utils.grading.pool import execute_all
from course_utils.grading.release import release

from .test_grading_with_nbgrader import (
    ASSIGNMENT,
    SEED,
    _released,
    _solved,
    _submit,
    course,  # noqa: F401  (a fixture)
)

KILLS = int(os.environ.get("COURSE_KILLS", "4"))
STUDENTS = 40 if "COURSE_KILLS" in os.environ else 4  # to be killed among
FULL = {"channel_mean": 1.0, "logistic_gradient": 2.0}
WRONG, NONE = {**FULL, "channel_mean": 0.0}, dict.fromkeys(FULL, 0.0)


@pytest.fixture
def root(course, tmp_path, monkeypatch):  # noqa: F811
    """A fresh copy of the course, in which nobody has handed in anything."""
    for name in ("solutions", "notebooks"):
        shutil.copytree(course / name, tmp_path / name)
    for name in ("nbgrader_config.py", "gradebook.db"):
        shutil.copy(course / name, tmp_path)
    monkeypatch.setenv(HIDDEN_SEED_VARIABLE, str(SEED))
    return tmp_path


@pytest.fixture
def executed(monkeypatch):
    """How many jobs each run has executed."""
    counts = []

    def counted(jobs, pool):
        counts.append(0)
        for ended in execute_all(jobs, pool):
            counts[-1] += 1
            yield ended

    monkeypatch.setattr(grading, "execute_all", counted)
    return counts


def _wrong(root):
    notebook = _solved(root)
    for cell in notebook.cells:
        cell.source = cell.source.replace("mean(dim=1)", "sum(dim=1)")
    return notebook


def _class(root, number=4):
    """Students whose marks are known; no two have handed in the same."""
    kinds = [(_solved, FULL), (_wrong, WRONG), (_released, NONE), (lambda _: "{no notebook", NONE)]
    names = ["right", "wrong", "blank", "broken"]
    known = {}
    for index in range(number):
        content, scores = kinds[index % 4][0](root), kinds[index % 4][1]
        student = names[index % 4] + (str(index // 4) if index >= 4 else "")
        if not isinstance(content, str):
            for cell in content.cells:
                if cell.metadata.get("nbgrader", {}).get("solution"):
                    cell.source += f"\n# {student}"
        _submit(root, student, content)
        known[student] = scores
    return known


def _all_marks(root, known):
    return {student: marks(root, ASSIGNMENT, student) for student in known}


def test_a_mark_is_not_the_known_one_or_somebody_has_neither_mark_nor_reason(root, executed):
    known = _class(root)
    (root / "submitted" / "forgot" / ASSIGNMENT).mkdir(parents=True)
    _submit(root, "no name!", _solved(root))
    endings = {ending.student: ending for ending in grade(root, ASSIGNMENT)}
    assert _all_marks(root, known) == known
    assert {name for name, ending in endings.items() if ending.state == WITHOUT} == {
        "forgot",
        "no name!",
    }
    assert f"no {ASSIGNMENT}.ipynb" in endings["forgot"].reason
    assert "no valid JSON" in endings["broken"].reason
    text = summary(list(endings.values()))
    assert text.startswith("4 of 6 submissions are graded.")
    assert "forgot: without a grade" in text
    assert not list((root / grading.RESULTS).iterdir()), "results are kept after they were saved"

    # A second run has nothing to do, and a resubmission is the only one that is done again.
    assert {e.state for e in grade(root, ASSIGNMENT, students=list(known))} == {GRADED}
    _submit(root, "blank", _wrong(root))
    grade(root, ASSIGNMENT, students=list(known))
    assert executed == [3, 0, 1]
    assert marks(root, ASSIGNMENT, "blank") == WRONG


def test_a_manual_grade_is_lost_or_another_seed_changes_nothing(root, executed, monkeypatch):
    _submit(root, "right", _solved(root))
    grade(root, ASSIGNMENT)
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        row = gradebook.find_grade("own_test", ASSIGNMENT, ASSIGNMENT, "right")
        row.manual_score, row.extra_credit = 2.5, 0.5
        comment = gradebook.find_comment("own", ASSIGNMENT, ASSIGNMENT, "right")
        comment.manual_comment = "Well thought out."
        gradebook.db.commit()
    grade(root, ASSIGNMENT, force=True)
    monkeypatch.setenv(HIDDEN_SEED_VARIABLE, str(SEED + 1))
    grade(root, ASSIGNMENT)
    grade(root, ASSIGNMENT)
    assert executed == [1, 1, 1, 0]
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        row = gradebook.find_grade("own_test", ASSIGNMENT, ASSIGNMENT, "right")
        assert (row.manual_score, row.extra_credit, row.auto_score) == (2.5, 0.5, 3.0)
        comment = gradebook.find_comment("own", ASSIGNMENT, ASSIGNMENT, "right")
        assert comment.comment == "Well thought out."


def test_what_is_handed_in_again_late_keeps_its_old_time(root, executed):
    folder = _submit(root, "right", _solved(root))
    for time in ("2026-11-01 10:00:00 UTC", "2026-12-01 10:00:00 UTC"):
        (folder / "timestamp.txt").write_text(time)
        grade(root, ASSIGNMENT)
    grade(root, ASSIGNMENT)
    assert executed == [1, 1, 0]
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        assert str(gradebook.find_submission(ASSIGNMENT, "right").timestamp) == time[:19]


def _start(root):
    command = [sys.executable, "-m", "course_utils.command", "grade", ASSIGNMENT]
    return subprocess.Popen(
        [*command, "--folder", str(root), "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _saved(root, student):
    """The marks of a student; None as long as none are saved."""
    try:
        saved = marks(root, ASSIGNMENT, student)
    except MissingEntry:
        return None
    return None if set(saved.values()) == {None} else saved


@pytest.mark.timeout(600 + 60 * KILLS)
def test_a_killed_run_loses_or_doubles_a_mark(root, monkeypatch):
    known = _class(root, STUDENTS)
    generator, kills, seed = random.Random(0), 0, SEED
    between = 0
    while kills < KILLS:
        run = _start(root)
        try:
            assert run.wait(timeout=generator.uniform(2, 12)) == 0
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
            kills += 1
        else:  # all are graded: with another seed all are to be graded anew
            assert _all_marks(root, known) == known
            seed += 1
            monkeypatch.setenv(HIDDEN_SEED_VARIABLE, str(seed))
        saved = {student: _saved(root, student) for student in known}
        assert all(saved[student] in (None, known[student]) for student in known)
        graded = set(_jobs_by_student(root))
        assert all(saved[student] for student in graded), "graded by its file, not in the gradebook"
        between += 0 < len(graded) < len(known)
    print(f"{kills} kills, {between} of the states in between, {seed - SEED} times all were done")
    endings = grade(root, ASSIGNMENT)
    assert [ending.state for ending in endings] == [GRADED] * len(known)
    assert _all_marks(root, known) == known
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        students = [row.student_id for row in gradebook.db.query(SubmittedAssignment)]
    assert sorted(students) == sorted(known)
    assert set(_jobs_by_student(root)) == set(known)


def _jobs_by_student(root):
    """What each whole graded notebook says of itself."""
    found = {}
    for path in (root / "autograded").glob(f"*/{ASSIGNMENT}/{ASSIGNMENT}.ipynb"):
        try:
            found[path.parent.parent.name] = nbformat.read(path, as_version=4).metadata.course
        except ValueError:  # the run was killed while writing it
            continue
    return found


def test_two_runs_at_once_grade_the_same_submissions(root):
    _submit(root, "right", _solved(root))
    with (root / ".grading").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RuntimeError, match="Another `course grade` is at work"):
            grade(root, ASSIGNMENT)


def test_a_gradebook_locked_on_the_way_ends_in_false_reasons_or_lost_work(root, monkeypatch):
    known = _class(root)
    blocker = sqlite3.connect(root / "gradebook.db", isolation_level=None)
    saving, saved = grading.save, []

    def save(*arguments):
        if len(saved) == 2:
            blocker.execute("BEGIN EXCLUSIVE")
        saved.append(arguments[-1])
        return saving(*arguments)

    monkeypatch.setattr(grading, "save", save)
    with pytest.raises(RuntimeError, match=r"gradebook cannot be used.*locked.*again"):
        grade(root, ASSIGNMENT)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert len(saved) == 3
    assert [ending.state for ending in grade(root, ASSIGNMENT)] == [GRADED] * len(known)
    assert _all_marks(root, known) == known
    assert not set(saved[:2]) & set(saved[3:]), "somebody was graded twice"


def test_a_full_disk_ends_in_a_traceback_or_half_a_mark(root):
    known = _class(root)
    (root / grading.RESULTS).mkdir()
    small = ["mount", "-t", "tmpfs", "-o", "size=20k", "tmpfs", str(root / grading.RESULTS)]
    if os.geteuid() or subprocess.run(small, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can only be mounted by root")
    try:
        with pytest.raises(RuntimeError, match=r"The disk is full.*again"):
            grade(root, ASSIGNMENT)
    finally:
        subprocess.run(["umount", str(root / grading.RESULTS)], check=True)
    assert [ending.state for ending in grade(root, ASSIGNMENT)] == [GRADED] * len(known)
    assert _all_marks(root, known) == known
    assert not list((root / grading.RESULTS).iterdir())


def test_a_lost_gradebook_leaves_students_graded_who_have_no_mark(root):
    _submit(root, "right", _solved(root))
    grade(root, ASSIGNMENT)
    (root / "gradebook.db").unlink()
    with pytest.raises(ValueError, match=f"Run: course release {ASSIGNMENT}"):
        grade(root, ASSIGNMENT)
    release(ASSIGNMENT, root)
    grade(root, ASSIGNMENT)
    assert marks(root, ASSIGNMENT, "right") == FULL


def test_nobody_and_strangers_are_graded_without_a_word(root):
    with pytest.raises(ValueError, match="Nobody has handed in"):
        grade(root, ASSIGNMENT)
    _submit(root, "right", _solved(root))
    with pytest.raises(ValueError, match="from: stranger"):
        grade(root, ASSIGNMENT, students=["stranger"])
    with pytest.raises(FileNotFoundError, match=r"has no nbgrader_config\.py"):
        grade(root / "solutions", ASSIGNMENT)
