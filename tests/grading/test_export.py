"""Marks as Moodle, Canvas and Brightspace take them back."""

from __future__ import annotations

import csv

import pytest

from course_utils.grading.export import export_marks

MARKS = {"ada": 7.5, "b1234": 10.0, "eve": 0.0}
MOODLE = (
    "Identifier,Full name,ID number,Email address,Status,Grade,Maximum Grade,"
    "Grade can be changed,Last modified (submission),Last modified (grade),Feedback comments\n"
    'Participant 101,"Lovelace, Ada",,ada@uni.example,Submitted,,14.00,Yes,-,-,"Well, ""done"""\n'
    "Participant 102,Bob B,b1234,bob@uni.example,Submitted,3.00,14.00,Yes,-,-,\n"
    "Participant 103,Zoe,z1,zoe@uni.example,No submission,,14.00,Yes,-,-,\n"
)
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,01_gradients (9876),02_smoothgrad (9877)\n"
    "    Points Possible,,,,,14,12\n"
    '"Lovelace, Ada",55,u1,ada,S1,,4\n'
    '"B, Bob",56,b1234,bob,S1,3,5\n'
)
BRIGHTSPACE = (
    "OrgDefinedId,Username,Last Name,First Name,01_gradients Points Grade "
    "<Numeric MaxPoints:14>,End-of-Line Indicator\n"
    "#b1234,#bob,B,Bob,,#\n#777,#ada,Lovelace,Ada,,#\n"
)


def _export(tmp_path, system, text, encoding="utf-8-sig", name="01_gradients"):
    table, output = tmp_path / "table.csv", tmp_path / "out.csv"
    table.write_text(text, encoding=encoding)
    done = export_marks(MARKS, name, system, table, output)
    with output.open(encoding="utf-8-sig", newline="") as file:
        return done, list(csv.DictReader(file))


def test_moodle_worksheet_gets_a_mark_in_another_row_or_loses_its_text(tmp_path):
    done, rows = _export(tmp_path, "moodle", MOODLE)
    assert [row["Grade"] for row in rows] == ["7.5", "10", ""]
    assert rows[0]["Feedback comments"] == 'Well, "done"'
    assert rows[0]["Full name"] == "Lovelace, Ada"
    assert done.written == 2
    assert {student for student, _ in done.without_mark} == {"Participant 103", "eve"}


def test_canvas_points_possible_is_taken_for_a_student_or_another_column_changes(tmp_path):
    done, rows = _export(tmp_path, "canvas", CANVAS)
    assert [row["01_gradients (9876)"] for row in rows] == ["14", "7.5", "10"]
    assert [row["02_smoothgrad (9877)"] for row in rows] == ["12", "4", "5"]
    assert done.without_mark == (("eve", "not in table.csv"),)


def test_brightspace_identifiers_with_a_hash_are_not_matched(tmp_path):
    done, rows = _export(tmp_path, "brightspace", BRIGHTSPACE)
    column = "01_gradients Points Grade <Numeric MaxPoints:14>"
    assert [row[column] for row in rows] == ["10", "7.5"]
    assert [row["End-of-Line Indicator"] for row in rows] == ["#", "#"]
    assert done.written == 2


def test_table_with_semicolons_or_without_a_mark_of_order_is_not_read(tmp_path):
    semicolons = "ID number;Full name;Grade\nada;Ada;\n"
    _, rows = _export(tmp_path, "moodle", semicolons, encoding="utf-8")
    assert rows == [{"ID number": "ada", "Full name": "Ada", "Grade": "7.5"}]


@pytest.mark.parametrize(
    ("system", "text", "words"),
    [
        ("blackboard", MOODLE, "system must be one of moodle, canvas, brightspace"),
        ("canvas", MOODLE, "begins with '01_gradients \\('"),
        ("moodle", "Name,Grade\nAda,1\n", "must have a column ID number or"),
        ("moodle", "", "empty file"),
    ],
)
def test_table_of_another_kind_is_filled_in(tmp_path, system, text, words):
    with pytest.raises(ValueError, match=words):
        _export(tmp_path, system, text)
    assert not (tmp_path / "out.csv").exists()
