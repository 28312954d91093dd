"""The model answer below each written answer in formgrader, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import List

from course_utils.grading.rebuild import identity

HEADING = "**Model answer** (only you see it; the rubric stands in the card above)"


class ShowModelAnswers(NbGraderPreprocessor):
    """Adds the model answers of the master to the page on which an instructor grades.

    The page is made anew each time it is looked at. The graded notebook, from which the feedback is
    made, stays as it is.
    """

    display_data_priority = List().tag(config=True)  # nbconvert sets it, and warns if it cannot

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """The notebook with the model answers, if formgrader asks for it."""
        if "submission_id" not in resources:  # as it is for feedback, and for every other page
            return nb, resources
        answers = model_answers(self._master(resources))
        cells = []
        for cell in nb.cells:
            cells.append(cell)
            if cell.cell_type == "markdown" and identity(cell) in answers:
                cells.append(new_markdown_cell(f"{HEADING}\n\n{answers[identity(cell)]}"))
        nb.cells = cells
        return nb, resources

    def _master(self, resources: dict) -> Path:
        course = CourseDirectory(config=self.config)
        folder = course.format_path(course.source_directory, ".", resources["assignment_id"])
        return Path(folder) / f"{resources['notebook_id']}.ipynb"


def model_answers(master: Path) -> dict[str, str]:
    """The model answer to each written question of a master; none if there is no master here."""
    if not master.is_file():
        return {}
    return {
        identity(cell): cell.source
        for cell in nbformat.read(master, as_version=4).cells
        if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("solution")
    }
