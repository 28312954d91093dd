"""What students get is what the masters say, without what they must not see."""

from __future__ import annotations

import ast
import inspect
import shutil
from pathlib import Path

import nbformat
import pytest

from course_utils.authoring.build import (
    assignments,
    lecture_of_assignment,
    master_path,
    prepare,
    roles,
)
from course_utils.exercises import find_exercise
from course_utils.grading.release import release

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENTS = assignments(ROOT / "solutions")


@pytest.fixture(scope="module")
def course_copy(tmp_path_factory):
    """A copy of the course's masters, to release from without touching the real gradebook."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "solutions", root / "solutions")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    return root


def _master(assignment):
    return nbformat.read(master_path(assignment, ROOT / "solutions"), as_version=4)


def _released(assignment):
    path = ROOT / "notebooks" / assignment / f"{assignment}.ipynb"
    return nbformat.read(path, as_version=4)


def _solution_cells(notebook):
    return {
        name: cell.source
        for cell in notebook.cells
        for role, name in roles(cell)
        if role == "solution"
    }


def test_there_are_notebooks_to_test():
    assert ASSIGNMENTS[:2] == ["00_start_here", "01_gradients"]


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_released_notebook_differs_from_what_nbgrader_generates(assignment, course_copy):
    generated = release(assignment, course_copy).read_bytes()
    stored = (ROOT / "notebooks" / assignment / f"{assignment}.ipynb").read_bytes()
    assert generated == stored, f"run: course release {assignment}"


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_master_differs_from_what_the_declarations_say(assignment):
    notebook = _master(assignment)
    before = nbformat.writes(notebook)
    prepare(notebook, lecture_of_assignment(assignment))
    assert nbformat.writes(notebook) == before, f"run: course build {assignment}"


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_stub_has_another_name_signature_or_docstring_than_its_solution(assignment):
    stubs, solutions = _solution_cells(_released(assignment)), _solution_cells(_master(assignment))
    assert stubs.keys() == solutions.keys()
    for name, solution in solutions.items():
        stub_function = _function(stubs[name], name)
        solution_function = _function(solution, name)
        assert ast.dump(stub_function.args) == ast.dump(solution_function.args)
        assert ast.get_docstring(stub_function) == ast.get_docstring(solution_function) != None  # noqa: E711


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_stub_takes_other_arguments_than_the_reference(assignment):
    for name, source in _solution_cells(_released(assignment)).items():
        stub = [argument.arg for argument in _function(source, name).args.args]
        reference = inspect.signature(find_exercise(name).reference).parameters.values()
        positional = [
            parameter.name
            for parameter in reference
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
        assert stub == positional


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_released_notebook_holds_a_line_of_a_solution_or_a_hidden_test(assignment):
    released = _released(assignment)
    for name, solution in _solution_cells(_master(assignment)).items():
        body = solution.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0]
        lines = {line.strip() for line in body.splitlines()} - {""}
        assert lines, f"the solution of {name} is empty"
        for cell in released.cells:
            if cell.cell_type == "code":
                # A demonstration may use a common phrase; a stub may hold nothing of its solution.
                long = (
                    {line for line in lines if len(line) > 25} if not list(roles(cell)) else lines
                )
                assert not long & {line.strip() for line in cell.source.splitlines()}
    text = nbformat.writes(released)
    for word in ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TEST", "hidden test"):
        assert word not in text


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_released_notebook_holds_outputs_or_model_answers(assignment):
    released = _released(assignment)
    assert all(not cell.get("outputs") for cell in released.cells)
    model_answers = [
        cell.source
        for cell in _master(assignment).cells
        for role, _ in roles(cell)
        if role == "written"
    ]
    text = "\n".join(cell.source for cell in released.cells)
    assert not any(answer in text for answer in model_answers)


def _function(source, name):
    tree = ast.parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return next(function for function in functions if function.name == name)
