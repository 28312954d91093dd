"""Executing jobs on workers that fail, die, are other than they should be, or are not there."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from course_utils.grading import grade as grading
from course_utils.grading import pool as pools
from course_utils.grading.grade import GRADED, grade
from course_utils.grading.jobs import Job
from course_utils.grading.pool import TRIES, Pool, execute_all, execute_elsewhere, workers

from .test_grade import _all_marks, _class, executed, root  # noqa: F401  (fixtures)
from .test_grading_with_nbgrader import ASSIGNMENT, course  # noqa: F401  (a fixture)


def test_a_worker_that_fails_once_costs_a_student_the_mark():
    tries = dict.fromkeys("ab", 0)

    def work(job):
        tries[job] += 1
        if job == "b" or tries[job] < TRIES:
            raise OSError("the worker has gone")
        return job.upper()

    with ThreadPoolExecutor(2) as executor:
        pool = Pool(executor, work, lambda: 2)
        ended = {job: (result, why) for job, result, why in execute_all("ab", pool)}
    assert ended["a"] == ("A", "")
    assert ended["b"][0] is None
    assert "the worker has gone" in ended["b"][1]
    assert tries == {"a": TRIES, "b": TRIES}


def test_all_jobs_of_a_class_are_held_in_memory_at_once():
    taken, ended, most = itertools.count(1), 0, 0

    def jobs():
        nonlocal most
        for number in range(100):
            most = max(most, next(taken) - ended)
            yield number

    with ThreadPoolExecutor(3) as executor:
        for _ in execute_all(jobs(), Pool(executor, lambda job: job, lambda: 3)):
            ended += 1
    assert ended == 100
    assert most <= 3 * 2 + 3  # what is submitted, and what has ended since it was looked at


def test_no_worker_is_asked_for_or_no_scheduler_answers(monkeypatch):
    monkeypatch.setattr(pools, "SECONDS_TO_ANSWER", 1)
    with pytest.raises(ValueError, match="at least 1, got 0"), workers(0):
        pass
    with pytest.raises(RuntimeError, match="No Dask scheduler"), workers(None, "tcp://127.0.0.1:9"):
        pass


def test_a_worker_with_another_library_gives_marks():
    with pytest.raises(RuntimeError, match="another version of course_utils"):
        execute_elsewhere(Job("{}", environment="of last year"))


def _dask(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def _cluster(folder):
    """A scheduler's address, its process, and those of its two workers."""
    file, local = folder / "scheduler.json", ["--host", "127.0.0.1", "--no-dashboard"]
    parts = [_dask("scheduler", "--scheduler-file", str(file), "--port", "0", *local)]
    try:
        worker = ["worker", "--scheduler-file", str(file), "--no-nanny", "--nthreads", "1"]
        parts += [_dask(*worker, *local) for _ in range(2)]
        while not file.is_file():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        with pools.workers(None, address) as pool:
            while pool.at_once() < 2:
                time.sleep(0.1)
        yield address, parts
    finally:
        for part in parts:
            part.kill()
            part.wait()


def _kill_after_first_result(monkeypatch, part):
    writing, written = grading.write_result, []

    def write_result(*arguments):
        written.append(writing(*arguments))
        if len(written) == 1:
            part.kill()

    monkeypatch.setattr(grading, "write_result", write_result)
    return written


def test_a_worker_of_a_cluster_that_is_killed_takes_grades_along(root, tmp_path, monkeypatch):  # noqa: F811
    known = _class(root, 5)
    with _cluster(tmp_path) as (address, parts):
        written = _kill_after_first_result(monkeypatch, parts[1])
        endings = grade(root, ASSIGNMENT, scheduler=address)
        assert parts[1].poll() is not None
        assert parts[2].poll() is None
    assert len(written) == 4  # one of the five is no notebook
    assert [ending.state for ending in endings] == [GRADED] * len(known)
    assert _all_marks(root, known) == known


def test_a_scheduler_that_is_killed_takes_grades_along(root, tmp_path, monkeypatch, executed):  # noqa: F811
    known = _class(root, 5)
    with _cluster(tmp_path) as (address, parts):
        _kill_after_first_result(monkeypatch, parts[0])
        with pytest.raises(RuntimeError, match=r"scheduler has gone.*again"):
            grade(root, ASSIGNMENT, scheduler=address)
    assert [ending.state for ending in grade(root, ASSIGNMENT)] == [GRADED] * len(known)
    assert _all_marks(root, known) == known
    assert sum(executed) == 4, "somebody was executed twice"
