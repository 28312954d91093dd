"""roster.csv in the course's folder: who takes the course.

    id,first_name,last_name,email,lms_id
    ada,Ada,Lovelace,ada@example.org,4711

`id` is the name of the student's folder in submitted/ and must be there. The others are needed only
to collect from a learning-management system: the names for Moodle and Brightspace, `lms_id` (the
system's own number of the student) for Canvas and Brightspace.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from course_utils.grading.intake import Refused, require_student

ROSTER = "roster.csv"


@dataclass(frozen=True)
class Student:
    """A row of the roster; what it does not say is empty."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""


def read_roster(path: Path) -> list[Student]:
    """The students of a roster, in its order.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it has no column `id`, names nobody, or an id is doubled or cannot be a
            folder's name.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            columns, rows = table.fieldnames or [], list(table)
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} must be text in UTF-8.") from None
    if "id" not in columns:
        raise ValueError(f"{path.name} must have a column `id`, got: {', '.join(columns)}.")
    students = []
    for row in rows:
        known = {name: (row.get(name) or "").strip() for name in Student.__dataclass_fields__}
        if known["id"]:
            students.append(Student(**known))
    ids = [student.id for student in students]
    doubled = sorted(name for name, count in Counter(ids).items() if count > 1)
    if not ids or doubled:
        raise ValueError(
            f"{path.name} must name each student once, got twice: {', '.join(doubled)}."
            if doubled
            else f"{path.name} must name at least one student, got none."
        )
    for name in ids:
        try:
            require_student(name)
        except Refused as reason:
            raise ValueError(f"{path.name}: {reason}") from None
    return students


def enrolled(root: Path) -> set[str] | None:
    """The ids on the roster of the course in `root`; None where there is no roster."""
    path = root / ROSTER
    return {student.id for student in read_roster(path)} if path.exists() else None
