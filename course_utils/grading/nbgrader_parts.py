"""nbgrader's own autograding with the course's parts in it: intake, rebuild, box, judge, saving.

`configure(c)` in nbgrader_config.py puts them in. nbgrader itself stays as it is: it finds the
submissions, calls these parts in its order, writes the graded notebook, and shows it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import (
    ClearHiddenTests,
    Execute,
    NbGraderPreprocessor,
    SaveAutoGrades,
)
from traitlets import Bool, Float, Integer, List, Unicode

from course_utils.exercises.cases import lecture_of
from course_utils.grading.execution import execute
from course_utils.grading.jobs import Job, Limits, Result, read_result
from course_utils.grading.judging import (
    graded_exercise,
    is_test,
    judge_notebook,
    not_run,
    refuse_notebook,
    write_outcome,
)
from course_utils.grading.library import environment
from course_utils.grading.probe import require_box
from course_utils.grading.rebuild import rebuild
from course_utils.grading.seeds import course_seed, submission_seed

_HERE, _ADMISSION = __name__, "course_utils.grading.admission"


def configure(c: Any) -> None:
    """Let nbgrader grade with the parts of this module."""
    c.Autograde.exporter_class = f"{_ADMISSION}.SubmissionExporter"
    c.Autograde.pre_convert_hook = f"{_ADMISSION}.admit"
    # All in one step, so that nbgrader writes a notebook only when it is graded and its scores
    # are saved: what is ended in between is found ungraded, and graded again.
    c.Autograde.sanitize_preprocessors = [
        f"{_HERE}.Rebuild",
        "nbgrader.preprocessors.OverwriteKernelspec",
        "nbgrader.preprocessors.OverwriteCells",
        "nbgrader.preprocessors.CheckCellMetadata",
        f"{_HERE}.BoxedExecute",
        "nbgrader.preprocessors.LimitOutput",
        f"{_HERE}.SaveAllGrades",
        "nbgrader.preprocessors.AssignLatePenalties",
    ]
    c.Autograde.autograde_preprocessors = ["nbgrader.preprocessors.CheckCellMetadata"]
    c.GenerateFeedback.preprocessors = [
        "nbgrader.preprocessors.GetGrades",
        f"{_HERE}.WithoutHiddenTests",  # plain nbgrader shows them in the feedback
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    c.HTMLExporter.preprocessors = ["course_utils.grading.model_answers.ShowModelAnswers"]


class WithoutHiddenTests(ClearHiddenTests):
    """nbgrader's own, which is warned of a setting of nbconvert's for each page that it makes."""

    display_data_priority = List().tag(config=True)


class Rebuild(NbGraderPreprocessor):
    """Puts the answers into the notebook that was handed out."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """The rebuilt notebook."""
        return rebuild(nb, nbformat.read(self._released(resources), as_version=4)), resources

    def _released(self, resources: dict) -> Path:
        coursedir, names = _coursedir(self), resources["nbgrader"]
        folder = coursedir.format_path(coursedir.release_directory, ".", names["assignment"])
        path = Path(folder) / f"{names['notebook']}.ipynb"
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: submissions are rebuilt from what was handed out. "
                f"Run: course release {names['assignment']}"
            )
        return path


class BoxedExecute(Execute):
    """Runs the notebook in the box and writes the verdicts, which are made outside."""

    boxed = Bool(
        True, help="Run the submission in the box. Off only where every submission is trusted."
    ).tag(config=True)
    timeout = Float(
        Limits.seconds_per_cell, allow_none=True, help="Seconds that a cell may take."
    ).tag(config=True)
    seconds = Float(Limits.seconds, help="Longest time of a notebook.").tag(config=True)
    memory = Integer(Limits.memory, help="Bytes that it may hold in memory.").tag(config=True)
    processes = Integer(Limits.processes, help="How many processes and threads it may have.").tag(
        config=True
    )
    results = Unicode(
        "", help="Folder with results of jobs that were executed before (by `course grade`)."
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """The notebook with its outputs and verdicts."""
        if "refused" in resources:
            refuse_notebook(nb, resources["refused"])
            nb.metadata["course"] = {"refused": resources["refused"]}
            return nb, resources
        job = self.job(nb, resources)
        result = self._result(job)
        judged, outcomes = judge_notebook(job, result)
        judged.metadata["course"] = {
            "boxed": result.boxed,
            "job": job.name,
            "seconds": result.seconds,
            "memory": result.memory,
        }
        for outcome in outcomes:
            self.log.info(
                "%s: %s (%s) %s", outcome.name, outcome.outcome, outcome.judged, outcome.sentence
            )
        return judged, resources

    def job(self, nb: NotebookNode, resources: dict) -> Job:
        """What is to be executed of a rebuilt notebook."""
        return make_job(
            nb,
            course_seed(Path(_coursedir(self).root)),
            limits=Limits(
                seconds_per_cell=self.timeout or self.seconds,
                seconds=self.seconds,
                memory=self.memory,
                processes=self.processes,
            ),
            support=self._support(resources),
            boxed=self.boxed,
        )

    def _result(self, job: Job) -> Result:
        stored = Path(self.results) / f"{job.name}.json" if self.results else None
        if stored and stored.is_file():
            return read_result(stored)
        if self.boxed:
            require_box()
        else:
            self.log.warning("NOT BOXED: this submission's code runs with all rights of yours.")
        return execute(job)

    def _support(self, resources: dict) -> tuple[tuple[str, bytes], ...]:
        """The instructor's files beside the notebook."""
        coursedir = _coursedir(self)
        folder = Path(
            coursedir.format_path(
                coursedir.source_directory, ".", resources["nbgrader"]["assignment"]
            )
        )
        return tuple(
            (str(path.relative_to(folder)), path.read_bytes())
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix != ".ipynb" and "__pycache__" not in path.parts
        )


class Park(BoxedExecute):
    """Hands on what is to be executed, in `resources["job"]`, and executes nothing."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """The notebook as it is; a job, if it can be read."""
        if "refused" not in resources:
            resources["job"] = self.job(nb, resources)
        return nb, resources


class SaveAllGrades(SaveAutoGrades):
    """nbgrader's saving, with all scores of a notebook in one transaction."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Save the scores; those of cells that are no longer asked become 0."""
        for cell in filter(is_test, nb.cells):
            if "course" not in cell.metadata:  # where --no-execute is set: missing is never credit
                write_outcome(cell, not_run(cell))
        names = resources["nbgrader"]
        self.notebook_id, self.assignment_id = names["notebook"], names["assignment"]
        self.student_id = names["student"]
        with Gradebook(names["db_url"]) as self.gradebook:
            session = self.gradebook.db
            self.gradebook.db = _OneTransaction(session)
            submission = self.gradebook.find_submission_notebook(
                self.notebook_id, self.assignment_id, self.student_id
            )
            asked = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in nb.cells}
            for grade in submission.grades:
                if grade.name not in asked:
                    grade.auto_score, grade.needs_manual_grade = 0, False
            for index, cell in enumerate(nb.cells):
                self.preprocess_cell(cell, resources, index)
            session.commit()
        return nb, resources


class _OneTransaction:
    """A database session whose commits wait for the end."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def commit(self) -> None:
        self._session.flush()


def make_job(
    rebuilt: NotebookNode,
    seed: int,
    *,
    limits: Limits | None = None,
    support: tuple[tuple[str, bytes], ...] = (),
    boxed: bool = True,
) -> Job:
    """The job that executes a rebuilt notebook.

    Args:
        rebuilt: the notebook from `rebuild`.
        seed: the course's hidden seed, from `course_seed`.
        limits: what it may use.
        support: the instructor's files beside the notebook.
        boxed: whether it runs in the box.
    """
    text = nbformat.writes(rebuilt)
    exercises = tuple(
        filter(None, (graded_exercise(cell) for cell in rebuilt.cells if is_test(cell)))
    )
    return Job(
        notebook=text,
        exercises=exercises,
        lectures=tuple(sorted({lecture_of(name) for name in exercises})),
        seed=submission_seed(seed, text),
        limits=limits or Limits(),
        support=support,
        boxed=boxed,
        environment=environment(),
    )


def _coursedir(preprocessor: NbGraderPreprocessor) -> Any:
    return preprocessor.parent.parent.coursedir  # preprocessor, exporter, converter
