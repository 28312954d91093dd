"""Every submission in tests/submissions ends as it must, in the real box."""

from __future__ import annotations

import os
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbgrader.utils import determine_grade

from course_utils.checking import HIDDEN_SEED_VARIABLE
from course_utils.grading.execution import execute
from course_utils.grading.jobs import Limits
from course_utils.grading.judging import is_test, judge_notebook
from course_utils.grading.nbgrader_parts import make_job
from course_utils.grading.rebuild import rebuild

from .conftest import RIGHT, with_answers

FOLDER = Path(__file__).resolve().parent.parent / "submissions"
SUBMISSIONS = sorted(
    path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.py")
)
COURSE_SEED = 68_471_263
LIMITS = Limits(seconds_per_cell=30, seconds=120, memory=1_200_000_000, processes=64)
MARK = f"course-survivor-{os.getpid()}"


def expectations(name):
    """What the comments at a submission's head say."""
    lines = (FOLDER / f"{name}.py").read_text().splitlines()
    found = (re.fullmatch(r"# (\w+): (.*)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


PLAIN_FULL = [name for name in SUBMISSIONS if expectations(name).get("plain") == "full"]


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory):
    """A file to be left alone, and a server that counts who connects."""
    canary = tmp_path_factory.mktemp("canary") / "secret.txt"
    canary.write_text("not for you")
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept():
            while True:
                try:
                    connections.append(server.accept()[1])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield canary, server.getsockname()[1], connections
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def graded(box, small, surroundings):
    """Every submission, executed two at a time and judged: name -> (notebook, outcomes, result)."""
    canary, port, _ = surroundings

    def grade(name):
        source = _source(name, canary, port)
        submitted = with_answers(small, {**RIGHT, "channel_mean": source})
        job = make_job(rebuild(submitted, small), COURSE_SEED, limits=LIMITS)
        result = execute(job)
        notebook, outcomes = judge_notebook(job, result)
        return notebook, {outcome.exercise: outcome for outcome in outcomes}, result

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(SUBMISSIONS, pool.map(grade, SUBMISSIONS), strict=True))


def _source(name, canary, port):
    source = (FOLDER / f"{name}.py").read_text()
    known = {"CANARY": str(canary), "PORT": str(port), "SEED": str(COURSE_SEED), "MARK": MARK}
    for word, value in known.items():
        source = source.replace(f"{{{word}}}", value)
    return source


def test_there_are_submissions_of_every_kind():
    kinds = {name.split("/")[0] for name in SUBMISSIONS}
    assert kinds == {"forged", "limits", "outside", "right"}
    assert len(SUBMISSIONS) > 35


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_submission_gets_another_outcome_than_it_must(graded, name):
    expected, (_, outcomes, _) = expectations(name), graded[name]
    outcome = outcomes["channel_mean"]
    if expected["outcome"] == "any":
        assert outcome.outcome != "passed"
    else:
        assert outcome.outcome == expected["outcome"], outcome
    assert outcome.score == (1 if expected["outcome"] == "passed" else 0)
    assert expected.get("says", "") in outcome.sentence


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_submission_spoils_a_right_answer_after_it(graded, name):
    expected, (_, outcomes, _) = expectations(name), graded[name]
    outcome = outcomes["logistic_gradient"]
    if expected.get("other") != "any":
        assert outcome.outcome == expected.get("other", "passed"), outcome
    assert outcome.score == (2 if outcome.outcome == "passed" else 0)


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_nbgrader_counts_other_points_than_the_judge_gave(graded, name):
    notebook, outcomes, _ = graded[name]
    for cell in filter(is_test, notebook.cells):
        score, points = determine_grade(cell)
        outcome = next(o for o in outcomes.values() if o.name == cell.metadata.nbgrader.grade_id)
        assert (score, points) == (outcome.score, outcome.points)


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_graded_notebook_is_invalid_or_large_or_holds_what_a_browser_would_run(graded, name):
    notebook, _, _ = graded[name]
    nbformat.validate(notebook)
    assert len(nbformat.writes(notebook)) < LIMITS.output + 1_000_000
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert set(output.get("data", {})) <= {"text/plain", "image/png", "image/jpeg"}


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_feedback_holds_the_courses_seed_or_a_path_of_this_machine(graded, name):
    notebook, _, _ = graded[name]
    shown = str([cell.get("outputs") for cell in notebook.cells])
    assert str(COURSE_SEED) not in shown
    assert str(Path(__file__).resolve().parent.parent.parent) not in shown


def test_file_outside_is_read_changed_or_made(graded, surroundings):
    canary, _, _ = surroundings
    assert canary.read_text() == "not for you"
    assert [path.name for path in canary.parent.iterdir()] == ["secret.txt"]
    for notebook, _, _ in graded.values():
        assert "not for you" not in nbformat.writes(notebook)


def test_connection_is_made(graded, surroundings):
    assert surroundings[2] == []


def test_process_goes_on_after_the_grading(graded):
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [command for command in commands if any(MARK in part for part in command)]


@pytest.mark.parametrize("name", PLAIN_FULL)
def test_control_attack_fails_on_plain_nbgrader(name, small, surroundings, monkeypatch):
    # Harmless ones only: this runs without a box, as plain nbgrader would.
    monkeypatch.setenv(HIDDEN_SEED_VARIABLE, str(COURSE_SEED))
    source = _source(name, surroundings[0], surroundings[1])
    notebook = with_answers(small, {**RIGHT, "channel_mean": source})
    NotebookClient(notebook, timeout=120, allow_errors=True, kernel_name="python3").execute()
    cell = next(c for c in notebook.cells if "check:channel_mean" in c.metadata.get("tags", []))
    assert determine_grade(cell) == (1, 1), cell.outputs
