"""`course grade` with nbgrader's gradebook in PostgreSQL: a real server, started by the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from nbgrader.api import Gradebook, MissingEntry

from course_utils.grading.grade import GRADED, grade
from course_utils.grading.release import release

from .test_grade import _class, executed, root  # noqa: F401  (fixtures)
from .test_grading_with_nbgrader import ASSIGNMENT, course  # noqa: F401  (a fixture)

USER = "nobody"  # PostgreSQL refuses to be run by root


class Server:
    """A PostgreSQL server that is reached through a socket in a folder of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        self.data = folder / "data"
        self.url = f"postgresql+psycopg2://{USER}@/postgres?host={folder}"

    def run(self, program: str, *arguments: str) -> None:
        other = ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []
        command = [*other, str(self.programs / program), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        assert done.returncode == 0, done.stdout.decode()

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        log = self.folder / "log"
        self.run("pg_ctl", "-D", str(self.data), "-w", "-l", str(log), "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.data), "-w", "-m", "immediate", "stop")


def _missing(reason):
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(f"CI must have PostgreSQL: {reason}")
    pytest.skip(reason)


@pytest.fixture
def server():
    """A fresh server; without PostgreSQL the test is skipped, but in CI it fails."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")) or [shutil.which("pg_ctl")]
    if found[-1] is None:
        _missing("there is no PostgreSQL here: make system")
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:
        if os.geteuid() == 0:
            shutil.chown(name, USER)
        server = Server(Path(found[-1]).parent, Path(name))
        server.run("initdb", "-D", str(server.data), "-U", USER, "--auth=trust", "--no-sync")
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _marks(url, student):
    with Gradebook(url) as gradebook:
        try:
            (notebook,) = gradebook.find_submission(ASSIGNMENT, student).notebooks
        except MissingEntry:
            return None
        checks = [grade for grade in notebook.grades if grade.name.startswith("check_")]
        return {grade.name.removeprefix("check_"): grade.auto_score for grade in checks}


def test_postgresql_has_other_marks_or_loses_some_when_grading_is_killed(root, server, executed):  # noqa: F811
    known = _class(root)
    grade(root, ASSIGNMENT, students=["right"])  # in SQLite, before the course moves to the server
    with (root / "nbgrader_config.py").open("a") as settings:
        settings.write(f"\nc.CourseDirectory.db_url = {server.url!r}\n")
    release(ASSIGNMENT, root)

    run = subprocess.Popen(
        [sys.executable, "-m", "course_utils.command", "grade", ASSIGNMENT, "--folder", str(root)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not any(_marks(server.url, student) for student in known) and run.poll() is None:
        pass
    run.kill()
    assert run.wait() != 0, "the run had ended before it was killed"

    assert [ending.state for ending in grade(root, ASSIGNMENT)] == [GRADED] * len(known)
    assert {student: _marks(server.url, student) for student in known} == known
    with Gradebook(server.url) as gradebook:
        assert len(gradebook.assignment_submissions(ASSIGNMENT)) == len(known)
        row = gradebook.find_grade("own_test", ASSIGNMENT, ASSIGNMENT, "right")
        row.manual_score = 2.5
        gradebook.db.commit()

    grade(root, ASSIGNMENT, students=["right"], force=True)
    with Gradebook(server.url) as gradebook:
        row = gradebook.find_grade("own_test", ASSIGNMENT, ASSIGNMENT, "right")
        assert (row.manual_score, row.auto_score) == (2.5, 3.0)

    server.stop()
    try:
        with pytest.raises(RuntimeError, match=r"gradebook cannot be used.*again"):
            grade(root, ASSIGNMENT)
    finally:
        server.start()
    grade(root, ASSIGNMENT)
    assert executed[-1] == 0
    assert {student: _marks(server.url, student) for student in known} == known
