"""Settings of all tests, those of the notebooks included: no window, few threads, no network."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

# nbgrader and jupyter call their parts by bare names.
os.environ["PATH"] = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]
os.environ["MPLBACKEND"] = "agg"
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
os.environ["JUPYTER_PLATFORM_DIRS"] = "1"
os.environ.pop("COURSE_HIDDEN_SEED", None)

# The test process is kept off the network by pytest-socket, the kernels that it starts by this.
NO_NETWORK = """
import socket


def _refuse(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
        raise OSError(f"no network while testing, but a connection to {address[0]} was asked for")
    return _connect(self, address)


_connect = socket.socket.connect
socket.socket.connect = _refuse
"""


def _kernels_without_network() -> None:
    folder = Path(tempfile.mkdtemp(prefix="course-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-no-network.py").write_text(NO_NETWORK)
    os.environ["IPYTHONDIR"] = str(folder / "ipython")
    os.environ["JUPYTER_RUNTIME_DIR"] = str(folder / "runtime")
    os.environ["COURSE_PROGRESS_FOLDER"] = str(folder / "progress")


_kernels_without_network()
