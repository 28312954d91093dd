"""nbgrader from submission to feedback with the course's configuration: nobody is left without."""

from __future__ import annotations

import copy
import html
import json
import os
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.api import Grade, Gradebook

from course_utils.checking import HIDDEN_SEED_VARIABLE
from course_utils.grading.demo import marks, nbgrader
from course_utils.grading.rebuild import identity
from course_utils.grading.release import release

from .conftest import RIGHT, ROOT, with_answers

ASSIGNMENT, SEED = "01_gradients", 736_412_985
FULL = {"channel_mean": 1.0, "logistic_gradient": 2.0, "own_test": 3.0}
NONE = dict.fromkeys(FULL, 0.0)
OWN_TEST = "import warnings\nwarnings.warn('old')\nassert HELPER == 3\n### BEGIN HIDDEN TESTS\nassert HELPER != 4\n### END HIDDEN TESTS"


def _own_cells():
    """An exercise that the instructor tests in the notebook itself, as nbgrader has it."""
    names = {"schema_version": 3, "task": False}
    answer = {"grade": False, "grade_id": "own", "locked": False, "solution": True, **names}
    test = {"grade": True, "grade_id": "own_test", "locked": True, "solution": False, "points": 3}
    return [
        new_code_cell(
            "### BEGIN SOLUTION\nHELPER = 3\n### END SOLUTION", metadata={"nbgrader": answer}
        ),
        new_code_cell(OWN_TEST, metadata={"nbgrader": {**test, **names}}),
    ]


@pytest.fixture(scope="module")
def course(box, tmp_path_factory):
    """A course whose one notebook asks three exercises, one of them the instructor's own."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    master = nbformat.read(ROOT / f"solutions/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", as_version=4)
    kept = [c for c in master.cells if set(FULL) & set(str(identity(c)).split("check_"))]
    master.cells = [new_code_cell("import torch\nfrom course_utils.checking import check"), *kept]
    master.cells += _own_cells()
    folder = root / "solutions" / ASSIGNMENT
    folder.mkdir(parents=True)
    nbformat.write(master, folder / f"{ASSIGNMENT}.ipynb")
    release(ASSIGNMENT, root)
    return root


def _released(course):
    return nbformat.read(course / "notebooks" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)


def _solved(course):
    notebook = with_answers(_released(course), RIGHT)
    for cell in notebook.cells:
        if identity(cell) == "own":
            cell.source = "HELPER = 3"
    return notebook


def _submit(course, student, content):
    folder = course / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else nbformat.writes(content)
    (folder / f"{ASSIGNMENT}.ipynb").write_text(text)
    return folder


def _autograde(course, student):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HIDDEN_SEED_VARIABLE, str(SEED))
        api = nbgrader(course)
        result = api.autograde(ASSIGNMENT, student, force=True, create=True)
        feedback = api.generate_feedback(ASSIGNMENT, student, force=True)
    assert feedback["success"], feedback["log"]
    return result


def _all_marks(course, student):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        (notebook,) = gradebook.find_submission(ASSIGNMENT, student).notebooks
        return {g.name.removeprefix("check_"): g.auto_score for g in notebook.grades}


def _feedback(course, student):
    path = course / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html"
    return html.unescape(path.read_text(encoding="utf-8"))


def test_class_with_broken_submissions_leaves_somebody_without_grade_or_reason(course):
    secret = course / "secret.csv"
    secret.write_text("not for you")
    _submit(course, "ada", _solved(course))
    _submit(course, "broken", '{"cells": [')
    _submit(course, "empty", "")
    old = _solved(course)
    for cell in old.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"] = {"grade_id": cell.metadata["nbgrader"]["grade_id"]}
    _submit(course, "old", json.dumps({**old, "nbformat_minor": 0}))
    doubled = _solved(course)
    doubled.cells += copy.deepcopy(doubled.cells)
    _submit(course, "zoe", doubled)
    (_submit(course, "linked", _solved(course)) / "data.csv").symlink_to(secret)
    result = _autograde(course, "*")
    assert result["success"], result["log"]
    got = {
        student: _all_marks(course, student)
        for student in ("ada", "broken", "empty", "old", "zoe", "linked")
    }
    assert got == {
        "ada": FULL,
        "broken": NONE,
        "empty": NONE,
        "old": FULL,
        "zoe": FULL,
        "linked": FULL,
    }
    assert "could not be read" in _feedback(course, "broken")
    assert "The file is empty" in _feedback(course, "empty")
    assert not (course / "autograded" / "linked" / ASSIGNMENT / "data.csv").exists()
    assert "link" in (course / "set_aside" / "linked" / ASSIGNMENT / "reasons.txt").read_text()
    assert secret.read_text() == "not for you"


def test_worse_resubmission_keeps_an_old_score(course):
    _submit(course, "eve", _solved(course))
    assert _autograde(course, "eve")["success"]
    assert _all_marks(course, "eve") == FULL
    source = "import os\n\n\ndef channel_mean(gradients):\n    os._exit(0)"
    _submit(course, "eve", with_answers(_solved(course), {"channel_mean": source}))
    assert _autograde(course, "eve")["success"]
    assert _all_marks(course, "eve") == NONE
    feedback = _feedback(course, "eve")
    assert "kernel died" in feedback
    assert "was not run" in feedback


def test_saving_that_fails_half_way_leaves_a_mixture(course, monkeypatch):
    from course_utils.grading import nbgrader_parts

    _submit(course, "mia", _solved(course))
    assert _autograde(course, "mia")["success"]
    blank = with_answers(_released(course), {})
    _submit(course, "mia", blank)
    original, saved = nbgrader_parts.SaveAllGrades.preprocess_cell, []

    def failing(self, cell, resources, index):
        if len(saved) == 3:
            raise OSError("the disk is full")
        saved.append(index)
        return original(self, cell, resources, index)

    monkeypatch.setattr(nbgrader_parts.SaveAllGrades, "preprocess_cell", failing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HIDDEN_SEED_VARIABLE, str(SEED))
        assert not nbgrader(course).autograde(ASSIGNMENT, "mia", force=True)["success"]
    assert _all_marks(course, "mia") == FULL
    assert not (course / "autograded" / "mia" / ASSIGNMENT).exists()


def test_feedback_tells_the_seed_a_hidden_test_or_a_path_or_holds_a_script(course):
    # The student prints all that the process knows, and writes markup into every answer.
    answer = (
        "import os, sys\nprint(dict(os.environ), sys.path, sys.modules)\n"
        "from IPython.display import HTML, display\n"
        "display(HTML('<script>steal()</script>'))\n\n\n"
        "def channel_mean(gradients):\n    return gradients.sum(dim=1)"
    )
    notebook = with_answers(_solved(course), {"channel_mean": answer})
    notebook.cells.append(
        nbformat.v4.new_markdown_cell("<img src=x onerror=steal()> <script>steal()")
    )
    for cell in notebook.cells:
        if identity(cell) == "own":
            cell.source = "HELPER = 4"
    _submit(course, "bob", notebook)
    assert _autograde(course, "bob")["success"]
    assert _all_marks(course, "bob") == {**FULL, "channel_mean": 0.0, "own_test": 0.0}
    raw = (course / "feedback" / "bob" / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text()
    shown = html.unescape(raw)
    assert "This is the sum over the channels" in shown or "✘ channel_mean" in shown
    assert str(SEED) not in shown
    assert str(ROOT) not in shown
    assert str(course) not in shown
    assert "BEGIN HIDDEN TESTS" not in shown
    assert "<script>steal" not in raw
    assert "<img src=x" not in raw


def test_report_of_a_cell_judged_inside_says_otherwise(course):
    notebook = nbformat.read(
        course / "autograded" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4
    )
    judged = {
        identity(c): c.metadata["course"]["judged"]
        for c in notebook.cells
        if "course" in c.metadata
    }
    assert judged == {
        "check_channel_mean": "outside the box",
        "check_logistic_gradient": "outside the box",
        "own_test": "inside the box",
    }
    assert notebook.metadata["course"]["boxed"] is True


def test_unboxed_grade_differs_or_is_not_reported(course, monkeypatch):
    _submit(course, "kim", _solved(course))
    monkeypatch.setenv(HIDDEN_SEED_VARIABLE, str(SEED))
    api = nbgrader(course)
    api.config.BoxedExecute.boxed = False
    result = api.autograde(ASSIGNMENT, "kim", force=True, create=True)
    assert result["success"], result["log"]
    assert _all_marks(course, "kim") == FULL
    notebook = nbformat.read(
        course / "autograded" / "kim" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4
    )
    assert notebook.metadata["course"]["boxed"] is False


def test_right_answers_fail_when_checked_by_the_student(capsys):
    from course_utils.checking import check

    namespace = {}
    exec("import torch\n" + "\n\n\n".join(RIGHT.values()), namespace)
    for name in RIGHT:
        check(name, namespace[name])
    assert capsys.readouterr().out.count("✔") == len(RIGHT)


def test_marks_of_the_demonstration_helper_leave_out_own_tests(course):
    assert marks(course, ASSIGNMENT, "ada") == {k: v for k, v in FULL.items() if k != "own_test"}
    assert os.path.exists(course / "gradebook.db")


def test_score_of_an_exercise_that_is_no_longer_asked_stays(course):
    _submit(course, "tom", _solved(course))
    assert _autograde(course, "tom")["success"]
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        cell = gradebook.add_grade_cell(
            "check_withdrawn", ASSIGNMENT, ASSIGNMENT, max_score=5, cell_type="code"
        )
        (notebook,) = gradebook.find_submission(ASSIGNMENT, "tom").notebooks
        gradebook.db.add(Grade(cell=cell, notebook=notebook, auto_score=5))
        gradebook.db.commit()
    assert _autograde(course, "tom")["success"]
    assert _all_marks(course, "tom") == {**FULL, "withdrawn": 0.0}
