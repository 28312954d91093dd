"""How learning-management systems name what students handed in, inside the archive they export.

Moodle       Ada Lovelace_12345_assignsubmission_file_/answer.ipynb, or ..._file_answer.ipynb
Canvas       lovelaceada_LATE_1234_5678_answer-1.ipynb
Brightspace  1234-5678 - Ada Lovelace - Nov 23, 2026 1004 AM/answer.ipynb, and index.html
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from course_utils.grading.intake import Refused
from course_utils.grading.roster import Student

_MOODLE = re.compile(r"(?P<name>[^/]+?)_\d+_assignsubmission_[a-z]+_/?(?P<file>.*)")
_BRIGHTSPACE = re.compile(
    r"(?P<number>\d+)-\d+ - (?P<name>[^/]+) - "
    r"(?P<when>[A-Z][a-z]{2} \d{1,2}, \d{4} \d{3,4} [AP]M)/(?P<file>.+)"
)
_CANVAS = re.compile(r"(?P<name>[^/_]+)_(?P<late>LATE_)?(?P<number>\d+)_\d+_(?P<file>[^/]+)")
_NO_TIME = (1980, 1, 1, 0, 0, 0)  # what a zip archive says that does not know


@dataclass(frozen=True)
class Sender:
    """Who handed something in, as the system names them.

    Attributes:
        name: their name, as the system writes it.
        number: the system's number of them; empty for Moodle, whose number is the submission's.
        when: the time in the name, as text; empty if there is none.
        late: whether the system calls it late.
    """

    name: str
    number: str = ""
    when: str = ""
    late: bool = False


def sender_of(path: str) -> tuple[Sender, str] | None:
    """Who handed in this member of an archive, and the file's own name; None if it does not say."""
    for pattern in (_MOODLE, _BRIGHTSPACE, _CANVAS):
        found = pattern.fullmatch(path)
        if found:
            parts = found.groupdict()
            return (
                Sender(
                    parts["name"].strip(),
                    parts.get("number", ""),
                    parts.get("when", ""),
                    bool(parts.get("late")),
                ),
                parts["file"],
            )
    return None


def member_path(member: zipfile.ZipInfo) -> str:
    """A member's path; where the archive does not say that it is UTF-8, it often is all the same."""
    path = member.filename.replace("\\", "/")
    if not member.flag_bits & 0x800:
        try:
            return path.encode("cp437").decode("utf-8")
        except UnicodeError:
            return path
    return path


def student_of(sender: Sender, roster: Iterable[Student]) -> Student:
    """The one student on the roster whom the system means: by their number, else by their name.

    Raises:
        Refused: if there is none, or more than one.
    """
    roster = list(roster)
    found = [s for s in roster if sender.number and s.lms_id == sender.number]
    if not found:
        # Whose number is known to be another one is somebody else of the same name.
        unnumbered = [s for s in roster if not (sender.number and s.lms_id)]
        found = [s for s in unnumbered if _key(sender.name) in _names(s)]
    if len(found) == 1:
        return found[0]
    who = repr(sender.name[:100]) + (f" (number {sender.number})" if sender.number else "")
    if not found:
        raise Refused(f"{who} is not on the roster.")
    raise Refused(f"{who} can be each of these: {', '.join(s.id for s in found)}.")


def _names(student: Student) -> set[str]:
    """Systems put the first or the last name first."""
    first, last = _key(student.first_name), _key(student.last_name)
    return {first + last, last + first} - {""}


def _key(name: str) -> str:
    """Letters and digits alone, without case and accents, as Canvas writes a name."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in plain if character.isalnum())


def handed_in_at(sender: Sender, members: Iterable[zipfile.ZipInfo]) -> datetime | None:
    """When, on the system's clock: by the name, else by the latest file; None if nobody says."""
    if sender.when:
        try:
            return datetime.strptime(sender.when, "%b %d, %Y %I%M %p")
        except ValueError:  # no such day
            return None
    times = []
    for member in members:
        try:
            times.append(datetime(*member.date_time))
        except ValueError:
            continue
    return max((time for time in times if time != datetime(*_NO_TIME)), default=None)
