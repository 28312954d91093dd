"""From an author's notebook to the stored master: cards, grading metadata, outputs.

An author marks cells by tags; all that nbgrader needs follows from them and the declarations:

    card:NAME       Markdown, written here from the declaration of the exercise
    solution:NAME   code, the function between BEGIN SOLUTION and END SOLUTION
    check:NAME      code, check("NAME", NAME)
    written:NAME    Markdown, the model answer to a written question
    demonstration   code that grading skips
    notes:ITEM      where an item of the lecture notes is treated
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from course_utils.authoring.cards import cards
from course_utils.exercises import exercises, written_questions
from course_utils.exercises.cases import LECTURES
from course_utils.progress import FOLDER_VARIABLE
from course_utils.whole_files import write_whole

LARGEST_NOTEBOOK = 600_000  # bytes, as stored
SOLUTIONS = Path("solutions")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_ROLE = re.compile(r"(card|solution|check|written):(\w+)")


def assignments(folder: Path = SOLUTIONS) -> list[str]:
    """The names of the notebooks in their order, e.g. "01_gradients"."""
    return sorted(path.stem for path in folder.glob("[0-9]*/*.ipynb") if _is_master(path))


def master_path(assignment: str, folder: Path = SOLUTIONS) -> Path:
    """Where the master of an assignment lies; FileNotFoundError with the known ones if it is not."""
    path = folder / assignment / f"{assignment}.ipynb"
    if not path.is_file():
        known = ", ".join(assignments(folder))
        raise FileNotFoundError(f"There is no {path}. The notebooks are: {known}.")
    return path


def lecture_of_assignment(assignment: str) -> str:
    """The lecture whose number an assignment's name begins with: "01_gradients" -> "gradients"."""
    return LECTURES[int(assignment.split("_")[0])]


def build(assignment: str, folder: Path = SOLUTIONS, execute: bool = True) -> None:
    """Write cards and metadata, execute the notebook and store it, whole or not at all.

    Raises:
        RuntimeError: if a cell raises or warns, or if the stored notebook is too large.
    """
    path = master_path(assignment, folder)
    notebook = nbformat.read(path, as_version=4)
    prepare(notebook, lecture_of_assignment(assignment))
    if execute:
        _execute(notebook, assignment)
    text = nbformat.writes(notebook) + "\n"
    if len(text.encode()) > LARGEST_NOTEBOOK:
        raise RuntimeError(f"{assignment} must stay under 600 kB, got {len(text.encode())} bytes.")
    write_whole(path, text)


def prepare(notebook: NotebookNode, lecture: str) -> None:
    """Write what follows from the declarations into the cells: cards, ids, points."""
    card_of = cards(lecture)
    points = {item.name: item.points for item in [*exercises(lecture), *written_questions(lecture)]}
    seen: set[str] = set()
    for cell in notebook.cells:
        cell.metadata = _kept_metadata(cell)
        for role, name in roles(cell):
            if name not in points:
                raise ValueError(f"The tag {role}:{name} names no exercise of lecture {lecture!r}.")
            cell.id = f"{role}-{name}"
            if cell.id in seen:
                raise ValueError(f"The tag {role}:{name} must stand once in a notebook, got two.")
            seen.add(cell.id)
            if role == "card":
                cell.source = card_of[name]
            else:
                cell.metadata["nbgrader"] = _grading(role, name, points[name])
            if role == "check":  # "Run all" goes on after a check that fails
                cell.metadata["tags"] = [*cell.metadata["tags"], "raises-exception"]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5


def roles(cell: NotebookNode) -> Iterator[tuple[str, str]]:
    """What a cell's tags say of it, as (role, name)."""
    for tag in cell.metadata.get("tags", []):
        match = _ROLE.fullmatch(tag)
        if match:
            yield match[1], match[2]


def _kept_metadata(cell: NotebookNode) -> dict:
    tags = [tag for tag in cell.metadata.get("tags", []) if tag != "raises-exception"]
    return NotebookNode({"tags": tags} if tags else {})


def _grading(role: str, name: str, points: int) -> dict:
    graded, solution = role in ("check", "written"), role in ("solution", "written")
    metadata = {
        "grade": graded,
        "grade_id": f"check_{name}" if role == "check" else name,
        "locked": role == "check",
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    return {**metadata, "points": points} if graded else metadata


def _execute(notebook: NotebookNode, assignment: str) -> None:
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(master_path(assignment).parent)}},
    )
    with TemporaryDirectory() as progress:  # the author's own progress is not the notebook's
        client.execute(env={**os.environ, FOLDER_VARIABLE: progress})
    for position, cell in enumerate(notebook.cells):
        if "outputs" in cell:
            # A stored explorer has no kernel: its picture stands beside the widget, and remains.
            cell.outputs = [o for o in cell.outputs if WIDGET_VIEW not in o.get("data", {})]
        for output in cell.get("outputs", []):
            if output.output_type == "error" or output.get("name") == "stderr":
                raise RuntimeError(
                    f"{assignment}, cell {position}, must run quietly, got {output}."
                )
    notebook.metadata["language_info"] = {"name": "python"}


def _is_master(path: Path) -> bool:
    return path.stem == path.parent.name
