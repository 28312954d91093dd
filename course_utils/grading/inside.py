"""The first program in the box: gives up what is left of its rights, then becomes another one.

It is not imported but shown in the box as a file, and run there with Python's standard library
alone: inside.py USER MEMORY PROCESSES FILE_SIZE PROGRAM...
"""

import ctypes
import errno
import os
import resource
import struct
import sys

CANNOT_GAIN_RIGHTS = 38  # PR_SET_NO_NEW_PRIVS
FILTER = 22, 2  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER

# Calls of the system that no notebook needs: namespaces, mounts, other processes' memory, and parts
# of the kernel that were often a way out. For each machine its number, and the calls' numbers:
# unshare, setns, mount, umount2, pivot_root, chroot, ptrace, process_vm_readv, process_vm_writev,
# keyctl, add_key, request_key, bpf, perf_event_open, userfaultfd, open_by_handle_at
REFUSED = {
    "x86_64": (
        0xC000003E,
        (272, 308, 165, 166, 155, 161, 101, 310, 311, 250, 248, 249, 321, 298, 323, 304),
    ),
    "aarch64": (
        0xC00000B7,
        (97, 268, 40, 39, 41, 51, 117, 270, 271, 219, 217, 218, 280, 241, 282, 265),
    ),
}
REFUSED_EVERYWHERE = (425, 428, 429, 430, 432, 442)  # io_uring_setup and the new calls to mount
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3 = 435  # its flags cannot be looked at; without it the C library uses clone
NEW_NAMESPACES = 0x7E020000  # the flags of clone that make them
OTHER_NUMBERS = 0x40000000  # from here on, x86_64 has its calls a second time

# The kernel's words for such a filter: load, compare, answer.
LOAD, EQUAL, AT_LEAST, ANY_OF, ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16  # where in the call
ALLOW, ERROR = 0x7FFF0000, 0x00050000


def main() -> None:
    user, memory, processes, file_size = map(int, sys.argv[1:5])
    os.umask(0o077)
    if os.getuid() == 0:  # only where the grading itself is run by root
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    ctypes.CDLL(None).prctl(CANNOT_GAIN_RIGHTS, 1, 0, 0, 0)
    refuse_calls(os.uname().machine)
    for kind, limit in {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_NPROC: processes,
        resource.RLIMIT_FSIZE: file_size,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }.items():
        resource.setrlimit(kind, (limit, limit))
    os.execv(sys.executable, [sys.executable, *sys.argv[5:]])


def refuse_calls(machine: str) -> None:
    """From now on the kernel refuses some calls, to this process and all that descend from it."""
    if machine not in REFUSED:
        return
    words = b"".join(filter_words(machine))
    program = ctypes.create_string_buffer(words)
    described = struct.pack("HP", len(words) // 8, ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(*FILTER, described, 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel takes no filter of system calls")


def filter_words(machine: str):
    """The filter. A comparison goes on with the next word if it holds, else it skips one."""
    number, refused = REFUSED[machine]
    forbidden, unknown = ERROR | errno.EPERM, ERROR | errno.ENOSYS
    yield word(LOAD, MACHINE)
    yield word(EQUAL, number, 1, 0)  # the machine's other ways to call are refused
    yield word(ANSWER, forbidden)
    yield word(LOAD, NUMBER)
    yield word(AT_LEAST, OTHER_NUMBERS, 0, 1)
    yield word(ANSWER, forbidden)
    for call in (*refused, *REFUSED_EVERYWHERE):
        yield word(EQUAL, call, 0, 1)
        yield word(ANSWER, forbidden)
    yield word(EQUAL, CLONE3, 0, 1)
    yield word(ANSWER, unknown)
    yield word(EQUAL, CLONE[machine], 0, 3)
    yield word(LOAD, FIRST_ARGUMENT)
    yield word(ANY_OF, NEW_NAMESPACES, 0, 1)
    yield word(ANSWER, forbidden)
    yield word(ANSWER, ALLOW)


def word(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_so, if_not, value)


main()
