"""The box is shut, what is under test is not in it, and the probe would notice if it were open."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from course_utils.exercises import exercises, find_exercise
from course_utils.exercises.cases import LECTURES, exercise_names
from course_utils.grading import box as box_module
from course_utils.grading import probe
from course_utils.grading.box import Box, NoBox, command
from course_utils.grading.library import declarations, library_without, modules_under_test

MADE = [lecture for lecture in LECTURES if exercises(lecture)]


def _inside(program, lectures=frozenset(), **settings):
    boxed = command(Box(library_without(lectures), **settings), ["-c", program])
    return subprocess.run(boxed, capture_output=True, text=True, timeout=300)


@pytest.fixture
def fresh_probe():
    probe.require_box.cache_clear()
    yield
    probe.require_box.cache_clear()


def _open_folder():
    """A new folder that everybody may write to: in an old one, a file of another user's may lie."""
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o777)
    return folder


def _without_filter(parts):
    """The first program without its filter of system calls."""
    first = Path(box_module.__file__).with_name("inside.py")
    with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as changed:
        changed.write(first.read_text().replace("    refuse_calls(", "    str("))
    os.chmod(changed.name, 0o644)
    return [changed.name if part == str(first) else part for part in parts]


HOLES = {
    "network": ("_isolation", lambda parts: [p for p in parts if p != "--unshare-net"]),
    "other files": ("_files", lambda parts: [*parts, "--ro-bind", "/tmp", "/tmp"]),
    "write outside": ("_files", lambda parts: [*parts, "--bind", _open_folder(), "/packages"]),
    "environment": ("_environment", lambda parts: [p for p in parts if p != "--clearenv"]),
    **({"namespaces": ("_files", _without_filter)} if os.getuid() == 0 else {}),
}


@pytest.mark.parametrize("hole", HOLES)
def test_probe_lets_a_hole_pass(hole, box, fresh_probe, monkeypatch):
    function, change = HOLES[hole]
    original = getattr(box_module, function)
    monkeypatch.setattr(box_module, function, lambda *given: change(list(original(*given))))
    with pytest.raises(NoBox, match=r"not shut|Read-only"):
        probe.require_box()


def test_grading_goes_on_without_bubblewrap_or_gives_no_advice(fresh_probe, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(NoBox, match="apt-get install bubblewrap"):
        probe.require_box()


def test_bubblewrap_that_cannot_make_namespaces_is_used(fresh_probe, monkeypatch):
    refusing = "bwrap: setting up uid map: Permission denied"
    failed = subprocess.CompletedProcess([], 1, "", refusing)
    monkeypatch.setattr(subprocess, "run", lambda *given, **settings: failed)
    with pytest.raises(NoBox, match="Permission denied"):
        probe.require_box()


@pytest.mark.parametrize("lecture", MADE)
def test_reference_of_a_lecture_can_be_imported_while_it_is_graded(lecture, box):
    program = "import importlib\n"
    declared = {
        find_exercise(name).right_variants[0].__module__ for name in exercise_names(lecture)
    }
    for module in sorted(modules_under_test([lecture]) | declarations() | declared):
        program += (
            f"try:\n    importlib.import_module({module!r})\n    print('there', {module!r})\n"
            "except ImportError as error:\n    assert 'is under test' in str(error), error\n"
        )
    for name in exercise_names(lecture):
        for module in ("course_utils", "course_utils.classifiers"):
            program += (
                f"try:\n    from {module} import {name}\n    print('there', {name!r})\n"
                "except ImportError:\n    pass\n"
            )
    done = _inside(program, frozenset([lecture]))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr[-2000:]


@pytest.mark.parametrize("lecture", MADE)
def test_cases_of_a_lecture_cannot_be_made_in_the_box(lecture, box):
    program = (
        "from course_utils.checking import check\n"
        "from course_utils.exercises.cases import exercise_names, make_cases\n"
        f"for name in exercise_names({lecture!r}):\n"
        "    assert make_cases(name, 3)\n"
        "print('made')\n"
    )
    done = _inside(program, frozenset([lecture]))
    assert done.stdout == "made\n", done.stderr[-2000:]


def test_networks_do_not_load_while_their_score_is_under_test(box):
    program = (
        "from course_utils.classifiers import load_classifier, offline_classifiers\n"
        "for name in offline_classifiers():\n    load_classifier(name)\nprint('loaded')\n"
    )
    done = _inside(program, frozenset(["start_here", "gradients"]))
    assert done.stdout == "loaded\n", done.stderr[-2000:]


def test_references_of_earlier_lectures_are_missing(box):
    done = _inside(
        "from course_utils.gradients import vanilla_gradient; print('there')",
        frozenset(["smoothgrad"]),
    )
    assert done.stdout == "there\n", done.stderr


def test_library_in_the_box_holds_what_only_instructors_need():
    folder = library_without(frozenset(["gradients"])) / "course_utils"
    assert not any((folder / name).exists() for name in ("grading", "authoring", "training"))
    for path in folder.rglob("*.py"):
        assert "right_variant" not in path.read_text() or path.name == "exercise.py", path


def test_path_of_this_machine_is_told_in_the_box(box):
    done = _inside("import sys, os; print(sys.path, sys.prefix, dict(os.environ), os.getcwd())")
    for folder in (Path(__file__).resolve().parents[2], Path.home()):
        assert str(folder) not in done.stdout
