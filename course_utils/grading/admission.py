"""Which of the folders in submitted/ are graded; the others get a reason, not silence."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course_utils.grading.intake import Refused, require_student, set_aside

SET_ASIDE = "set_aside"


@dataclass(frozen=True)
class NotAdmitted:
    """A submission that is not graded, and why."""

    folder: Path
    reason: str


def sift(
    folders: Iterable[Path], notebooks: Iterable[str], roster: set[str] | None, root: Path
) -> list[NotAdmitted]:
    """Set strangers' submissions aside, and say of which the notebook is missing.

    Args:
        folders: submissions, each named .../STUDENT/ASSIGNMENT.
        notebooks: the files of which a submission must have one, e.g. "01_gradients.ipynb".
        roster: the ids that are let in; every well-formed one if None.
        root: the course's folder. The reasons are in its set_aside/STUDENT/reasons.txt.

    Returns:
        Those that are not to be graded. A stranger's is moved; one without its notebook stays, since
        the student may still put it there.
    """
    notebooks, refused = sorted(notebooks), []
    for folder in sorted(folders):
        student = folder.parent.name
        aside = root / SET_ASIDE / student
        try:
            require_student(student, roster)
        except Refused as reason:
            refused.append(NotAdmitted(folder, str(reason)))
            set_aside(folder, str(reason), aside)
            continue
        if not any(os.path.lexists(folder / name) for name in notebooks):
            reason = f"There is no {' or '.join(notebooks)} in the submission."
            refused.append(NotAdmitted(folder, reason))
            _say_once(f"{folder.name}: {reason}\n", aside)
    return refused


def _say_once(line: str, folder: Path) -> None:
    """Grading again must not lengthen the list."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "reasons.txt").open("a+", encoding="utf-8") as reasons:
        reasons.seek(0)
        if line not in reasons.readlines():
            reasons.write(line)
