"""What is wrong with a notebook, in plain words, and its repair without touching an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.grading.intake import Refused, read_notebook
from course_utils.grading.rebuild import identity, missing_answers, rebuild, text
from course_utils.whole_files import write_whole


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and whether a repair mends it."""

    sentence: str
    repairable: bool = True


def examine(path: Path, released: NotebookNode) -> list[Finding]:
    """What is wrong with the notebook at `path`, held against the one that was handed out."""
    try:
        notebook = read_notebook(path)
    except Refused as reason:
        return [Finding(str(reason), repairable=False)]
    cells = notebook["cells"]
    names = [_claimed(cell) for cell in cells]
    known = {identity(cell): cell for cell in released.cells}
    findings = [
        Finding(
            f"The answer cell {name!r} is missing. The repair puts an empty one in its place; a "
            "function of that name in another cell counts."
        )
        for name in missing_answers(notebook, released)
    ]
    for name, original in known.items():
        grading = original.metadata.get("nbgrader", {})
        if not grading:
            continue
        count = names.count(name)
        if not count and not grading.get("solution"):
            findings.append(Finding(f"The cell {name!r}, which is needed for grading, is missing."))
        elif count > 1:
            which = "last filled-in one counts" if grading.get("solution") else "copies are dropped"
            findings.append(Finding(f"The cell {name!r} is there {count} times; the {which}."))
        elif (
            count and not grading.get("solution") and _source(cells, names, name) != original.source
        ):
            findings.append(Finding(f"The cell {name!r} is not as it was handed out."))
    order = [name for name in names if name in known]
    expected = [name for name in known if name in order]
    if list(dict.fromkeys(order)) != expected:
        findings.append(Finding("The cells are in another order than they were handed out."))
    return [*findings, *_format_findings(notebook)]


def repaired(path: Path, released: NotebookNode) -> NotebookNode:
    """The notebook with the handed-out cells in their order and all answers; Refused if unreadable."""
    return rebuild(read_notebook(path), released)


def find_released(path: Path, assignments: Sequence[str], folder: Path) -> NotebookNode:
    """The handed-out notebook that a file belongs to: by its name, else by the cells that it holds.

    Raises:
        ValueError: if it belongs to none; the known ones are named.
    """
    if len(assignments) == 1:
        return _released(assignments[0], folder)
    for assignment in assignments:
        if assignment in path.name:
            return _released(assignment, folder)
    try:
        claimed = {_claimed(cell) for cell in read_notebook(path)["cells"]}
    except Refused:
        claimed = set()
    shared = {
        assignment: len(claimed & set(map(identity, _released(assignment, folder).cells)))
        for assignment in assignments
    }
    best = max(shared, key=shared.get, default=None)
    if best is None or not shared[best]:
        raise ValueError(
            f"{path} belongs to none of {', '.join(assignments)}. Say which by --assignment."
        )
    return _released(best, folder)


def doctor(path: Path, released: NotebookNode, output: Path | None = None) -> bool:
    """Print what is wrong with a notebook, and write a repaired copy if `output` is given.

    Returns:
        Whether the notebook can be graded (now, or after the repair).
    """
    findings = examine(path, released)
    for finding in findings:
        print(f"✘ {finding.sentence}")
    if not all(finding.repairable for finding in findings):
        print("This cannot be repaired here. Open an earlier version, or save the notebook again.")
        return False
    if not findings:
        print(f"✔ {path.name} can be graded as it is.")
        return True
    if output is None:
        print("It can be graded all the same: grading mends this. --repair writes a mended copy.")
        return True
    write_whole(output, nbformat.writes(repaired(path, released)) + "\n")
    print(f"✔ Wrote {output}; the answers are as they were.")
    return True


def _released(assignment: str, folder: Path) -> NotebookNode:
    return nbformat.read(folder / assignment / f"{assignment}.ipynb", as_version=4)


def _claimed(cell: dict) -> str | None:
    metadata = cell.get("metadata")
    grading = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    claimed = grading.get("grade_id") if isinstance(grading, dict) else cell.get("id")
    return claimed if isinstance(claimed, str) else None


def _source(cells: list[dict], names: list[str | None], name: str) -> str:
    return text(cells[names.index(name)].get("source"))


def _format_findings(notebook: NotebookNode) -> list[Finding]:
    try:
        nbformat.validate(nbformat.from_dict(notebook))
    except (nbformat.ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        line = (str(error).strip().splitlines() or ["no reason given"])[0]
        return [Finding(f"The file is not quite a notebook ({line[:150]}).")]
    return []
