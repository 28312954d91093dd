"""What a submission holds in memory is found wherever it is, and counted once."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from course_utils.grading.memory import files_in_memory, held_memory

SIZE = 200_000_000
SMALL = 60_000_000  # bytes that a bare Python stays below


@pytest.fixture
def process():
    """Starts Python with this code, and waits until it says that it is done."""
    started = []

    def start(code, command=()):
        child = subprocess.Popen(
            [
                *command,
                sys.executable,
                "-c",
                f"import os, mmap\n{code}\nprint(1, flush=True)\ninput()",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(child)
        assert child.stdout.readline() == b"1\n"
        return child.pid

    yield start
    for child in started:
        child.stdin.close()
        child.stdout.close()
        child.wait()


def test_file_without_a_name_that_nobody_maps_is_free(process):
    pid = process(f"f = os.memfd_create('x'); os.write(f, bytes({SIZE}))")
    assert psutil.Process(pid).memory_info().rss < SMALL, (
        "the control: the process does not show it"
    )
    assert SIZE < held_memory(pid, 0) < SIZE + SMALL


MAPPED = f"""
f = os.memfd_create('x'); os.truncate(f, {SIZE})
m = mmap.mmap(f, {SIZE})
for i in range(0, {SIZE}, 4096): m[i] = 1
"""


def test_file_that_two_processes_map_counts_twice(process):
    pid = process(
        MAPPED + "if os.fork() == 0:\n    for i in range(0, 10**8, 4096): m[i]\n    input()"
    )
    assert len(psutil.Process(pid).children()) == 1
    assert SIZE < held_memory(pid, SIZE) < SIZE + 2 * SMALL
    assert held_memory(pid, 10 * SIZE) > 2 * SIZE, (
        "what is far below the limit is looked at quickly"
    )


def test_memory_shared_without_a_file_is_free(process):
    pid = process(f"m = mmap.mmap(-1, {SIZE})\nfor i in range(0, {SIZE}, 4096): m[i] = 1")
    assert SIZE < held_memory(pid, 0) < SIZE + SMALL


def test_temporary_files_of_a_box_are_free_or_those_of_the_machine_count(box, process):
    bubblewrap = ["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/mnt"]
    pid = process(f"open('/mnt/a b', 'wb').write(bytes({SIZE}))", bubblewrap)
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    own = [size for size in files_in_memory(family).mounts.values() if size >= SIZE]
    assert len(own) == 1
    assert files_in_memory([psutil.Process()]).mounts == {}


def test_process_that_has_ended_raises():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert held_memory(child.pid, 0) == 0
    assert held_memory(None, 0) == 0
    assert files_in_memory([psutil.Process(os.getpid())]).size >= 0
