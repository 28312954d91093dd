"""`course grade`: a whole class, whatever happens on the way."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import nbformat
import pytest
from nbgrader.api import Gradebook, SubmittedAssignment

from course_utils.checking import HIDDEN_SEED_VARIABLE
from course_utils.grading import grade as grading
from course_utils.grading.demo import marks
from course_utils.grading.grade import GRADED, WITHOUT, grade, summary
from course_utils.grading.pool import TRIES, execute_all, workers

from .test_grading_with_nbgrader import (
    ASSIGNMENT,
    SEED,
    _released,
    _solved,
    _submit,
    course,  # noqa: F401  (a fixture)
)

KILLS = int(os.environ.get("COURSE_KILLS", "4"))  # 50 take about a quarter of an hour
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

    def counted(jobs, executor):
        jobs = list(jobs)
        counts.append(len(jobs))
        return execute_all(jobs, executor)

    monkeypatch.setattr(grading, "execute_all", counted)
    return counts


def _wrong(root):
    notebook = _solved(root)
    for cell in notebook.cells:
        cell.source = cell.source.replace("mean(dim=1)", "sum(dim=1)")
    return notebook


def _class(root):
    """Four students whose marks are known."""
    known = {
        "right": (_solved(root), FULL),
        "wrong": (_wrong(root), WRONG),
        "blank": (_released(root), NONE),
        "broken": ("{no notebook", NONE),
    }
    for student, (content, _) in known.items():
        _submit(root, student, content)
    return {student: scores for student, (_, scores) in known.items()}


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
        gradebook.db.commit()
    grade(root, ASSIGNMENT, force=True)
    monkeypatch.setenv(HIDDEN_SEED_VARIABLE, str(SEED + 1))
    grade(root, ASSIGNMENT)
    grade(root, ASSIGNMENT)
    assert executed == [1, 1, 1, 0]
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        row = gradebook.find_grade("own_test", ASSIGNMENT, ASSIGNMENT, "right")
        assert (row.manual_score, row.extra_credit, row.auto_score) == (2.5, 0.5, 3.0)


def _start(root):
    command = [sys.executable, "-m", "course_utils.command", "grade", ASSIGNMENT]
    return subprocess.Popen(
        [*command, "--folder", str(root), "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_a_killed_run_loses_or_doubles_a_mark(root):
    known = _class(root)
    generator, alive = random.Random(0), 0
    for _ in range(KILLS):
        run = _start(root)
        time.sleep(generator.uniform(2, 12))
        alive += run.poll() is None
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    assert alive, "every run had ended before it was killed"
    endings = grade(root, ASSIGNMENT)
    assert [ending.state for ending in endings] == [GRADED] * len(known)
    assert _all_marks(root, known) == known
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        students = [row.student_id for row in gradebook.db.query(SubmittedAssignment)]
    assert sorted(students) == sorted(known)
    for student in known:
        path = root / "autograded" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        assert nbformat.read(path, as_version=4).metadata.course


def test_two_runs_at_once_grade_the_same_submissions(root):
    _submit(root, "right", _solved(root))
    with (root / ".grading").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RuntimeError, match="Another `course grade` is at work"):
            grade(root, ASSIGNMENT)


def test_a_locked_gradebook_ends_in_a_traceback_or_for_ever(root):
    _submit(root, "right", _solved(root))
    blocker = sqlite3.connect(root / "gradebook.db", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RuntimeError, match=r"gradebook cannot be used.*locked"):
        grade(root, ASSIGNMENT)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert [ending.state for ending in grade(root, ASSIGNMENT)] == [GRADED]
    assert marks(root, ASSIGNMENT, "right") == FULL


def test_nobody_and_strangers_are_graded_without_a_word(root):
    with pytest.raises(ValueError, match="Nobody has handed in"):
        grade(root, ASSIGNMENT)
    _submit(root, "right", _solved(root))
    with pytest.raises(ValueError, match="from: stranger"):
        grade(root, ASSIGNMENT, students=["stranger"])
    with pytest.raises(FileNotFoundError, match=r"has no nbgrader_config\.py"):
        grade(root / "solutions", ASSIGNMENT)


def test_a_worker_that_fails_once_costs_a_student_the_mark():
    tries = dict.fromkeys("ab", 0)

    def work(job):
        tries[job] += 1
        if job == "b" or tries[job] < TRIES:
            raise OSError("the worker has gone")
        return job.upper()

    with workers(2) as executor:
        ended = {job: (result, why) for job, result, why in execute_all("ab", executor, work)}
    assert ended["a"] == ("A", "")
    assert ended["b"][0] is None
    assert "the worker has gone" in ended["b"][1]
    assert tries == {"a": TRIES, "b": TRIES}


def test_no_worker_is_asked_for_or_no_scheduler_answers():
    with pytest.raises(ValueError, match="at least 1, got 0"), workers(0):
        pass
    with pytest.raises(RuntimeError, match="No Dask scheduler"), workers(None, "tcp://127.0.0.1:9"):
        pass


def _dask(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_a_worker_of_a_cluster_that_is_killed_takes_grades_along(root, tmp_path):
    known = _class(root)
    file = tmp_path / "scheduler.json"
    local = ["--host", "127.0.0.1", "--no-dashboard"]
    parts = [_dask("scheduler", "--scheduler-file", str(file), "--port", "0", *local)]
    try:
        worker = ["worker", "--scheduler-file", str(file), "--no-nanny", "--nthreads", "1"]
        parts += [_dask(*worker, *local) for _ in range(2)]
        while not file.is_file():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        threading.Timer(6, parts[1].kill).start()
        endings = grade(root, ASSIGNMENT, scheduler=address)
    finally:
        for part in parts:
            part.kill()
            part.wait()
    assert [ending.state for ending in endings] == [GRADED] * len(known)
    assert _all_marks(root, known) == known
