"""Strangers and empty folders get a reason, everyone else a grade: by `nbgrader autograde` and by us."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbgrader.api import Gradebook

from course_utils.checking import HIDDEN_SEED_VARIABLE
from course_utils.command import main
from course_utils.grading.class_results import class_results
from course_utils.grading.release import release
from course_utils.grading.roster import Student, enrolled, read_roster

from .conftest import ROOT

ASSIGNMENT = "00_small"


@pytest.fixture
def course(box, tmp_path):
    """A course whose one notebook asks one exercise, which the instructor tests in a cell."""
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    names = {"schema_version": 3, "task": False}
    answer = {"grade": False, "grade_id": "own", "locked": False, "solution": True, **names}
    test = {"grade": True, "grade_id": "own_test", "locked": True, "solution": False, "points": 3}
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(
                "### BEGIN SOLUTION\nHELPER = 3\n### END SOLUTION", metadata={"nbgrader": answer}
            ),
            nbformat.v4.new_code_cell(
                "assert HELPER == 3", metadata={"nbgrader": {**test, **names}}
            ),
        ]
    )
    folder = tmp_path / "solutions" / ASSIGNMENT
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{ASSIGNMENT}.ipynb")
    release(ASSIGNMENT, tmp_path)
    return tmp_path


def _submit(course, student, name=f"{ASSIGNMENT}.ipynb"):
    folder = course / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    if name:
        notebook = nbformat.read(
            course / "notebooks" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4
        )
        notebook.cells[0].source = "HELPER = 3"
        nbformat.write(notebook, folder / name)
    return folder


def _autograde(course, *more):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), HIDDEN_SEED_VARIABLE: "736412985"}
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT, *more],
        cwd=course,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def _graded(course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        return {s.student_id: s.score for s in gradebook.assignment_submissions(ASSIGNMENT)}


def _reasons(course, student):
    return (course / "set_aside" / student / "reasons.txt").read_text(encoding="utf-8")


def test_stranger_is_graded_or_stops_the_others_or_gets_no_reason(course):
    (course / "roster.csv").write_text("id,first_name\nada,Ada\ngrace,Grace\n")
    for student in ("ada", "eve", "grace"):
        _submit(course, student)
    done = _autograde(course)
    assert done.returncode == 0, done.stderr
    assert _graded(course) == {"ada": 3.0, "grace": 3.0}
    assert "'eve' is not on the roster." in _reasons(course, "eve")
    assert "'eve' is not on the roster." in done.stderr
    assert (course / "set_aside" / "eve" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").is_file()
    assert not (course / "submitted" / "eve" / ASSIGNMENT).exists()
    assert not (course / "autograded" / "eve").exists()


def test_well_formed_name_is_refused_without_a_roster_or_a_bad_one_is_let_in(course):
    _submit(course, "eve")
    _submit(course, "<b>eve")
    done = _autograde(course)
    assert done.returncode == 0, done.stderr
    assert _graded(course) == {"eve": 3.0}
    assert "letters, digits" in _reasons(course, "<b>eve")


def test_folder_without_the_notebook_is_skipped_silently_or_listed_twice(course):
    _submit(course, "ada")
    empty = _submit(course, "bob", name=None)
    _submit(course, "cy", name="Untitled.ipynb")
    for _ in range(2):
        done = _autograde(course)
        assert done.returncode == 0, done.stderr
        for student in ("bob", "cy"):
            assert f"Not graded: {student}: There is no {ASSIGNMENT}.ipynb" in done.stderr
            assert _reasons(course, student).count(f"There is no {ASSIGNMENT}.ipynb") == 1
    assert _graded(course) == {"ada": 3.0}
    assert empty.is_dir()


def test_run_with_strangers_only_ends_well(course):
    (course / "roster.csv").write_text("id\nada\n")
    _submit(course, "eve")
    done = _autograde(course, "--student", "eve")
    assert done.returncode == 1
    assert "Nothing is graded. 'eve' is not on the roster." in done.stderr


def test_roster_that_cannot_be_read_moves_everybody_aside(course):
    (course / "roster.csv").write_text("name\nada\n")
    folder = _submit(course, "ada")
    done = _autograde(course)
    assert done.returncode == 1
    assert "must have a column `id`, got: name." in done.stderr
    assert folder.is_dir()
    assert not (course / "set_aside").exists()


def test_course_grade_is_silent_on_a_stranger_or_an_empty_folder(course, capsys, monkeypatch):
    monkeypatch.setenv(HIDDEN_SEED_VARIABLE, "736412985")
    (course / "roster.csv").write_text("id,first_name\nada,Ada\nbob,Bob\ngrace,Grace\n")
    for student in ("ada", "eve", "grace"):
        _submit(course, student)
    empty = _submit(course, "bob", name=None)
    command = ["grade", ASSIGNMENT, "--folder", str(course)]
    assert main(command) == 1
    said = capsys.readouterr().out
    assert "2 of 4 submissions are graded." in said
    assert "eve: without a grade: 'eve' is not on the roster." in said
    assert f"bob: without a grade: There is no {ASSIGNMENT}.ipynb" in said
    assert _graded(course) == {"ada": 3.0, "grace": 3.0}
    assert (course / "set_aside" / "eve" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").is_file()
    assert not (course / "submitted" / "eve" / ASSIGNMENT).exists()

    # Once more: nobody is listed twice, and who hands in after all is graded.
    assert main(command) == 1
    assert "2 of 3 submissions are graded." in capsys.readouterr().out
    assert _reasons(course, "bob").count("There is no") == 1
    empty.rmdir()
    _submit(course, "bob")
    assert main(command) == 0
    assert _graded(course) == dict.fromkeys(("ada", "bob", "grace"), 3.0)
    assert class_results(course, ASSIGNMENT).without == (("eve", "'eve' is not on the roster."),)


def test_course_grade_of_strangers_alone_or_by_a_bad_roster_grades_or_moves_somebody(
    course, capsys
):
    (course / "roster.csv").write_text("name\neve\n")
    folder = _submit(course, "eve")
    command = ["grade", ASSIGNMENT, "--folder", str(course), "--students", "eve"]
    assert main(command) == 1
    assert "must have a column `id`" in capsys.readouterr().err
    assert folder.is_dir()
    (course / "roster.csv").write_text("id\nada\n")
    assert main(command) == 1
    assert "0 of 1 submissions are graded." in capsys.readouterr().out
    assert not folder.exists()
    assert _graded(course) == {}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "column `id`"),
        ("id\n", "at least one"),
        ("id\nada\nada\n", "got twice: ada"),
        ("id\n../ada\n", "letters, digits"),
    ],
)
def test_bad_roster_is_read(tmp_path, text, match):
    (tmp_path / "roster.csv").write_text(text)
    with pytest.raises(ValueError, match=match):
        read_roster(tmp_path / "roster.csv")


def test_rosters_mark_of_excel_order_or_missing_columns_matter(tmp_path):
    (tmp_path / "roster.csv").write_bytes("\ufefflast_name,id\r\nLovelace, ada\r\n,\r\n".encode())
    assert read_roster(tmp_path / "roster.csv") == [Student("ada", last_name="Lovelace")]
    assert enrolled(tmp_path) == {"ada"}
    assert enrolled(tmp_path / "elsewhere") is None
