"""The notebook that is graded: the instructor's, with the student's answers put in.

Nothing else of the student's notebook has any effect: no tag, no metadata, no output, no order of
cells, no kernel's name. What students add is kept in these forms:

- a cell of their own stays behind the instructor's cell that it followed;
- an instructor's ordinary cell that they edited runs as handed out, then in their version;
- of an edited demonstration, which grading skips, the functions, classes and imports that they
  added run;
- a solution cell that they deleted is left empty, so that a function of that name in another cell
  of theirs counts.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

DEMONSTRATION = "demonstration"
MISSING = "# This cell is missing from the submission."


def rebuild(submitted: NotebookNode | dict, released: NotebookNode) -> NotebookNode:
    """The released notebook with the answers and the added cells of the submitted one."""
    rebuilt = nbformat.from_dict(released)
    answers, additions = _students_part(submitted, released)
    cells = list(additions[None])
    for cell in rebuilt.cells:
        name = identity(cell)
        if _is_answer(cell):
            cell.source = _chosen(answers[name], cell)
            if cell.cell_type == "markdown":
                cell.source = without_markup(cell.source)
        cells += [cell, *additions[name]]
    rebuilt.cells = [_without_outputs(cell) for cell in cells]
    for number, cell in enumerate(rebuilt.cells):
        if "added" in cell.metadata.get("tags", []):
            cell.id = f"added-{number}"
    return rebuilt


def identity(cell: NotebookNode) -> str:
    """What tells a cell of the instructor's from all others: its grade_id, else its id."""
    return cell.metadata.get("nbgrader", {}).get("grade_id") or cell.get("id", "")


def missing_answers(submitted: NotebookNode | dict, released: NotebookNode) -> list[str]:
    """The solution cells that a submission lacks, by name."""
    answers, _ = _students_part(submitted, released)
    return [
        identity(cell)
        for cell in released.cells
        if _is_answer(cell) and not answers[identity(cell)]
    ]


def _students_part(
    submitted: NotebookNode | dict, released: NotebookNode
) -> tuple[dict[str, list[str]], dict[str | None, list[NotebookNode]]]:
    """The sources for each answer, and the cells to add behind each cell of the instructor's."""
    by_name = {identity(cell): cell for cell in released.cells}
    name_of_id = {cell.get("id"): identity(cell) for cell in released.cells}
    name_of_source = {
        cell.source: identity(cell)
        for cell in released.cells
        if not _is_answer(cell) and cell.source.strip()
    }
    answers: dict[str, list[str]] = defaultdict(list)
    additions: dict[str | None, list[NotebookNode]] = defaultdict(list)
    behind: str | None = None
    for cell in submitted.get("cells", []):
        source = text(cell.get("source"))
        name = _claimed_name(cell, by_name, name_of_id) or name_of_source.get(source)
        if name is None:
            additions[behind] += _added(cell, source)
            continue
        behind, original = name, by_name[name]
        if _is_answer(original):
            answers[name].append(source)
        elif original.cell_type == "code" and not _is_graded(original):
            additions[behind] += _edited(source, original)
    return answers, additions


def _claimed_name(cell: dict, by_name: dict[str, Any], name_of_id: dict[Any, str]) -> str | None:
    metadata = cell.get("metadata")
    grading = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    claimed = grading.get("grade_id") if isinstance(grading, dict) else None
    if isinstance(claimed, str) and claimed in by_name:
        return claimed
    own_id = cell.get("id")
    return name_of_id.get(own_id) if isinstance(own_id, str) else None


def _chosen(sources: list[str], original: NotebookNode) -> str:
    """The last answer that is not the empty stub, as running from top to bottom would have it."""
    if not sources:
        return MISSING if original.cell_type == "code" else original.source
    written = [source for source in sources if source.strip() != original.source.strip()]
    return written[-1] if written else original.source


def _added(cell: dict, source: str) -> list[NotebookNode]:
    if not source.strip():
        return []
    if cell.get("cell_type") == "code":
        return [new_code_cell(source, metadata={"tags": ["added"]})]
    if cell.get("cell_type") == "markdown":
        return [new_markdown_cell(without_markup(source), metadata={"tags": ["added"]})]
    return []


def _edited(source: str, original: NotebookNode) -> list[NotebookNode]:
    if source.strip() == original.source.strip():
        return []
    if DEMONSTRATION in original.metadata.get("tags", []):
        source = _new_definitions(source, original.source)
    return _added({"cell_type": "code"}, source)


def _new_definitions(source: str, original: str) -> str:
    """The functions, classes and imports at the top level of `source` that `original` lacks."""
    try:
        known = {ast.dump(node) for node in ast.parse(original).body}
        nodes = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    new = [node for node in nodes if isinstance(node, kinds) and ast.dump(node) not in known]
    return "\n\n".join(ast.unparse(node) for node in new)


def _is_answer(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _is_graded(cell: NotebookNode) -> bool:
    grading = cell.metadata.get("nbgrader", {})
    return bool(grading.get("grade") or grading.get("locked"))


def _without_outputs(cell: NotebookNode) -> NotebookNode:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    return cell


def without_markup(source: str) -> str:
    """Markdown that looks the same, in which HTML and scripts in links are mere text.

    Written answers are shown in the browser of somebody who may change grades. A space without
    width behind the sign that a tag, an entity or a script begins with makes it a sign.
    """
    source = re.sub(r"<(?=[A-Za-z/!?])", "<\u200b", source)
    source = re.sub(r"&(?=[#A-Za-z])", "&\u200b", source)
    return re.sub(r"(?i)(javascript|vbscript|data)(\s*):", "\\1\\2\u200b:", source)


def text(source: Any) -> str:
    """A cell's source as text that can be stored, whatever it was."""
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        return ""
    return source.encode("utf-8", "replace").decode()
