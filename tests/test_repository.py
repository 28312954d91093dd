"""The project as a whole: one list of dependencies, set-up files that agree, no stray names."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent


def _tracked_texts():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".yml", ".ipynb", ".cff", "") and path.is_file():
            yield name, path.read_text(encoding="utf-8", errors="ignore")


def test_conda_environment_lists_a_dependency_of_its_own():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    names = [part for part in environment["dependencies"] if isinstance(part, str)]
    (pip,) = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    assert {re.split("[=<>]", name)[0] for name in names} == {"python", "pip"}
    assert pip == ["-e ."]


def test_a_second_list_of_dependencies_exists():
    assert not list(ROOT.glob("requirements*.txt"))
    assert not (ROOT / "setup.py").exists()
    assert not (ROOT / "setup.cfg").exists()


def test_project_names_a_path_of_a_machine():
    for name, text in _tracked_texts():
        # Attacks look for what lies on a machine, and this test names what it looks for.
        if name != "tests/test_repository.py" and not name.startswith("tests/submissions/"):
            found = re.search(r"/(home|root|Users|work)/[a-z.]", text)
            assert not found, f"{name}: {text[max(found.start() - 40, 0) : found.end() + 40]}"


@pytest.mark.parametrize(
    "module", ["course_utils", "course_utils.checking", "course_utils.gradients"]
)
def test_import_loads_more_than_torch_needs(module):
    """Plotting, notebooks and torchvision are heavy: they are loaded by who uses them."""
    code = f"import sys, {module}; print([m for m in ('matplotlib', 'torchvision', 'nbformat', 'IPython') if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


def test_no_file_is_a_drawer_for_everything():
    names = {path.name for path in (ROOT / "course_utils").rglob("*.py")}
    assert not names & {"utils.py", "helpers.py", "misc.py", "common.py"}
