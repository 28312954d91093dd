"""The box: bubblewrap around the kernel that runs a submission.

In it there is the system (read-only), Python and its packages, the library without what is under
test, one empty file for each exercise's answers, and an empty temporary folder. There is no
network, no other process, no gradebook, no other submission, no home directory.
"""

from __future__ import annotations

import itertools
import os
import shutil
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.checking import ANSWERS_VARIABLE, HIDDEN_SEED_VARIABLE
from course_utils.grading.jobs import Limits
from course_utils.grading.library import PACKAGE

INSTALL = """Grading runs student code in a box made by bubblewrap, which is not usable here: {why}
  Debian, Ubuntu:  sudo apt-get install bubblewrap     (or, in this folder: make system)
  Fedora:          sudo dnf install bubblewrap
  Ubuntu 24.04 and later also need:  sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0
  No Linux at hand: grade in a container or a virtual machine that has it.
  Without a box, only where every submission is trusted: --unboxed (nbgrader: \
--BoxedExecute.boxed=False)."""

# Folders of the system that programs need. What is not there is left out.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
SETTINGS = ("alternatives", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime")
PROCESSORS = "/sys/devices/system/cpu"  # how many there are: asked for by torch

COURSE, ANSWERS, FIRST = "/course", "/answers", "/inside.py"
PACKAGES, PYTHON = Path("/packages"), Path("/python")
ADDRESSES_OF_LIBRARIES = 4 * 2**30  # bytes that torch and its kin map without holding them
SOCKETS = "/run/kernel"  # the kernel's sockets are called kernel-1 to kernel-5
USER = 1000


class NoBox(RuntimeError):
    """The box cannot be used here; the message says why and what to do."""


@dataclass(frozen=True)
class Box:
    """What is put into one box.

    Attributes:
        library: the folder with the library, from `library_without`.
        answers: a folder with one empty file for each exercise.
        support: files that the notebook finds beside it, in a folder.
        limits: what the processes in it may use.
        seed: what the hidden cases are made from.
        user: who the code in it runs as, seen from outside.
    """

    library: Path
    answers: Path | None = None
    support: Path | None = None
    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    user: int = field(default_factory=lambda: new_user())


def command(
    box: Box,
    program: Sequence[str],
    *,
    info: int | None = None,
    files: Mapping[str, Path] | None = None,
) -> list[str]:
    """The command line that runs a program in the box.

    Args:
        box: what is put into it.
        program: arguments of Python, e.g. ["-m", "ipykernel_launcher"].
        info: the file descriptor to which bubblewrap writes how to reach the box.
        files: further files to show, by their names in the box.
    """
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        raise NoBox(INSTALL.format(why="there is no program called bwrap."))
    limits = box.limits
    address_space = limits.memory + ADDRESSES_OF_LIBRARIES
    inner = [
        _python(),
        "-I",
        FIRST,
        box.user,
        address_space,
        limits.processes,
        limits.file,
        *program,
    ]
    return [
        bubblewrap,
        *_isolation(),
        *_files(box),
        *(part for name, file in (files or {}).items() for part in ("--ro-bind", str(file), name)),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"),
        *_environment(box),
        *(["--info-fd", str(info)] if info is not None else []),
        "--",
        *map(str, inner),
    ]


_boxes = itertools.count()


def new_user() -> int:
    """The user that the code of one box runs as, seen from outside."""
    # Root is exempt from the limit on processes: then the box changes to a user of its own, and
    # to one that no other box has, because the limit counts the processes of a user.
    return os.getuid() or 1_000_000 + (1000 * os.getpid() + next(_boxes) % 1000)


def _isolation() -> Iterator[str]:
    yield from ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts")
    yield from ("--unshare-cgroup-try", "--hostname", "box", "--die-with-parent", "--new-session")
    if os.getuid():
        yield from ("--unshare-user", "--disable-userns", "--uid", str(USER), "--gid", str(USER))
        yield from ("--cap-drop", "ALL")
    else:  # rights to become another user, which gives up all rights
        yield from ("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")


def _files(box: Box) -> Iterator[str]:
    for folder in ("/etc", "/sys", "/sys/devices", "/sys/devices/system", PACKAGES, ANSWERS):
        yield from ("--perms", "0755", "--dir", str(folder))
    for name in SYSTEM:
        yield from _system_folder(Path(name))
    for name in SETTINGS:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    if not _base().is_relative_to("/usr"):
        yield from ("--ro-bind", str(_base()), str(PYTHON))
    for folder in _packages():
        yield from ("--ro-bind", str(folder), _place(folder))
    for folder in private_folders():  # a course below /usr, or a library installed, not linked
        if any(folder.is_relative_to(shown) for shown in _shown_folders()):
            yield from ("--tmpfs", _place(folder), "--remount-ro", _place(folder))
    yield from ("--ro-bind", str(box.library), COURSE)
    yield from ("--ro-bind", str(Path(__file__).with_name("inside.py")), FIRST)
    yield from ("--ro-bind-try", PROCESSORS, PROCESSORS)
    yield from ("--proc", "/proc", "--dev", "/dev")
    yield from ("--perms", "1777", "--size", str(box.limits.disk), "--tmpfs", "/dev/shm")
    yield from ("--perms", "1777", "--size", str(box.limits.disk), "--tmpfs", "/tmp")
    yield from ("--perms", "1777", "--size", "65536", "--tmpfs", "/run")
    for file in sorted(box.answers.iterdir()) if box.answers else []:
        yield from ("--bind", str(file), f"{ANSWERS}/{file.name}")
    for file in sorted(box.support.iterdir()) if box.support else []:
        yield from ("--ro-bind", str(file), f"/tmp/{file.name}")


def _system_folder(path: Path) -> tuple[str, ...]:
    if path.is_symlink():  # /bin is /usr/bin in most systems
        return ("--symlink", os.readlink(path), str(path))
    return ("--ro-bind-try", str(path), str(path))


def _environment(box: Box) -> Iterator[str]:
    variables = {
        "PATH": f"{PYTHON}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "PYTHONPATH": ":".join([COURSE, *map(_place, _packages())]),
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "LD_LIBRARY_PATH": f"{PYTHON}/lib",  # for a Python that was built to lie elsewhere
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
        "NBGRADER_EXECUTION": "autograde",
        HIDDEN_SEED_VARIABLE: str(box.seed),
        **({ANSWERS_VARIABLE: ANSWERS} if box.answers else {}),
    }
    yield "--clearenv"
    for name, value in variables.items():
        yield from ("--setenv", name, value)


def private_folders() -> list[Path]:
    """What must not be seen in the box even where a folder of the system holds it."""
    folders = {Path.cwd().resolve(), PACKAGE.resolve()}
    if (PACKAGE.parent / "pyproject.toml").exists():  # the library lies in the course's repository
        folders.add(PACKAGE.parent.resolve())
    return sorted(folders - {Path("/")})


def _shown_folders() -> list[Path]:
    return [*map(Path, SYSTEM), _base(), *_packages()]


def _base() -> Path:
    return Path(sys.base_prefix).resolve()


def _python() -> str:
    return f"{_place(_base())}/bin/python{sys.version_info.major}.{sys.version_info.minor}"


def _packages() -> list[Path]:
    """The folders of installed packages that are not part of Python's own folder."""
    folders = [sysconfig.get_path(kind) for kind in ("purelib", "platlib")]
    folders += site.getsitepackages()
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    unique = dict.fromkeys(Path(folder).resolve() for folder in folders)
    return [path for path in unique if path.is_dir() and not _is_pythons_own(path)]


def _is_pythons_own(path: Path) -> bool:
    return path.is_relative_to(_base()) or path.is_relative_to("/usr")


def _place(path: Path) -> str:
    """Where a folder of Python or of packages lies in the box: no path of this machine is told."""
    for number, folder in enumerate(_packages()):
        if path.is_relative_to(folder):
            return str(PACKAGES / str(number) / path.relative_to(folder))
    if path.is_relative_to(_base()) and not path.is_relative_to("/usr"):
        return str(PYTHON / path.relative_to(_base()))
    return str(path)
