"""The course's hidden seed, and the seed of the hidden cases of one submission.

The course's seed never enters the box. Each submission's hidden cases are made from a seed of
their own, which depends on it and on the submission: whoever reads it inside and hands it on has
nothing, because a submission that made use of it would be another one, with another seed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from course_utils.checking import HIDDEN_SEED_VARIABLE, seeds

FILE = "hidden_seed"


def course_seed(root: Path) -> int:
    """The seed in the environment, else in the course's folder, where it is made on first use."""
    if HIDDEN_SEED_VARIABLE in os.environ:
        return seeds()[-1]
    path = root / FILE
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{secrets.randbelow(10**12)}\n")
    except FileExistsError:
        pass
    content = path.read_text().strip()
    if not content.isdigit():
        raise ValueError(f"{path} must hold a whole number of at least 0, got {content[:20]!r}.")
    return int(content)


def submission_seed(course: int, notebook: str) -> int:
    """The seed of the hidden cases of one rebuilt notebook, given as its text."""
    digest = hashlib.sha256(f"{course}\n{notebook}".encode()).digest()
    return int.from_bytes(digest[:6], "big")
