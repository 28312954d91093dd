"""The instructor's course folder, as nbgrader sees it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, PyFileConfigLoader

CONFIGURATION = "nbgrader_config.py"


def configuration(root: Path) -> Config:
    """What nbgrader_config.py in `root` sets; the gradebook is gradebook.db there by default.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    if not (root / CONFIGURATION).is_file():
        raise FileNotFoundError(f"{root} must be a course's folder: it has no {CONFIGURATION}.")
    config = PyFileConfigLoader(CONFIGURATION, path=str(root)).load_config()
    config.CourseDirectory.root = str(root)
    if "db_url" not in config.CourseDirectory:
        config.CourseDirectory.db_url = f"sqlite:///{root}/gradebook.db"
    return config


def nbgrader(root: Path, **settings: Any) -> NbGraderAPI:
    """nbgrader's interface to the course in `root`; `settings` are those of `BoxedExecute`."""
    config = configuration(root)
    config.BoxedExecute.update(settings)
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    api.log.setLevel(logging.ERROR)
    return api
