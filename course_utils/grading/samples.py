"""Sample submissions with known marks: right, blank, and each misconception pasted in as source."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from types import ModuleType

import nbformat
from nbformat import NotebookNode

from course_utils.authoring.build import roles
from course_utils.exercises.exercise import Exercise

DECLARATIONS = "course_utils.exercises."  # not there while a submission is graded


def with_answers(released: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    """A copy of a released notebook with the solution cells of these exercises filled in."""
    notebook = nbformat.from_dict(released)
    unused = set(answers)
    for cell in notebook.cells:
        for role, name in roles(cell):
            if role == "solution" and name in answers:
                cell.source = answers[name]
                unused.discard(name)
    if unused:
        raise ValueError(f"The notebook has no solution cell for {', '.join(sorted(unused))}.")
    return notebook


def with_model_answers(notebook: NotebookNode, master: NotebookNode) -> NotebookNode:
    """A copy of a notebook with the written questions answered as in the master, without anchors."""
    notebook = nbformat.from_dict(notebook)
    models = {tuple(roles(c)): c.source.partition("\n\n<details>")[0] for c in master.cells}
    for cell in notebook.cells:
        if any(role == "written" for role, _ in roles(cell)):
            cell.source = models[tuple(roles(cell))]
    return notebook


def right_answers(master: NotebookNode) -> dict[str, str]:
    """The source of each solution cell of a master, without the marks around the solution."""
    return {
        name: re.sub(r"^ *### (BEGIN|END) SOLUTION\n?", "", cell.source, flags=re.M)
        for cell in master.cells
        for role, name in roles(cell)
        if role == "solution"
    }


def misconception_answers(exercise: Exercise) -> dict[str, str]:
    """The source of each misconception of an exercise, as a student would have written it.

    Of several forms the first: the others may be written as loops over forms.
    """
    first = {wrong.name: wrong.implementation for wrong in reversed(exercise.misconceptions)}
    return {
        name: source_as_answer(implementation, exercise.name)
        for name, implementation in reversed(first.items())
    }


def source_as_answer(implementation: Callable, name: str) -> str:
    """The implementation's source, with all of the declarations that it uses, under another name."""
    module = inspect.getmodule(implementation)
    used: dict[str, str] = {}
    _collect(implementation, module, used)
    renamed = re.sub(r"^def \w+", f"def {name}", _undecorated(implementation), count=1, flags=re.M)
    return "\n\n".join([*used.values(), renamed])


def _collect(function: Callable, module: ModuleType, used: dict[str, str]) -> None:
    """Add the source of each global name that `function` uses, and of what these use."""
    for name in _global_names(function.__code__):
        value = vars(module).get(name)
        if value is None or name in used or isinstance(value, Exercise):
            continue
        if inspect.isfunction(value) and value.__module__.startswith(DECLARATIONS):
            used[name] = _undecorated(value)
            _collect(value, inspect.getmodule(value), used)
        elif inspect.ismodule(value):
            used[name] = f"import {value.__name__} as {name}"
        elif hasattr(value, "__module__") and value.__module__ != module.__name__:
            used[name] = f"from {value.__module__} import {value.__name__} as {name}"
        else:
            used[name] = f"{name} = {value!r}"


def _global_names(code) -> list[str]:
    inner = [constant for constant in code.co_consts if inspect.iscode(constant)]
    return [*code.co_names, *(name for part in inner for name in _global_names(part))]


def _undecorated(function: Callable) -> str:
    source = textwrap.dedent(inspect.getsource(function))
    return source[re.search(r"^def ", source, flags=re.M).start() :].rstrip()
