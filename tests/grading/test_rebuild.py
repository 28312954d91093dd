"""Only answers and added cells of a submission have an effect."""

from __future__ import annotations

import copy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course_utils.grading.rebuild import MISSING, identity, rebuild

from .conftest import RIGHT


def _cell(notebook, name):
    return next(cell for cell in notebook.cells if identity(cell) == name)


def _position(notebook, name):
    return [identity(cell) for cell in notebook.cells].index(name)


def _skip_tags(notebook):
    for cell in notebook.cells:
        cell.metadata["tags"] = ["demonstration", "skip-execution", "added"]


def _other_points(notebook):
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"] |= {"points": 1_000, "locked": False, "schema_version": 1}


def _another_check(notebook):
    _cell(notebook, "check_channel_mean").source = "1000"


def _checks_deleted(notebook):
    notebook.cells = [c for c in notebook.cells if not identity(c).startswith("check_")]


def _checks_doubled(notebook):
    notebook.cells += [copy.deepcopy(_cell(notebook, "check_channel_mean")) for _ in range(3)]


def _reversed(notebook):
    notebook.cells.reverse()


def _kernel_of_ones_own(notebook):
    notebook.metadata = {"kernelspec": {"name": "forged", "display_name": "forged"}}


def _answers_as_text(notebook):
    for position, cell in enumerate(notebook.cells):
        if cell.metadata.get("nbgrader", {}).get("solution"):
            notebook.cells[position] = new_markdown_cell(cell.source, metadata=cell.metadata)


def _metadata_lost(notebook):
    for cell in notebook.cells:
        cell.metadata = {}


def _ids_lost(notebook):
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"


def _outputs_forged(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", text="right")]
            cell.execution_count = 7


TRICKS = [
    _skip_tags,
    _other_points,
    _another_check,
    _checks_deleted,
    _checks_doubled,
    _reversed,
    _kernel_of_ones_own,
    _answers_as_text,
    _metadata_lost,
    _ids_lost,
    _outputs_forged,
]


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.__name__.strip("_"))
def test_trick_changes_what_is_graded(trick, small, solved):
    submitted = copy.deepcopy(solved)
    trick(submitted)
    assert rebuild(submitted, small) == rebuild(solved, small)


def test_answer_is_lost(small, solved):
    rebuilt = rebuild(solved, small)
    for name, source in RIGHT.items():
        assert _cell(rebuilt, name).source == source
    assert [identity(c) for c in rebuilt.cells] == [identity(c) for c in small.cells]


def test_blank_notebook_is_rebuilt_to_another_one(small):
    assert [c.source for c in rebuild(small, small).cells] == [c.source for c in small.cells]


def test_copy_of_an_answer_that_was_left_empty_replaces_the_answer(small, solved):
    submitted = copy.deepcopy(solved)
    submitted.cells.append(copy.deepcopy(_cell(small, "channel_mean")))
    assert _cell(rebuild(submitted, small), "channel_mean").source == RIGHT["channel_mean"]


def test_added_cell_is_lost_or_moves_behind_what_needs_it(small, solved):
    submitted = copy.deepcopy(solved)
    position = _position(submitted, "channel_mean")
    submitted.cells.insert(position, new_code_cell("def helper():\n    return 1"))
    rebuilt = rebuild(submitted, small)
    sources = [cell.source for cell in rebuilt.cells]
    assert sources.index("def helper():\n    return 1") == _position(rebuilt, "channel_mean") - 1


def test_import_added_to_the_instructors_cell_is_lost(small, solved):
    submitted = copy.deepcopy(solved)
    submitted.cells[0].source += "\nimport math"
    rebuilt = rebuild(submitted, small)
    assert rebuilt.cells[0].source == small.cells[0].source
    assert rebuilt.cells[1].source == submitted.cells[0].source


def test_function_added_to_a_demonstration_is_lost_or_its_figures_are_drawn(released_lecture):
    submitted = copy.deepcopy(released_lecture)
    demonstration = next(
        cell
        for cell in submitted.cells
        if "plot_scores" in cell.source and cell.cell_type == "code"
    )
    demonstration.source += "\nimport math\n\n\ndef helper(x):\n    return math.sqrt(x)\n"
    added = [
        cell.source
        for cell in rebuild(submitted, released_lecture).cells
        if "added" in cell.metadata.get("tags", [])
    ]
    assert len(added) <= 2
    assert any("def helper(x)" in source and "import math" in source for source in added)
    assert not any("plot_scores(" in source for source in added)


def test_answer_in_another_cell_is_undone_by_the_empty_stub(small, solved):
    submitted = copy.deepcopy(solved)
    position = _position(submitted, "channel_mean")
    submitted.cells[position] = new_code_cell(RIGHT["channel_mean"])
    rebuilt = rebuild(submitted, small)
    assert _cell(rebuilt, "channel_mean").source == MISSING
    assert RIGHT["channel_mean"] in [cell.source for cell in rebuilt.cells]


def test_submission_is_changed_by_rebuilding(small, solved):
    submitted, released = copy.deepcopy(solved), copy.deepcopy(small)
    rebuild(submitted, released)
    assert submitted == solved
    assert released == small
