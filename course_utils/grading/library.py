"""The library as a submission finds it while it is graded: without what is under test."""

from __future__ import annotations

import atexit
import compileall
import functools
import hashlib
import shutil
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp

from course_utils.exercises import exercises
from course_utils.exercises.cases import LECTURES

PACKAGE = Path(__file__).resolve().parent.parent
INSTRUCTORS = ("grading", "authoring", "training")  # folders that no submission needs

ABSENT = """raise ImportError(
    "{module} is under test in this notebook and is not there while it is graded: "
    "write your own function, or use the one of another exercise of this notebook."
)
"""


def modules_under_test(lectures: Iterable[str]) -> set[str]:
    """The modules that hold references of these lectures; the one place that says which."""
    return {
        exercise.reference.__module__ for lecture in lectures for exercise in exercises(lecture)
    } | {f"course_utils.{lecture}" for lecture in lectures if (PACKAGE / f"{lecture}.py").exists()}


def declarations() -> set[str]:
    """The folders of modules that hold right variants and misconceptions, of all lectures."""
    return {f"course_utils.exercises.{lecture}" for lecture in LECTURES}


@functools.cache
def library_without(lectures: frozenset[str]) -> Path:
    """A folder with a copy of the library in which what these lectures test is absent.

    It is made once in a process and removed when the process ends.
    """
    folder = Path(mkdtemp(prefix="library-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = folder / "course_utils"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", *INSTRUCTORS))
    for module in modules_under_test(lectures) | declarations():
        path = folder / module.replace(".", "/")
        shutil.rmtree(path, ignore_errors=True)  # a folder of modules
        path.with_suffix(".py").write_text(ABSENT.format(module=module))
    compileall.compile_dir(copy, quiet=2, stripdir=str(folder), prependdir="/course")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@functools.cache
def environment() -> str:
    """A hash of what a verdict depends on besides the submission: the library, torch, numpy."""
    digest = hashlib.sha256(f"{version('torch')} {version('numpy')}".encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
