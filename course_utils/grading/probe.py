"""Proof, before the first submission, that the box is shut."""

from __future__ import annotations

import functools
import json
import os
import socket
import subprocess
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

from course_utils.grading.box import INSTALL, Box, NoBox, command, private_folders
from course_utils.grading.jobs import Limits
from course_utils.grading.library import library_without

PROCESSES, MEMORY, DISK = 20, 2**30, 2**20

# Run inside. It tries what must fail, and prints the names of what succeeded all the same.
ATTEMPTS = """
import ctypes, json, os, socket, sys

private, file, address = json.loads(sys.argv[1])

def network():
    with socket.create_connection(tuple(address), timeout=2):
        return True

def interfaces():
    return [name for _, name in socket.if_nameindex() if name != "lo"]

def other_files():
    return [path for path in [*private, file] if os.path.exists(path)]

def write_outside():
    for folder in ("/", "/usr", "/course", "/packages", "/etc", "/dev"):
        try:
            open(folder + "/written", "w").close()
            return True
        except OSError:
            pass

def fill_the_disk():
    with open("/tmp/large", "wb") as large:
        for _ in range(8):
            large.write(bytes(1 << 20))
            large.flush()
    return True

def other_processes():
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) > 100]

def rights():
    status = open("/proc/self/status").read()
    return os.getuid() == 0 or "CapEff:\\t0000000000000000" not in status

def namespaces():
    return ctypes.CDLL(None).unshare(0x10000000) == 0  # with all rights in it

def environment():
    return [name for name in os.environ if name.startswith("PROBE")]

def memory():
    return bytearray(64 << 30)

def processes():
    children = []
    for _ in range(60):
        child = os.fork()
        if child == 0:
            os.read(wait, 1)
            os._exit(0)
        children.append(child)
    return True

wait, go = os.pipe()
open_ways = []
for attempt in (network, interfaces, other_files, write_outside, fill_the_disk, other_processes,
                rights, environment, memory, processes, namespaces):
    try:
        if attempt():
            open_ways.append(attempt.__name__.replace("_", " "))
    except (OSError, MemoryError):
        pass
print(json.dumps(open_ways))
"""


@functools.cache
def require_box() -> None:
    """Make sure, once in a process, that the box works and is shut.

    Raises:
        NoBox: with the reason, how to install it, and the alternatives.
    """
    limits = Limits(memory=MEMORY, processes=PROCESSES, disk=DISK)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        NamedTemporaryFile(prefix="probe-") as file,
        TemporaryDirectory() as empty,
    ):
        secrets = json.dumps([_private_files(), file.name, server.getsockname()])
        box = Box(library_without(frozenset()), Path(empty), None, limits)
        try:
            done = subprocess.run(
                command(box, ["-c", ATTEMPTS, secrets]),
                capture_output=True,
                text=True,
                timeout=120,
                env={**os.environ, "PROBE_SECRET": "1"},
            )
        except OSError as error:
            raise NoBox(INSTALL.format(why=f"{error}.")) from error
    if done.returncode or not done.stdout:
        raise NoBox(INSTALL.format(why=_last_line(done.stderr)))
    open_ways = json.loads(done.stdout)
    if open_ways:
        raise NoBox(INSTALL.format(why=f"it is not shut: {', '.join(open_ways)}."))


def _private_files() -> list[str]:
    """Some of what is in the course's folder, in the library's and at home."""
    folders = {*private_folders(), Path.home()} - {Path("/")}
    return [
        str(path)
        for folder in folders
        if os.access(folder, os.R_OK | os.X_OK)  # not everybody has a home
        for path in sorted(folder.iterdir())[:20]
    ]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it gave no reason."])[-1][:300]
