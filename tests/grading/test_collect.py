"""From an LMS's archive to submitted/: everyone's work arrives whole, or is said to be set aside."""

from __future__ import annotations

import os
import stat
import zipfile
from datetime import datetime

import nbformat
import pytest
from nbgrader.utils import parse_utc

from course_utils.command import main
from course_utils.grading import collect as module
from course_utils.grading.collect import ASIDE, COLLECTED, collect
from course_utils.grading.intake import Refused

ASSIGNMENT = "01_gradients"
ROSTER = """id,first_name,last_name,email,lms_id
ada,Ada,Lovelace,ada@example.org,1234
jose,José,Núñez,jose@example.org,77
ann1,Ann,Lee,,
ann2,Ann,Lee,,
"""
TIME = (2026, 11, 23, 10, 4, 6)
MOODLE = "Ada Lovelace_12345_assignsubmission_file_"
CANVAS = "lovelaceada_LATE_1234_5678_"
BRIGHTSPACE = "1234-5678 - Ada Lovelace - Nov 23, 2026 1004 AM/"


def _notebook(text="x = 1"):
    return nbformat.writes(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text, id="answer")])
    ).encode()


@pytest.fixture
def course(tmp_path):
    (tmp_path / "notebooks" / ASSIGNMENT).mkdir(parents=True)
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    return tmp_path


def _archive(course, *members, time=TIME):
    path = course / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members:
            if isinstance(member, str):
                member = zipfile.ZipInfo(member, time)
                member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
    return path


def _states(done):
    return {one.who: one.state for one in done}


def _submitted(course, student="ada"):
    folder = course / "submitted" / student / ASSIGNMENT
    return {path.name: path.read_bytes() for path in folder.glob("*")}


def _nothing_half_written(course):
    assert not list((course / "collected").glob(".new-*"))


@pytest.mark.parametrize(
    "name",
    [
        f"{MOODLE}/answer.ipynb",
        f"{MOODLE}answer.ipynb",
        f"{CANVAS}answer-1.ipynb",
        "someothername_1234_5678_answer.ipynb",
        f"{BRIGHTSPACE}answer.ipynb",
    ],
)
def test_a_systems_way_to_name_a_submission_is_not_known(course, name):
    archive = _archive(course, (name, _notebook()), ("index.html", b"<html>"))
    (one,) = collect(archive, ASSIGNMENT, course)
    assert (one.who, one.state) == ("ada", COLLECTED)
    assert ("late" in one.why) == ("LATE" in name)
    files = _submitted(course)
    assert files.keys() == {f"{ASSIGNMENT}.ipynb", "timestamp.txt"}
    assert files[f"{ASSIGNMENT}.ipynb"] == _notebook()
    second = 0 if " - Nov" in name else 6
    assert parse_utc(files["timestamp.txt"].decode()) == datetime(2026, 11, 23, 10, 4, second)
    _nothing_half_written(course)


def test_time_of_the_systems_clock_is_taken_for_utc(course):
    collect(
        _archive(course, (f"{BRIGHTSPACE}a.ipynb", _notebook())),
        ASSIGNMENT,
        course,
        zone="Europe/Berlin",
    )
    got = parse_utc(_submitted(course)["timestamp.txt"].decode())
    assert got == datetime(2026, 11, 23, 9, 4)


def test_time_that_nobody_says_is_invented(course):
    archive = _archive(course, (f"{MOODLE}/a.ipynb", _notebook()), time=(1980, 1, 1, 0, 0, 0))
    (one,) = collect(archive, ASSIGNMENT, course)
    assert "no time" in one.why
    assert _submitted(course).keys() == {f"{ASSIGNMENT}.ipynb"}


@pytest.mark.parametrize("written", ["José Núñez", "Jose\u0301 Nu\u0301n\u0303ez", "nunez jose"])
def test_accents_case_or_order_of_a_name_lose_a_student(course, written):
    name = f"{written}_5_assignsubmission_file_/a.ipynb"
    assert _states(collect(_archive(course, (name, _notebook())), ASSIGNMENT, course)) == {
        "jose": COLLECTED
    }


def _bytes_as_name(course, raw, placeholder):
    """Give a member of the archive a name of these bytes, which is not marked as UTF-8."""
    assert len(raw) == len(placeholder)
    path = _archive(course, (placeholder, _notebook()), (f"{CANVAS}a.ipynb", _notebook()))
    path.write_bytes(path.read_bytes().replace(placeholder.encode(), raw))
    return path


def test_name_in_utf8_that_is_not_marked_as_such_loses_a_student(course):
    raw = "José Núñez_5_assignsubmission_file_/a.ipynb".encode()
    done = collect(_bytes_as_name(course, raw, "Z" * len(raw)), ASSIGNMENT, course)
    assert _states(done) == {"jose": COLLECTED, "ada": COLLECTED}


def test_name_in_no_known_encoding_stops_the_others(course):
    raw = b"\xff\xfe\x81_5_assignsubmission_file_/a.ipynb"
    done = collect(_bytes_as_name(course, raw, "Z" * len(raw)), ASSIGNMENT, course)
    assert sorted(one.state for one in done) == [COLLECTED, ASIDE]
    assert _states(done)["ada"] == COLLECTED


def test_name_marked_as_utf8_that_is_not_raises_something_else_than_refused(course):
    path = _archive(course, ("é" * 4 + "_5_assignsubmission_file_/a.ipynb", _notebook()))
    path.write_bytes(path.read_bytes().replace("é".encode() * 4, b"\xff" * 8))
    with pytest.raises(Refused):
        collect(path, ASSIGNMENT, course)


def test_stranger_namesake_or_unknown_name_is_collected_or_passed_over(course):
    archive = _archive(
        course,
        ("Eve Nobody_5_assignsubmission_file_/a.ipynb", _notebook()),
        ("Ann Lee_6_assignsubmission_file_/a.ipynb", _notebook()),
        ("lovelaceada_999_1_a.ipynb", _notebook()),  # Ada's name, but another one's number
        ("stray.ipynb", _notebook()),
        (f"{CANVAS}a.ipynb", _notebook()),
    )
    done = collect(archive, ASSIGNMENT, course)
    why = {one.who: one.why for one in done if one.state == ASIDE}
    assert "not on the roster" in why["Eve Nobody"]
    assert "ann1, ann2" in why["Ann Lee"]
    assert "number 999" in why["lovelaceada"]
    assert "not one that Moodle" in why["'stray.ipynb'"]
    assert [one.who for one in done if one.state == COLLECTED] == ["ada"]
    assert [path.name for path in (course / "submitted").iterdir()] == ["ada"]


def _link(name):
    member = zipfile.ZipInfo(name, TIME)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


JOSE = "José Núñez_5_assignsubmission_file_"
HOSTILE = {
    "path above": [(f"{JOSE}/../../../evil.ipynb", _notebook())],
    "path above, in Windows' way": [(f"{JOSE}/..\\..\\evil.ipynb", _notebook())],
    "link": [(_link(f"{JOSE}/a.ipynb"), b"/etc/passwd")],
    "bomb": [(f"{JOSE}/a.ipynb", bytes(10_000_000))],
    "bomb inside": [(f"{JOSE}/a.zip", None)],
    "too many": [(f"{JOSE}/{number}.ipynb", b"{}") for number in range(200)],
    "doubled": [(f"{JOSE}/a.ipynb", _notebook()), (f"{JOSE}/a.ipynb", b"other")],
    "doubled in Windows' way": [(f"{JOSE}/b/a.ipynb", b"1"), (f"{JOSE}\\b\\a.ipynb", b"2")],
    "file that is a folder too": [(f"{JOSE}/a.ipynb", b"1"), (f"{JOSE}/a.ipynb/b.ipynb", b"2")],
    "two notebooks": [(f"{JOSE}/a.ipynb", b"{}"), (f"{JOSE}/b.ipynb", b"{}")],
    "no notebook": [(f"{JOSE}/a.pdf", b"%PDF")],
    "a name too long": [(f"{JOSE}/{'x' * 300}.ipynb", _notebook())],
    "no archive": [(f"{JOSE}/a.zip", b"Rar!")],
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_submission_gets_in_or_out_or_stops_the_others(course, kind):
    members = HOSTILE[kind]
    if kind == "bomb inside":
        inner = _archive(course, ("a.ipynb", bytes(10_000_000))).read_bytes()
        members = [(members[0][0], inner)]
    before = {path.name for path in course.parent.iterdir()}
    done = collect(
        _archive(course, *members, (f"{CANVAS}a.ipynb", _notebook())), ASSIGNMENT, course
    )
    assert _states(done) == {"jose": ASIDE, "ada": COLLECTED}
    assert all(len(one.why) > 10 for one in done if one.state == ASIDE)
    assert [path.name for path in (course / "submitted").iterdir()] == ["ada"]
    assert not list(course.rglob("evil*"))
    assert {path.name for path in course.parent.iterdir()} == before
    _nothing_half_written(course)


def test_damaged_data_stops_the_others(course):
    path = _archive(course, (f"{JOSE}/a.ipynb", os.urandom(500)), (f"{CANVAS}a.ipynb", _notebook()))
    data = bytearray(path.read_bytes())
    start = 30 + len(f"{JOSE}/a.ipynb".encode())
    data[start : start + 200] = bytes(200)
    path.write_bytes(bytes(data))
    assert _states(collect(path, ASSIGNMENT, course)) == {"jose": ASIDE, "ada": COLLECTED}


def test_notebook_in_a_students_own_archive_is_not_found(course):
    inner = _archive(
        course, ("answers/a.ipynb", _notebook()), ("__MACOSX/answers/._a.ipynb", b"x")
    ).read_bytes()
    done = collect(_archive(course, (f"{MOODLE}/answers.zip", inner)), ASSIGNMENT, course)
    assert _states(done) == {"ada": COLLECTED}
    assert _submitted(course)[f"{ASSIGNMENT}.ipynb"] == _notebook()


def test_assignments_own_notebook_among_several_is_not_taken_or_the_rest_not_told(course):
    done = collect(
        _archive(
            course,
            (f"{CANVAS}draft-1.ipynb", b"draft"),
            (f"{CANVAS}{ASSIGNMENT}-1.ipynb", _notebook()),
        ),
        ASSIGNMENT,
        course,
    )
    assert _submitted(course)[f"{ASSIGNMENT}.ipynb"] == _notebook()
    assert "draft-1.ipynb" in done[0].why


def test_broken_notebook_is_kept_from_grading_which_tells_the_student(course):
    (one,) = collect(_archive(course, (f"{MOODLE}/a.ipynb", b"{")), ASSIGNMENT, course)
    assert one.state == COLLECTED
    assert "no valid JSON" in one.why


def _at(hour, text):
    return (f"1234-5678 - Ada Lovelace - Nov 23, 2026 {hour}04 AM/a.ipynb", _notebook(text))


def test_resubmission_loses_the_earlier_one_or_an_old_archive_replaces_it(course):
    both = _archive(course, _at(11, "later"), _at(9, "a")).rename(course / "both.zip")
    collect(both, ASSIGNMENT, course)
    kept = course / "collected" / "ada" / ASSIGNMENT
    assert _submitted(course)[f"{ASSIGNMENT}.ipynb"] == _notebook("later")
    assert [path.name for path in kept.iterdir()] == ["20261123T090400Z"]
    collect(_archive(course, _at(10, "between")), ASSIGNMENT, course)
    assert _submitted(course)[f"{ASSIGNMENT}.ipynb"] == _notebook("later")
    assert sorted(path.name for path in kept.iterdir()) == ["20261123T090400Z", "20261123T100400Z"]
    again = collect(both, ASSIGNMENT, course)
    assert all("already" in one.why for one in again)
    assert len(list(kept.iterdir())) == 2


def test_collecting_that_is_ended_leaves_half_a_submission(course, monkeypatch):
    def ended(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_put", ended)
    with pytest.raises(KeyboardInterrupt):
        collect(_archive(course, _at(9, "a")), ASSIGNMENT, course)
    assert not (course / "submitted").exists()
    monkeypatch.undo()
    collect(_archive(course, _at(9, "a")), ASSIGNMENT, course)
    assert _submitted(course).keys() == {f"{ASSIGNMENT}.ipynb", "timestamp.txt"}


def test_command_ends_well_though_something_is_set_aside_or_does_not_say_it(course, capsys):
    good = _archive(course, (f"{CANVAS}a.ipynb", _notebook()))
    assert main(["collect", ASSIGNMENT, str(good), "--folder", str(course)]) == 0
    bad = _archive(course, (f"{JOSE}/a.pdf", b"%PDF"), (f"{CANVAS}a.ipynb", _notebook()))
    assert main(["collect", ASSIGNMENT, str(bad), "--folder", str(course)]) == 1
    printed = capsys.readouterr().out
    assert "It holds no notebook." in printed
    assert "1 collected, 1 set aside." in printed


@pytest.mark.parametrize(
    ("assignment", "zone", "match"),
    [("../x", "UTC", "no notebooks/"), (ASSIGNMENT, "Mars", "zone"), (ASSIGNMENT, "../x", "zone")],
)
def test_wrong_argument_is_taken(course, assignment, zone, match):
    archive = _archive(course, (f"{CANVAS}a.ipynb", _notebook()))
    with pytest.raises(ValueError, match=match):
        collect(archive, assignment, course, zone=zone)
    assert not (course / "submitted").exists()
