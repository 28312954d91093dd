"""What is let in: files that are regular, few and small, and notebooks that can be read."""

from __future__ import annotations

import json
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import nbformat
from nbformat import NotebookNode


class Refused(ValueError):
    """Something is not let in; the message says why in plain words."""


@dataclass(frozen=True)
class Caps:
    """How much one submission may be.

    Attributes:
        notebook: bytes of a notebook.
        cells: how many cells it may have.
        files: how many files beside it.
        bytes: of all files together, unpacked.
        compression: how many times smaller than its content an archive may be.
    """

    notebook: int = 20_000_000
    cells: int = 2_000
    files: int = 100
    bytes: int = 50_000_000
    compression: int = 100


CAPS = Caps()
TIMESTAMP = "timestamp.txt"  # beside a submission: when it was handed in; nbgrader's name of it
REASONS = "reasons.txt"  # in set_aside/: why what is there was not let in
# All that zipfile raises for an archive that is damaged, or made to be.
UNREADABLE = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    UnicodeDecodeError,
    zlib.error,
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")


def require_student(name: str, roster: set[str] | None = None) -> str:
    """The name, if it is one that files and pages can bear, and (with a roster) one on it."""
    if not _NAME.fullmatch(name):
        raise Refused(f"A student's name has letters, digits and . _ @ + - only, got {name!r}.")
    if roster is not None and name not in roster:
        raise Refused(f"{name!r} is not on the roster.")
    return name


def read_notebook(path: Path, caps: Caps = CAPS) -> NotebookNode:
    """A notebook of whatever origin, as nbformat 4; its cells may still hold anything.

    Raises:
        Refused: with what is wrong with the file.
    """
    try:
        status = path.lstat()
    except OSError:
        raise Refused("The notebook is missing.") from None
    if not stat.S_ISREG(status.st_mode):
        raise Refused("The notebook is not a regular file (but a link, a folder or a device).")
    if status.st_size > caps.notebook:
        raise Refused(f"The notebook is larger than {caps.notebook // 1_000_000} MB.")
    return parse_notebook(path.read_bytes(), caps)


def parse_notebook(data: bytes, caps: Caps = CAPS) -> NotebookNode:
    """The notebook that these bytes are; Refused with what is wrong with them."""
    if not data.strip():
        raise Refused("The file is empty.")
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Refused("The file is no text in UTF-8, so it is no notebook.") from None
    except RecursionError:
        raise Refused("The file is nested too deeply.") from None
    except ValueError as error:
        raise Refused(f"The file is no valid JSON ({_one_line(error)}).") from None
    if not isinstance(content, dict) or not isinstance(content.get("nbformat"), int):
        raise Refused("The file is JSON, but no notebook: it names no nbformat.")
    if content["nbformat"] not in (2, 3, 4):
        raise Refused(f"The notebook has the format {content['nbformat']}; 4 is wanted.")
    try:
        if content["nbformat"] < 4:
            content = nbformat.convert(nbformat.from_dict(content), 4)
        cells = content["cells"]
    except Exception as error:  # an old notebook can be wrong in any way
        raise Refused(f"The notebook cannot be read ({_one_line(error)}).") from None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise Refused("The notebook's cells are no list of cells.")
    if len(cells) > caps.cells:
        raise Refused(f"The notebook has {len(cells)} cells; at most {caps.cells} are read.")
    return nbformat.from_dict(content)


def refuse_files(folder: Path, caps: Caps = CAPS) -> list[tuple[Path, str]]:
    """The files beside a submission's notebook that are not let in, each with its reason."""
    if folder.is_symlink():
        return [(folder, "It is a link to a folder elsewhere.")]
    refused, count, size = [], 0, 0
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode) or path.suffix == ".ipynb":
            continue
        if not stat.S_ISREG(mode):
            refused.append((path, "It is not a regular file (but a link, a pipe or a device)."))
        elif count >= caps.files:
            refused.append((path, f"There are more than {caps.files} files."))
        elif size + path.lstat().st_size > caps.bytes:
            refused.append((path, f"The files are larger than {caps.bytes // 1_000_000} MB."))
        else:
            count, size = count + 1, size + path.lstat().st_size
    return refused


def set_aside(path: Path, reason: str, folder: Path) -> Path:
    """Move a file (a link, not what it leads to) to `folder`, with the reason beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / path.name
    number = 1
    while target.is_symlink() or target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    shutil.move(path, target)
    with (folder / REASONS).open("a", encoding="utf-8") as reasons:
        reasons.write(f"{target.name}: {reason}\n")
    return target


def unpack(
    archive: Path, folder: Path, caps: Caps = CAPS, only: Collection[str] | None = None
) -> list[Path]:
    """Unpack a zip archive into `folder`: regular files only, and no more than the caps allow.

    Args:
        archive: the archive.
        folder: where its files go.
        caps: how much may be unpacked.
        only: the members to unpack, and to hold against the caps; all if not given.

    Raises:
        Refused: before anything is written, or as soon as a file is larger than it claims to be.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            packed = archive.stat().st_size
            if only is not None:
                members = [member for member in members if member.filename in only]
                packed = sum(member.compress_size for member in members)
            _require_members(members, packed, caps)
            return [_extract(opened, member, folder) for member in members]
    except UNREADABLE as error:
        raise Refused(f"The archive cannot be read ({_one_line(error)}).") from None


def _require_members(members: list[zipfile.ZipInfo], packed: int, caps: Caps) -> None:
    if len(members) > caps.files:
        raise Refused(f"The archive holds {len(members)} files; at most {caps.files} are unpacked.")
    size = sum(member.file_size for member in members)
    if size > caps.bytes:
        raise Refused(f"The archive holds more than {caps.bytes // 1_000_000} MB.")
    if size > caps.compression * max(packed, 1):
        raise Refused(f"The archive unpacks to more than {caps.compression} times its size.")
    names = [member.filename.replace("\\", "/") for member in members]
    if len(set(names)) < len(names):
        raise Refused("The archive holds two files of the same name.")
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or "\0" in member.filename:
            raise Refused(
                f"The archive holds a path that leads outside: {member.filename[:100]!r}."
            )
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            raise Refused(f"The archive holds a link or a device: {member.filename[:100]!r}.")


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> Path:
    target = folder / PurePosixPath(member.filename.replace("\\", "/"))
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source:
        data = source.read(member.file_size + 1)
    if len(data) > member.file_size:
        raise Refused(f"{member.filename[:100]!r} is larger than the archive says.")
    target.write_bytes(data)
    return target


def _one_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
