"""What is no notebook, no file or no archive is refused with a reason, before nbgrader sees it."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import zipfile

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.grading.intake import (
    Caps,
    Refused,
    parse_notebook,
    read_notebook,
    refuse_files,
    require_student,
    set_aside,
    unpack,
)
from course_utils.grading.rebuild import rebuild

BROKEN = {
    "empty": b"",
    "blank": b" \n",
    "cut off": b'{"cells": [{"cell_ty',
    "no JSON": b"<!DOCTYPE html><html>Log in to go on</html>",
    "no notebook": b'{"answers": []}',
    "a list": b"[1, 2, 3]",
    "a future format": b'{"nbformat": 9, "cells": []}',
    "cells that are none": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}',
    "cells of another kind": b'{"nbformat": 4, "cells": [1, null]}',
    "no cells": b'{"nbformat": 4}',
    "an old one that is wrong": b'{"nbformat": 3, "worksheets": 7}',
    "binary": bytes(range(256)),
    "another encoding": '{"nbformat": 4, "cells": ["é"]}'.encode("utf-16"),
    "deep": b"[" * 200_000,
    "a long number": b'{"nbformat": 4, "cells": ' + b"9" * 10_000 + b"}",
    "too many cells": json.dumps({"nbformat": 4, "cells": [{}] * 3_000}).encode(),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_file_is_taken_for_a_notebook_or_raises_something_else(kind):
    with pytest.raises(Refused) as refused:
        parse_notebook(BROKEN[kind])
    assert len(str(refused.value)) > 10


def test_link_folder_pipe_or_missing_file_is_read_as_a_notebook(tmp_path, solved):
    nbformat.write(solved, tmp_path / "right.ipynb")
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "right.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    os.mkfifo(tmp_path / "pipe.ipynb")
    assert read_notebook(tmp_path / "right.ipynb").cells
    for name in ("link", "folder", "pipe", "missing"):
        with pytest.raises(Refused):
            read_notebook(tmp_path / f"{name}.ipynb")


def test_notebook_that_is_too_large_is_read(tmp_path):
    (tmp_path / "large.ipynb").write_bytes(b" " * 1_001)
    with pytest.raises(Refused, match="larger"):
        read_notebook(tmp_path / "large.ipynb", Caps(notebook=1_000))


@pytest.mark.parametrize("name", ["../bob", "a/b", "", ".hidden", "<b>", "a b", "x" * 200, "ü"])
def test_name_that_files_and_pages_cannot_bear_is_a_students(name):
    with pytest.raises(Refused):
        require_student(name)


def test_name_off_the_roster_is_let_in():
    assert require_student("ada", {"ada"}) == "ada"
    with pytest.raises(Refused, match="roster"):
        require_student("eve", {"ada"})


def test_links_pipes_and_too_many_or_large_files_are_let_in(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("not for you")
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "link.csv").symlink_to(secret)
    (folder / "folder").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    for number in range(5):
        (folder / f"data-{number}.csv").write_bytes(bytes(100))
    refused = {path.name: reason for path, reason in refuse_files(folder, Caps(files=3, bytes=250))}
    assert refused.keys() == {
        "link.csv",
        "folder",
        "pipe",
        "data-2.csv",
        "data-3.csv",
        "data-4.csv",
    }


def test_setting_a_link_aside_moves_what_it_leads_to(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("stays")
    link = tmp_path / "link"
    link.symlink_to(secret)
    moved = set_aside(link, "It is a link.", tmp_path / "aside")
    assert secret.read_text() == "stays"
    assert moved.is_symlink()
    assert "It is a link." in (tmp_path / "aside" / "reasons.txt").read_text()


def _archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members:
            archive.writestr(member, data)
    return path


def _link(name):
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


BAD_ARCHIVES = {
    "path above": [("../evil.ipynb", b"x")],
    "path above, in Windows' way": [("..\\evil.ipynb", b"x")],
    "absolute path": [("/tmp/evil.ipynb", b"x")],
    "link": [(_link("link"), b"/etc/passwd")],
    "bomb": [("zeros", bytes(10_000_000))],
    "too many": [(f"file-{number}", b"") for number in range(200)],
    "two of a name": [("a.csv", b"1"), ("a.csv", b"2")],
    "two of a name, in Windows' way": [("b/a.csv", b"1"), ("b\\a.csv", b"2")],
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", BAD_ARCHIVES)
def test_archive_that_reaches_outside_or_bursts_is_unpacked(kind, tmp_path):
    archive = _archive(tmp_path / "bad.zip", BAD_ARCHIVES[kind])
    with pytest.raises(Refused):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"bad.zip"}


def test_archive_of_a_right_submission_is_refused(tmp_path):
    archive = _archive(tmp_path / "good.zip", [("01/nb.ipynb", b"{}"), ("01/photo.png", b"png")])
    assert [path.name for path in unpack(archive, tmp_path / "out")] == ["nb.ipynb", "photo.png"]


def test_file_that_is_no_archive_raises_something_else(tmp_path):
    (tmp_path / "fake.zip").write_bytes(b"Rar!")
    with pytest.raises(Refused):
        unpack(tmp_path / "fake.zip", tmp_path / "out")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4),
    max_leaves=15,
)
TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("\ud800\x00\x1b"), max_size=30)
GRADING = st.fixed_dictionaries(
    {"grade_id": st.sampled_from(["channel_mean", "check_channel_mean", "x"]) | JSON},
    optional={"solution": JSON, "schema_version": JSON, "points": JSON},
)
CELL = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw"]) | JSON,
        "id": st.sampled_from(["solution-channel_mean", "check-channel_mean"]) | JSON,
        "source": TEXT | st.lists(TEXT | JSON, max_size=3) | JSON,
        "metadata": st.fixed_dictionaries({}, optional={"nbgrader": GRADING | JSON, "tags": JSON})
        | JSON,
        "outputs": JSON,
    },
)


@settings(max_examples=200, deadline=None)
@given(cells=st.lists(CELL, max_size=6), extra=st.dictionaries(st.text(), JSON, max_size=2))
def test_some_notebook_is_neither_refused_nor_rebuilt_to_a_valid_one(small, cells, extra):
    content = {**extra, "nbformat": 4, "nbformat_minor": 5, "cells": cells}
    try:
        submitted = parse_notebook(json.dumps(content).encode())
    except Refused:
        return
    rebuilt = rebuild(submitted, small)
    nbformat.validate(rebuilt)
    assert nbformat.reads(nbformat.writes(rebuilt).encode().decode(), as_version=4) == rebuilt
    graded = [cell for cell in rebuilt.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    handed_out = [cell for cell in small.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert [cell.source for cell in graded] == [cell.source for cell in handed_out]


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_some_bytes_raise_something_else_than_refused(data):
    with contextlib.suppress(Refused):
        assert parse_notebook(data).nbformat == 4
