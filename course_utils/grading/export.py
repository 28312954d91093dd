"""Marks for a learning-management system: filled into the file that the system itself exports.

Each system reads back the table that it wrote: Moodle its offline grading worksheet, Canvas its
gradebook, Brightspace its grades. Only the column of the assignment is changed, and every row that
got no mark is said.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry

from course_utils.whole_files import write_whole


@dataclass(frozen=True)
class Format:
    """How a system names things in its table.

    Attributes:
        identifiers: the columns that may hold a student's id, the most reliable first.
        marks: how the column of the marks is recognised; {} stands for the assignment's name.
        rows_to_skip: how a row that is no student's begins, as Canvas's "Points Possible".
    """

    identifiers: tuple[str, ...]
    marks: str
    rows_to_skip: tuple[str, ...] = ()


FORMATS = {
    "moodle": Format(("ID number", "Username", "Email address"), "Grade"),
    "canvas": Format(
        ("SIS Login ID", "SIS User ID", "ID"),
        "{} (",
        rows_to_skip=("Points Possible", "Manual Posting", "Muted", "Student, Test"),
    ),
    "brightspace": Format(("Username", "OrgDefinedId"), "{} Points Grade"),
}


@dataclass(frozen=True)
class Exported:
    """What came of an export: how many marks were written, and who got none and why."""

    written: int
    without_mark: tuple[tuple[str, str], ...]


def export_marks(
    marks: dict[str, float], assignment: str, system: str, table: Path, output: Path
) -> Exported:
    """Fill the marks of an assignment into the table that a learning-management system exported.

    Args:
        marks: student's id -> mark, e.g. from `gradebook_marks`.
        assignment: as the system names it: the beginning of the column's name.
        system: "moodle", "canvas" or "brightspace".
        table: the CSV file that the system exported.
        output: the CSV file to import there; written whole or not at all.

    Raises:
        ValueError: if the system is unknown, or the table lacks a column that it needs.
    """
    if system not in FORMATS:
        raise ValueError(f"system must be one of {', '.join(FORMATS)}, got {system!r}.")
    form = FORMATS[system]
    header, rows = _read(table)
    column = _marks_column(header, form, assignment, table)
    names = [name for name in header if name.strip() in form.identifiers]
    if not names:
        raise ValueError(
            f"{table.name} must have a column {' or '.join(form.identifiers)}, got {header}."
        )
    unused, without, written = dict(marks), [], 0
    for row in rows:
        if not any(row.values()) or next(iter(row.values())).strip().startswith(form.rows_to_skip):
            continue
        student = next((key for key in _identities(row, names) if key in unused), None)
        if student is None:
            without.append((next(iter(row.values())), "no mark in the gradebook"))
            continue
        row[column] = f"{unused.pop(student):g}"
        written += 1
    without += [(student, f"not in {table.name}") for student in unused]
    _write(output, header, rows)
    return Exported(written, tuple(without))


def gradebook_marks(db_url: str, assignment: str) -> dict[str, float]:
    """The marks of all who handed in: student's id -> mark, by hand and automatic together."""
    with Gradebook(db_url) as gradebook:
        try:
            submissions = gradebook.find_assignment(assignment).submissions
        except MissingEntry:
            raise ValueError(f"The gradebook has no assignment {assignment!r}.") from None
        return {submission.student.id: submission.score for submission in submissions}


def _read(table: Path) -> tuple[list[str], list[dict[str, str]]]:
    # The systems write a byte-order mark; Excel turns commas into semicolons in some countries.
    text = table.read_text(encoding="utf-8-sig")
    if not text.strip():
        raise ValueError(f"{table.name} must be the system's exported table, got an empty file.")
    delimiter = ";" if text.splitlines()[0].count(";") > text.splitlines()[0].count(",") else ","
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, restval="")
    return list(reader.fieldnames or []), list(reader)


def _marks_column(header: list[str], form: Format, assignment: str, table: Path) -> str:
    wanted = form.marks.format(assignment)
    found = [name for name in header if name.strip().startswith(wanted)]
    exact = [name for name in found if name.strip() == wanted.strip()]
    if len(exact or found) != 1:
        raise ValueError(
            f"{table.name} must have one column that begins with {wanted!r}, got {header}."
        )
    return (exact or found)[0]


def _identities(row: dict[str, str], names: list[str]) -> list[str]:
    """What may be the student's id in our gradebook: the columns, and an address's first part."""
    values = [row[name].strip().lstrip("#") for name in names]  # Brightspace marks ids with a #
    return [*values, *(value.split("@")[0] for value in values if "@" in value)]


def _write(output: Path, header: list[str], rows: list[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(output, text.getvalue().encode("utf-8-sig"))
