"""The doctor finds what is wrong, says it in words, and mends it without touching an answer."""

from __future__ import annotations

import copy
import json

import nbformat
import pytest

from course_utils.command import main
from course_utils.grading.doctor import doctor, examine, find_released, repaired
from course_utils.grading.rebuild import identity

from .conftest import RIGHT, ROOT


def _write(notebook, folder, name="01_gradients.ipynb"):
    path = folder / name
    path.write_text(json.dumps(notebook))
    return path


def _cell(notebook, name):
    return next(cell for cell in notebook.cells if identity(cell) == name)


def _without(notebook, name):
    notebook = copy.deepcopy(notebook)
    notebook.cells = [cell for cell in notebook.cells if identity(cell) != name]
    return notebook


def test_right_notebook_is_found_wrong(tmp_path, solved, small):
    assert examine(_write(solved, tmp_path), small) == []
    assert examine(_write(small, tmp_path), small) == []


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (lambda nb: _without(nb, "check_channel_mean"), "is missing"),
        (lambda nb: _without(nb, "channel_mean"), "answer cell 'channel_mean' is missing"),
        (lambda nb: nb.cells.append(copy.deepcopy(_cell(nb, "channel_mean"))), "2 times"),
        (lambda nb: nb.cells.reverse(), "another order"),
        (
            lambda nb: _cell(nb, "check_channel_mean").update(source="pass"),
            "not as it was handed out",
        ),
        (lambda nb: _cell(nb, "channel_mean").pop("outputs"), "not quite a notebook"),
    ],
)
def test_harm_is_not_found_or_not_mended(harm, word, tmp_path, solved, small):
    harmed = copy.deepcopy(solved)
    harmed = harm(harmed) or harmed
    path = _write(harmed, tmp_path)
    assert any(word in finding.sentence for finding in examine(path, small)), examine(path, small)
    mended = repaired(path, small)
    assert [c.source for c in mended.cells if identity(c).startswith("check_")] == [
        c.source for c in small.cells if identity(c).startswith("check_")
    ]
    assert examine(_write(mended, tmp_path), small) == []


def test_repair_touches_an_answer_or_the_file_itself(tmp_path, solved, small, capsys):
    path = _write(_without(solved, "check_channel_mean"), tmp_path)
    before = path.read_bytes()
    assert doctor(path, small, tmp_path / "mended.ipynb")
    assert path.read_bytes() == before
    mended = nbformat.read(tmp_path / "mended.ipynb", as_version=4)
    assert {identity(c): c.source for c in mended.cells}.items() >= RIGHT.items()
    assert "answers are as they were" in capsys.readouterr().out


def test_unreadable_file_is_called_gradable(tmp_path, small, capsys):
    path = tmp_path / "01_gradients.ipynb"
    path.write_text('{"cells": [')
    assert not doctor(path, small)
    assert "no valid JSON" in capsys.readouterr().out


def test_notebook_under_another_name_is_not_known_by_its_cells(tmp_path, released_lecture):
    path = _write(released_lecture, tmp_path, "homework (3).ipynb")
    folder = ROOT / "notebooks"
    assert find_released(path, ["00_start_here", "01_gradients"], folder) == released_lecture


def test_command_does_not_tell_good_from_bad(tmp_path, released_lecture, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(["doctor", str(_write(released_lecture, tmp_path))]) == 0
    (tmp_path / "broken.ipynb").write_text("no notebook")
    broken = ["doctor", str(tmp_path / "broken.ipynb"), "--assignment", "01_gradients"]
    assert main(broken) == 1
    assert "no valid JSON" in capsys.readouterr().out
