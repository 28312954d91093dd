"""Settings of all tests: no window, few threads, no network."""

from __future__ import annotations

import os

os.environ["MPLBACKEND"] = "agg"
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
os.environ["JUPYTER_PLATFORM_DIRS"] = "1"
