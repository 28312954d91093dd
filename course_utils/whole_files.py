"""Files that are there whole or not at all, whatever ends the program that writes them."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> Path:
    """Write beside, then rename. Text is stored as UTF-8.

    Raises:
        OSError: if it cannot be written; nothing half written is left, and an earlier file stays.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(beside, path)
    except OSError:  # a full disk, mostly: what is half written is in its way
        beside.unlink(missing_ok=True)
        raise
    return path
