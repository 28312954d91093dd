"""How much memory a box holds: its processes, and the files of it that lie in memory.

A file in memory (in a tmpfs like /tmp and /dev/shm, or without a name by `memfd_create`) belongs to
no process as long as none maps it, so adding up processes does not find it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil


@dataclass
class FilesInMemory:
    """Files that take memory whether or not a process maps them.

    Attributes:
        mounts: the device of each tmpfs -> bytes in it.
        nameless: the inode of each open file without a name -> its bytes.
    """

    mounts: dict[int, int] = field(default_factory=dict)
    nameless: dict[int, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of them all."""
        return sum(self.mounts.values()) + sum(self.nameless.values())


def held_memory(pid: int | None, limit: int) -> int:
    """Bytes held by a process and all that descend from it, their files in memory included.

    Args:
        pid: the process; one that has ended holds nothing.
        limit: up to here what several share may count several times, which is quick to find out.
    """
    family = _family(pid)
    files = files_in_memory(family)
    held = files.size + sum(_rss(process) for process in family)
    if held <= limit:
        return held
    return files.size + sum(_alone(process, files) for process in family)


def files_in_memory(family: Iterable[psutil.Process]) -> FilesInMemory:
    """The files in memory that belong to these processes, and not to the whole machine."""
    files, seen = FilesInMemory(), {_mounts_of("self")}
    for process in family:
        mounts = _mounts_of(process.pid)
        if mounts not in seen:
            seen.add(mounts)
            files.mounts.update(_tmpfs(process.pid))
        files.nameless.update(_nameless(process.pid))
    return files


def _mounts_of(pid: int | str) -> str:
    """The name of the process's own view of all mounts."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:  # it has ended, or hides: nothing can be seen through it
        return os.readlink("/proc/self/ns/mnt")


def _tmpfs(pid: int) -> Iterator[tuple[int, int]]:
    """Device and bytes of each tmpfs that a process sees."""
    for line in _lines(f"/proc/{pid}/mountinfo"):
        before, _, after = line.partition(" - ")
        if after.split(" ")[0] != "tmpfs":
            continue
        point = before.split(" ")[4].encode().decode("unicode_escape")  # a space is \040
        try:
            folder = f"/proc/{pid}/root{point}"
            usage, device = os.statvfs(folder), os.stat(folder).st_dev
        except OSError:  # mounted over, or the process has ended
            continue
        yield device, (usage.f_blocks - usage.f_bfree) * usage.f_frsize


def _nameless(pid: int) -> Iterator[tuple[int, int]]:
    """Inode and bytes of each open file without a name, from `memfd_create` and its kin."""
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            status = os.stat(f"{folder}/{name}")
        except OSError:  # closed while being looked at
            continue
        if status.st_dev == _NAMELESS and stat.S_ISREG(status.st_mode):
            yield status.st_ino, 512 * status.st_blocks


def _device_of_the_nameless() -> int:
    file = os.memfd_create("probe")
    try:
        return os.fstat(file).st_dev
    finally:
        os.close(file)


_NAMELESS = _device_of_the_nameless()


def _rss(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:  # it ended while being looked at
        return 0


def _alone(process: psutil.Process, files: FilesInMemory) -> int:
    """Its share of what it maps, without the files that are counted by themselves."""
    held, counted = 0, False
    lines = _lines(f"/proc/{process.pid}/smaps")
    for line in lines:
        words = line.split(maxsplit=5)
        if "-" in words[0]:  # a mapping: addresses, rights, offset, device, inode, name
            major, minor = (int(part, 16) for part in words[3].split(":"))
            device, inode = os.makedev(major, minor), int(words[4])
            counted = device in files.mounts or (device == _NAMELESS and inode in files.nameless)
        elif words[0] == "Pss:" and not counted:
            held += 1024 * int(words[1])
    return held if lines else _rss(process)  # one that hides its mappings cannot hide its size


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []


def _family(pid: int | None) -> list[psutil.Process]:
    if pid is None:  # psutil would take it for this process
        return []
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []
