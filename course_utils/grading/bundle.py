"""What students get, in one archive: the notebooks, the library, and what sets it up."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("notebooks", "course_utils")
FILES = ("pyproject.toml", "environment.yml", "README.md", "Makefile", "LICENSE")
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can say, so that all are the same
_LEFT_OUT = {"__pycache__"}
_MARKS = (b"BEGIN SOLUTION", b"BEGIN HIDDEN TESTS")


def bundle(root: Path, output: Path) -> list[str]:
    """Write what students get to a zip archive; the same content gives the same bytes.

    Args:
        root: the course's folder.
        output: the archive, which appears only when it is whole.

    Returns:
        The names in the archive.

    Raises:
        FileNotFoundError: if a part is missing.
        ValueError: if a file is a link, a notebook holds a solution, or `output` would be a part
            of itself.
    """
    root, output = root.resolve(), output.resolve()
    if any(output.is_relative_to(root / folder) for folder in FOLDERS):
        raise ValueError(f"The archive must not be in {' or '.join(FOLDERS)}, got {output}.")
    paths = sorted(_paths(root), key=lambda path: path.relative_to(root).as_posix())
    output.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(prefix=f".{output.name}-", dir=output.parent)
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for path in paths:
                _add(archive, path, path.relative_to(root).as_posix())
        os.chmod(beside, 0o644)
        os.replace(beside, output)
    finally:
        Path(beside).unlink(missing_ok=True)
    return [path.relative_to(root).as_posix() for path in paths]


def _paths(root: Path) -> Iterator[Path]:
    for name in (*FILES, *FOLDERS):
        if not (root / name).exists():
            raise FileNotFoundError(f"{root} must be the course's folder: it has no {name}.")
    yield from (root / name for name in FILES)
    for folder in FOLDERS:
        for path in (root / folder).rglob("*"):
            parts = path.relative_to(root).parts
            if _LEFT_OUT & set(parts) or any(part.startswith(".") for part in parts):
                continue
            if path.is_symlink():
                raise ValueError(f"What students get must be files, got a link: {path}.")
            if path.is_file():
                yield path


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    data = path.read_bytes()
    if path.suffix == ".ipynb" and any(mark in data for mark in _MARKS):
        raise ValueError(f"{name} holds a solution or a hidden test. Run: course release")
    member = zipfile.ZipInfo(name, _TIME)
    member.create_system, member.external_attr = 3, 0o100644 << 16
    archive.writestr(member, data, zipfile.ZIP_DEFLATED, compresslevel=9)
