"""The archive for students: whole, without what they must not see, the same each time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from course_utils import command
from course_utils.grading import bundle as module
from course_utils.grading.bundle import FILES, FOLDERS, bundle

from .conftest import RIGHT, ROOT

SECRET = {
    "solutions/01/01.ipynb": "answers",
    "tests/test_x.py": "tests",
    "gradebook.db": "marks",
    "hidden_seed": "736412985",
    "roster.csv": "names",
    "submitted/ada/01/01.ipynb": "work",
    "autograded/ada/01/01.ipynb": "work",
    "collected/ada/01/x/01.ipynb": "work",
    "notebooks/01/.ipynb_checkpoints/01-checkpoint.ipynb": "old",
    "notebooks/01/.progress.json": "own",
    "course_utils/__pycache__/x.pyc": "compiled",
}


def _write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def course(tmp_path):
    handed_out = dict.fromkeys((*FILES, "notebooks/01/01.ipynb", "course_utils/__init__.py"), "x")
    return _write(tmp_path / "course", {**handed_out, **SECRET})


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("student")
    bundle(ROOT, folder / "course.zip")
    with zipfile.ZipFile(folder / "course.zip") as archive:
        archive.extractall(folder / "course")
    return folder / "course"


def test_students_get_something_else_than_their_part(course, tmp_path):
    names = bundle(course, tmp_path / "out.zip")
    assert set(names) == {*FILES, "notebooks/01/01.ipynb", "course_utils/__init__.py"}
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.namelist() == names


def test_real_archive_lacks_a_part_or_holds_another(unpacked):
    assert {path.name for path in unpacked.iterdir()} == {*FILES, *FOLDERS}
    for notebook in (ROOT / "notebooks").glob("*/*.ipynb"):
        assert (unpacked / notebook.relative_to(ROOT)).read_bytes() == notebook.read_bytes()


def test_same_content_gives_other_bytes(course, tmp_path):
    bundle(course, tmp_path / "one.zip")
    copy = tmp_path / "copy"
    shutil.copytree(course, copy)
    for path in copy.rglob("*"):
        path.chmod(0o755)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    bundle(copy, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize("mark", ["### BEGIN SOLUTION", "### BEGIN HIDDEN TESTS"])
def test_notebook_with_a_solution_is_given_out_or_the_earlier_archive_lost(course, tmp_path, mark):
    output = tmp_path / "out" / "out.zip"
    bundle(course, output)
    before = output.read_bytes()
    _write(course, {"notebooks/01/01.ipynb": mark})
    with pytest.raises(ValueError, match=r"notebooks/01/01\.ipynb holds a solution"):
        bundle(course, output)
    assert output.read_bytes() == before
    assert [path.name for path in output.parent.iterdir()] == ["out.zip"]


def test_writing_that_is_ended_leaves_half_an_archive(course, tmp_path, monkeypatch):
    def ended(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_add", ended)
    with pytest.raises(KeyboardInterrupt):
        bundle(course, tmp_path / "out" / "out.zip")
    assert not list((tmp_path / "out").iterdir())


def test_link_missing_part_or_archive_in_itself_is_let_in(course, tmp_path):
    with pytest.raises(ValueError, match="must not be in"):
        bundle(course, course / "notebooks" / "out.zip")
    (course / "notebooks" / "gradebook").symlink_to(course / "gradebook.db")
    with pytest.raises(ValueError, match="link"):
        bundle(course, tmp_path / "out.zip")
    (course / "notebooks" / "gradebook").unlink()
    (course / "LICENSE").unlink()
    with pytest.raises(FileNotFoundError, match="LICENSE"):
        bundle(course, tmp_path / "out.zip")


def test_command_bundles_before_it_releases(course, tmp_path, monkeypatch, capsys):
    def released(assignment):
        _write(course, {f"notebooks/{assignment}/{assignment}.ipynb": "new"})

    monkeypatch.chdir(course)
    monkeypatch.setattr("course_utils.grading.release.release", released)
    assert command.main(["release", "02", "--bundle", str(tmp_path / "out.zip")]) == 0
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.read("notebooks/02/02.ipynb") == b"new"
    assert "files" in capsys.readouterr().out


def test_unpacked_library_lacks_what_a_check_needs(unpacked):
    program = (
        "import pathlib, torch, course_utils\n"
        "from course_utils.checking import check, CheckFailed\n"
        "print(pathlib.Path(course_utils.__file__).parent)\n"
        f"{RIGHT['channel_mean']}\n"
        "check('channel_mean', channel_mean)\n"
        "try:\n"
        "    check('channel_mean', lambda gradients: gradients.sum(dim=1))\n"
        "except CheckFailed:\n"
        "    print('wrong is told')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=unpacked,
        env={**os.environ, "PYTHONPATH": str(unpacked), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(unpacked / "course_utils")
    assert "wrong is told" in done.stdout
