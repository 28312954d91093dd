"""Every command of docs/guide.md, section by section, in a course folder made as the guide says.

The tests follow each other as the sections do: each goes on in the folder that the last one left.
"""

from __future__ import annotations

import contextlib
import csv
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from course_utils.authoring.build import roles

from .conftest import RIGHT, ROOT, with_answers
from .test_postgresql import server  # noqa: F401  (a fixture)

ASSIGNMENT, QUESTION = "01_gradients", "which_question"
SMALL = {"channel_mean", "logistic_gradient", QUESTION}  # the part of the lecture that is asked
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
BLOCKS = {
    title: re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)
    for title, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", GUIDE, re.M | re.S)
}
# Lines, and one whole block, that are not run, and why.
NOT_RUN = {
    "sudo make system": "installs packages of the system",
    "make lab": "installs packages and waits for a browser; the browser's tests start what it starts",
    ". .venv/bin/activate": "the tests have an environment of their own",
    "pip install": "asks the network; the packages are there",
}
NO_SUCH_SYSTEM = "LSFCluster"  # its settings are looked at; Slurm's block runs, on this machine
# What stands in the guide, and what the test puts in its place: no rights of an administrator, no
# folder of the machine, a free port, no batch system, one user for all.
INSTEAD = {
    "sudo ": "",
    "--level=system": "--level=user",
    "--system": "--user",
    "nbgrader submit": "nbgrader submit --student=mary",
    "from dask_jobqueue import SLURMCluster": "from dask_jobqueue.local import LocalCluster as SLURMCluster",
    "cores=4": "cores=2",
    "jobs=2": "jobs=1",
}
TABLES = {
    "moodle": "ID number,Full name,Grade\nada,Ada Lovelace,\ngrace,Grace Hopper,\nalan,Alan Turing,\n",
    "canvas": f"Student,SIS Login ID,{ASSIGNMENT} (9876)\nPoints Possible,,7\n"
    "Ada,ada,\nGrace,grace,\nAlan,alan,\n",
    "brightspace": f"Username,{ASSIGNMENT} Points Grade <Numeric MaxPoints:7>,End-of-Line Indicator\n"
    "#ada,,#\n#grace,,#\n#alan,,#\n",
}
MARKS = {"ada": "3", "grace": "2", "alan": "3"}
played: list[str] = []


class Course:
    """A course folder, and a terminal in it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.home, self.exchange = (
            folder / "course",
            folder / "home",
            folder / "exchange",
        )
        self.home.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        self.instead = {**INSTEAD, "8786": port, "/srv/nbgrader/exchange": str(self.exchange)}
        self.environment = {
            **os.environ,
            "HOME": str(self.home),
            "JUPYTER_CONFIG_DIR": str(self.home / "config"),
            "PYTHONPATH": os.pathsep.join([str(self.root), str(self.home / "quick")]),
        }
        # It is optional, nobody here needs it, and it takes two seconds in each of thirty processes.
        (self.home / "quick").mkdir()
        (self.home / "quick" / "rfc3987_syntax.py").write_text("raise ImportError")

    def play(self, title: str, *, status: dict | None = None, before: dict | None = None) -> str:
        """Run the blocks of a section, and say what they printed.

        Args:
            title: the section's.
            status: the number of a block -> the exit status that it must end with, if not 0.
            before: the number of a block -> what to do first.
        """
        played.append(title)
        said = []
        for number, (language, text) in enumerate(BLOCKS[title]):
            if NO_SUCH_SYSTEM in text:
                continue
            (before or {}).get(number, lambda: None)()
            lines = text.splitlines(keepends=True)
            text = "".join(line for line in lines if not line.startswith(tuple(NOT_RUN)))
            for old, new in self.instead.items():
                text = text.replace(old, new)
            said.append(self.run(language, text, (status or {}).get(number, 0)))
        return "\n".join(said)

    def run(self, language: str, text: str, status: int = 0) -> str:
        """Run a block as a shell or Python does; returns what it printed."""
        program = {"sh": ["bash", "-e", "-x"], "python": [sys.executable]}[language]
        script, log = self.home / "block", self.home / "log"
        script.write_text(text, encoding="utf-8")
        with log.open("w") as output:
            done = subprocess.Popen(
                [*program, str(script)],
                cwd=self.root,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                got = done.wait(timeout=300)
            finally:  # also what was started in the background
                with_it = signal.SIGTERM if done.poll() is not None else signal.SIGKILL
                _end_group(done.pid, with_it)
        said = log.read_text(errors="replace")
        assert got == status, f"{text}\n{said}"
        return said


def _end_group(group: int, with_it: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, with_it)


@pytest.fixture(scope="module")
def course(box, tmp_path_factory):
    """The project's folder as somebody gets it, with little to be asked in lecture 1."""
    course = Course(tmp_path_factory.mktemp("guide"))
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        other = name.startswith("solutions/") and ASSIGNMENT not in name
        if (ROOT / name).is_file() and not other:
            (course.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, course.root / name)
    path = course.root / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    master = nbformat.read(path, as_version=4)
    master.cells = [
        cell
        for cell in master.cells
        if SMALL & {name for _, name in roles(cell)} or "import check" in cell.source
    ]
    nbformat.write(master, path)
    return course


def _answers(course, answers, lost=False):
    """A student's notebook, as text; it may have lost its checks."""
    released = course.root / "notebooks" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    notebook = with_answers(nbformat.read(released, as_version=4), answers)
    if lost:
        notebook.cells = [c for c in notebook.cells if not dict(roles(c)).get("check")]
    return nbformat.writes(notebook)


def _archive(path, name, text):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 11, 23, 10, 4, 0)), text)


def test_setting_up_a_course(course):
    said = course.play("Set up a course")
    assert f"released notebooks/{ASSIGNMENT}" in said
    assert (course.root / "gradebook.db").is_file()
    for target in ("system", "lab"):
        subprocess.run(
            ["make", "--dry-run", target], cwd=course.root, check=True, capture_output=True
        )


def test_handing_out(course):
    course.play("Hand out")
    with zipfile.ZipFile(course.root / "build" / "course.zip") as archive:
        names = archive.namelist()
    assert f"notebooks/{ASSIGNMENT}/{ASSIGNMENT}.ipynb" in names
    assert not [name for name in names if name.startswith(("solutions", "roster", "gradebook"))]


def test_collecting(course):
    wrong = {**RIGHT, "channel_mean": RIGHT["channel_mean"].replace("mean(dim=1)", "sum(dim=1)")}
    _archive(
        course.root / "moodle.zip",
        "Ada Lovelace_12345_assignsubmission_file_/answer.ipynb",
        _answers(course, RIGHT),
    )
    _archive(
        course.root / "canvas.zip",
        f"hoppergrace_4712_99_{ASSIGNMENT}.ipynb",
        _answers(course, wrong),
    )
    _archive(
        course.root / "brightspace.zip",
        "4713-5678 - Alan Turing - Nov 23, 2026 1004 AM/answer.ipynb",
        _answers(course, RIGHT, lost=True),
    )
    assert course.play("Collect").count("1 collected, 0 set aside.") == 3


def test_grading(course):
    stranger = course.root / "submitted" / "eve" / ASSIGNMENT
    stranger.mkdir(parents=True)
    (stranger / f"{ASSIGNMENT}.ipynb").write_text(_answers(course, RIGHT))
    said = course.play("Grade", status={0: 1})
    assert "3 of 4 submissions are graded." in said
    assert "'eve' is not on the roster." in said
    assert "2 of 2 submissions are graded." in said
    assert "is missing" in said, "the doctor"
    assert nbformat.read(course.root / "build" / "alan.ipynb", as_version=4).cells


def test_moderating_has_a_command_that_no_browser_tests():
    assert BLOCKS["Moderate"] == []
    played.append("Moderate")


def test_reporting(course):
    course.play("Report")
    page = (course.root / "reports" / f"{ASSIGNMENT}.html").read_text(encoding="utf-8")
    assert "mary" in page
    assert "has handed in nothing" in page
    assert "sum instead of mean" in page
    assert (course.root / "reports" / f"{ASSIGNMENT}.csv").is_file()


def test_returning(course):
    for system, table in TABLES.items():
        (course.root / f"{system}.csv").write_text(table)
    course.play("Return")
    for system in TABLES:
        path = course.root / f"marks-{system}.csv"
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
        found = {cell.lstrip("#"): row for row in rows for cell in row}
        assert all(mark in found[student] for student, mark in MARKS.items()), rows
    for student in MARKS:
        assert (course.root / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html").is_file()


def test_changing_an_exercise(course):
    said = course.play("Change or add an exercise")
    assert f"built solutions/{ASSIGNMENT}" in said
    assert re.search(r"\d+ passed", said)


def test_cluster(course):
    again = dict.fromkeys(range(2), lambda: shutil.rmtree(course.root / "autograded"))
    said = course.play("A cluster", before=again)
    assert said.count("3 of 3 submissions are graded.") == 2


@pytest.mark.parametrize("name", ["SLURMCluster", "LSFCluster"])
def test_batch_system_does_not_know_a_setting_of_the_guide(name, course):
    (block,) = [text for _, text in BLOCKS["A cluster"] if f"with {name}(" in text]
    arguments = re.search(rf"with ({name}\(.+\)) as", block)[1]
    program = f"from dask_jobqueue import {name}\nwith {arguments} as c: print(c.job_script())"
    assert "dask_worker" in course.run("python", program)


def test_postgresql(course, server):  # noqa: F811
    course.environment |= {"PGHOST": str(server.folder), "PGUSER": "nobody"}
    configuration = course.root / "nbgrader_config.py"
    before = configuration.read_text()
    said = course.play("PostgreSQL")
    assert "3 of 3 submissions are graded." in said
    configuration.write_text(before)


def test_jupyterhub(course):
    config = course.home / "config"
    config.mkdir(exist_ok=True)
    (config / "nbgrader_config.py").write_text(
        f'c = get_config()\nc.Exchange.root = "{course.exchange}"\n'
    )

    def hub_alone():
        for name in ("submitted", "autograded", "feedback"):
            shutil.rmtree(course.root / name)

    said = course.play("A JupyterHub", before={2: hub_alone})
    assert "1 of 1 submissions are graded." in said
    (feedback,) = course.exchange.glob("saliency/feedback/*.html")
    assert "Not attempted yet" in feedback.read_text(encoding="utf-8")


def test_next_year(course):
    seed = (course.root / "hidden_seed").read_text()
    course.play("Next year")
    assert (course.root.parent / "last-year" / "hidden_seed").read_text() == seed
    assert not (course.root / "hidden_seed").exists()
    assert not (course.root / "submitted").exists()
    assert (course.root / "gradebook.db").is_file()


def test_section_is_passed_over_or_played_in_another_order():
    assert played == list(BLOCKS)
