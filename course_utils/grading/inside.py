"""The first program in the box: gives up what is left of its rights, then becomes another one.

It is not imported but shown in the box as a file, and run there with Python's standard library
alone: inside.py USER MEMORY PROCESSES FILE_SIZE PROGRAM...
"""

import ctypes
import os
import resource
import sys

CANNOT_GAIN_RIGHTS = 38  # PR_SET_NO_NEW_PRIVS


def main() -> None:
    user, memory, processes, file_size = map(int, sys.argv[1:5])
    os.umask(0o077)
    if os.getuid() == 0:  # only where the grading itself is run by root
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    ctypes.CDLL(None).prctl(CANNOT_GAIN_RIGHTS, 1, 0, 0, 0)
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


main()
