"""notebooks/ from solutions/, by nbgrader."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import PyFileConfigLoader


def release(assignment: str, root: Path = Path()) -> Path:
    """Generate what students get of one assignment, and enter it into the gradebook.

    Args:
        assignment: e.g. "01_gradients".
        root: the course's folder, with nbgrader_config.py and solutions/.

    Returns:
        The generated notebook.

    Raises:
        FileNotFoundError: if there is no such master.
        RuntimeError: if nbgrader could not generate it.
    """
    root = root.resolve()
    _put_environment_on_path()
    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    config.CourseDirectory.root = str(root)
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    api.log.setLevel(logging.ERROR)
    source = Path(api.coursedir.format_path(api.coursedir.source_directory, ".", assignment))
    if not source.is_dir():
        raise FileNotFoundError(f"There is no {source.relative_to(root)}.")
    result = api.generate_assignment(assignment, force=True, create=True)
    if not result["success"]:
        raise RuntimeError(
            f"nbgrader could not release {assignment}:\n{result['error']}\n{result['log']}"
        )
    folder = api.coursedir.format_path(api.coursedir.release_directory, ".", assignment)
    return Path(folder) / f"{assignment}.ipynb"


def _put_environment_on_path() -> None:
    """nbgrader calls `alembic` by its bare name, also where the environment is not activated."""
    scripts = str(Path(sys.executable).parent)
    if scripts not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = scripts + os.pathsep + os.environ["PATH"]
