"""What the tests of grading share: a box or a reason, a small notebook, a solved one."""

from __future__ import annotations

import copy
import os
from pathlib import Path

import nbformat
import pytest

from course_utils.authoring.build import roles
from course_utils.grading.box import NoBox
from course_utils.grading.probe import require_box

ROOT = Path(__file__).resolve().parent.parent.parent
ASKED = ("channel_mean", "logistic_gradient")
RIGHT = {
    "channel_mean": "def channel_mean(gradients):\n    return gradients.mean(dim=1)",
    "logistic_gradient": (
        "def logistic_gradient(weights, bias, images):\n"
        "    p = torch.sigmoid((weights * images).sum(dim=(1, 2, 3)) + bias)\n"
        "    return (p * (1 - p))[:, None, None, None] * weights"
    ),
}


@pytest.fixture(scope="session")
def box():
    """The box; without one the test is skipped, but on the machine that vouches for all it fails."""
    try:
        require_box()
    except NoBox as reason:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(f"CI must have a box. {reason}")
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def released_lecture():
    """What students get of lecture 1."""
    return nbformat.read(ROOT / "notebooks/01_gradients/01_gradients.ipynb", as_version=4)


@pytest.fixture(scope="session")
def small(released_lecture):
    """The part of lecture 1 that asks two of its exercises, as it is handed out."""
    notebook = copy.deepcopy(released_lecture)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if any(name in ASKED for _, name in roles(cell))
        or (cell.cell_type == "code" and "import check" in cell.source)
    ]
    return notebook


@pytest.fixture(scope="session")
def solved(small):
    """The small notebook with right answers."""
    return with_answers(small, RIGHT)


def with_answers(notebook, answers):
    """A copy with other sources in some of its solution cells."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        for role, name in roles(cell):
            if role == "solution" and name in answers:
                cell.source = answers[name]
    return notebook
