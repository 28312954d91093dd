"""What students handed in elsewhere, from a learning-management system's archive to submitted/.

Each submission is looked at by itself, so that a bad one is set aside and the others are collected.
What is set aside stays in the archive. An earlier submission goes to collected/ID/ASSIGNMENT/TIME/.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tqdm import tqdm

from course_utils.grading.intake import (
    CAPS,
    TIMESTAMP,
    UNREADABLE,
    Refused,
    read_notebook,
    unpack,
)
from course_utils.grading.lms_names import Sender, handed_in_at, member_path, sender_of, student_of
from course_utils.grading.roster import ROSTER, Student, read_roster

COLLECTED, ASIDE = "collected", "set aside"
_OF_THE_SYSTEM = {"index.html"}  # Brightspace's own page
_NOT_HANDED_IN = {"__MACOSX", ".ipynb_checkpoints"}


@dataclass(frozen=True)
class Collected:
    """What became of a submission: `COLLECTED` or `ASIDE`, whose it is, and what is to be said."""

    who: str
    state: str
    why: str = ""


@dataclass(frozen=True)
class _Submission:
    sender: Sender
    members: tuple[zipfile.ZipInfo, ...]
    when: datetime | None


def collect(
    archive: Path, assignment: str, root: Path, *, zone: str = "UTC", progress: bool = False
) -> list[Collected]:
    """Put each submission of an archive where nbgrader looks for it.

    Args:
        archive: the zip file that Moodle, Canvas or Brightspace exported.
        assignment: e.g. "01_gradients".
        root: the course's folder, with roster.csv and notebooks/.
        zone: the time zone of the system's clock, e.g. "Europe/Berlin". Brightspace names the time
            of handing in; for the others it is the time of the file in the archive.
        progress: whether to draw a progress bar.

    Returns:
        What became of each submission, in the order of time.

    Raises:
        ValueError: if there is no such assignment or zone, the roster is wrong, or the archive
            cannot be read (`Refused`).
        FileNotFoundError: if there is no roster.csv or no archive.
    """
    if assignment not in {path.name for path in (root / "notebooks").glob("*")}:
        raise ValueError(f"There is no notebooks/{assignment} in {root}.")
    try:
        clock = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"zone must be a time zone as Europe/Berlin, got {zone!r}.") from None
    roster = read_roster(root / ROSTER)
    submissions, done = _submissions(archive)
    for submission in tqdm(submissions, disable=not progress, unit="submission"):
        who = submission.sender.name
        try:
            student = student_of(submission.sender, roster)
            who = student.id
            notes = _collect_one(archive, submission, student, assignment, root, clock)
        except Refused as reason:
            done.append(Collected(who, ASIDE, str(reason)))
        else:
            done.append(Collected(who, COLLECTED, " ".join(notes)))
    return done


def table(done: Sequence[Collected]) -> str:
    """One line for each submission, and how many there are of each kind."""
    count, width = (
        Counter(one.state for one in done),
        max((len(one.who) for one in done), default=0),
    )
    lines = [f"{one.who:{width}}  {one.state:9}  {one.why}".rstrip() for one in done]
    return "\n".join([*lines, f"{count[COLLECTED]} collected, {count[ASIDE]} set aside."])


def _submissions(archive: Path) -> tuple[list[_Submission], list[Collected]]:
    """The submissions in an archive, the earliest first, and what is nobody's."""
    if not archive.is_file():
        raise FileNotFoundError(f"There is no archive {archive}.")
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
    except UNREADABLE as error:
        raise Refused(f"{archive.name} cannot be read as a zip archive ({error}).") from None
    found: dict[Sender, list[zipfile.ZipInfo]] = {}
    nobodys = []
    for member in members:
        path = member_path(member)
        known = sender_of(path)
        if known:
            found.setdefault(known[0], []).append(member)
        elif path not in _OF_THE_SYSTEM:
            why = "The name is not one that Moodle, Canvas or Brightspace gives."
            nobodys.append(Collected(ascii(path[:100]), ASIDE, why))
    submissions = [
        _Submission(sender, tuple(files), handed_in_at(sender, files))
        for sender, files in found.items()
    ]
    return sorted(submissions, key=lambda s: (s.when or datetime.min, s.sender.name)), nobodys


def _collect_one(
    archive: Path,
    submission: _Submission,
    student: Student,
    assignment: str,
    root: Path,
    clock: ZoneInfo,
) -> list[str]:
    """Collect a submission; returns what is to be said about it."""
    notes = ["The system calls it late."] if submission.sender.late else []
    with _staging(root) as stage:
        names = {member.filename for member in submission.members}
        files = unpack(archive, stage / "unpacked", CAPS, names)
        for number, path in enumerate([p for p in files if p.suffix.lower() == ".zip"]):
            files.remove(path)
            files += unpack(path, stage / f"inner-{number}")
        files = [path for path in files if not _NOT_HANDED_IN & set(path.parts)]
        notebook = _notebook(files, assignment)
        try:
            read_notebook(notebook)
        except Refused as reason:  # grading tells the student
            notes.append(f"It will get no points: {reason}")
        left = sorted(path.name for path in files if path != notebook)
        if left:
            notes.append(f"Left in the archive: {', '.join(map(ascii, left))[:300]}.")
        folder = stage / assignment
        folder.mkdir()
        os.replace(notebook, folder / f"{assignment}.ipynb")
        if submission.when:
            when = submission.when.replace(tzinfo=clock).astimezone(timezone.utc)
            text = when.strftime("%Y-%m-%d %H:%M:%S.%f UTC")
            (folder / TIMESTAMP).write_text(text, encoding="utf-8")
        else:
            notes.append("The archive says no time.")
        return [*notes, *_put(folder, root, student.id, assignment)]


def _notebook(files: Sequence[Path], assignment: str) -> Path:
    """The one notebook, or of several the one that bears the assignment's name."""
    notebooks = [path for path in files if path.suffix.lower() == ".ipynb"]
    named = [
        path for path in notebooks if re.search(rf"{re.escape(assignment)}(-\d+)?$", path.stem)
    ]
    for choice in (notebooks, named):
        if len(choice) == 1:
            return choice[0]
    if not notebooks:
        raise Refused("It holds no notebook.")
    names = ", ".join(ascii(PurePosixPath(path).name) for path in notebooks)
    raise Refused(f"It holds several notebooks, and not one named {assignment}: {names[:300]}.")


def _put(folder: Path, root: Path, student: str, assignment: str) -> list[str]:
    """Move a whole submission to its place; the earlier of two is kept in collected/."""
    target = root / "submitted" / student / assignment
    if not os.path.lexists(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder, target)
        return []
    if _content(folder) == _content(target):
        return ["It is there already."]
    kept = root / COLLECTED / student / assignment
    if any(_content(folder) == _content(path) for path in kept.glob("*")):
        return ["A later one is there; this one is in collected/ already."]
    if _time(folder) < _time(target):
        os.replace(folder, _free(kept / _stamp(folder)))
        return ["A later one is there; this one is kept in collected/."]
    os.replace(target, _free(kept / _stamp(target)))
    os.replace(folder, target)
    return ["The earlier one is kept in collected/."]


def _free(path: Path) -> Path:
    """This place, or one numbered after it, that nothing is at."""
    path.parent.mkdir(parents=True, exist_ok=True)
    place, number = path, 1
    while os.path.lexists(place):
        number += 1
        place = path.with_name(f"{path.name}-{number}")
    return place


def _content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.glob("*")) if p.is_file()}


def _time(folder: Path) -> datetime:
    """When a collected submission was handed in; where nothing says so, when it was written."""
    try:
        text = (folder / TIMESTAMP).read_text(encoding="utf-8").strip()
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=timezone.utc)
    except (OSError, ValueError):
        return datetime.fromtimestamp(folder.lstat().st_mtime, timezone.utc)


def _stamp(folder: Path) -> str:
    return _time(folder).strftime("%Y%m%dT%H%M%SZ")


@contextmanager
def _staging(root: Path) -> Iterator[Path]:
    """A folder on the same disk, from which a whole submission can be renamed into its place."""
    (root / COLLECTED).mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=".new-", dir=root / COLLECTED))
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
