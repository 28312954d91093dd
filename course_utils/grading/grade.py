"""Grading what a class has handed in: park, pool, recall.

Parking makes a job of each submission, by nbgrader's own cleaning. The pool executes the jobs, which
is the slow part and needs no gradebook. Each result is stored as it comes, and nbgrader's own
autograding recalls it: judges, saves the scores in one transaction, and writes the graded notebook,
which names its job. So what is graded is known by the job's name, and a run that was ended goes on
where it was.
"""

from __future__ import annotations

import fcntl
import json
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbgrader.apps import NbGraderAPI
from nbgrader.converters import Autograde
from sqlalchemy.exc import OperationalError, SAWarning
from tqdm import tqdm

from course_utils.grading import nbgrader_parts
from course_utils.grading.admission import sift
from course_utils.grading.course import nbgrader
from course_utils.grading.jobs import Job, write_result
from course_utils.grading.pool import execute_all, workers
from course_utils.grading.probe import require_box
from course_utils.grading.roster import enrolled

RESULTS = "results"  # folder of the course, for results that are not saved yet
GRADED, WITHOUT = "graded", "without a grade"


@dataclass(frozen=True)
class Ending:
    """How grading ended for a student.

    Attributes:
        student: the name of their folder.
        state: `GRADED` or `WITHOUT`.
        reason: why there is no grade, or what was special about it.
    """

    student: str
    state: str
    reason: str = ""


def grade(
    root: Path,
    assignment: str,
    *,
    students: Sequence[str] | None = None,
    workers_at_once: int | None = None,
    scheduler: str | None = None,
    force: bool = False,
    progress: bool = False,
) -> list[Ending]:
    """Grade the submissions of an assignment; those that are graded already are left alone.

    A submission is executed again if it, the library or the hidden seed has changed.

    Args:
        root: the course's folder, with `submitted/` and nbgrader_config.py.
        assignment: for instance "01_gradients".
        students: whose submissions; everybody's if not given.
        workers_at_once: how many kernels run at once.
        scheduler: the address of a Dask scheduler, whose workers execute instead.
        force: execute and grade again what is graded.
        progress: whether to draw a progress bar.

    Returns:
        How it ended for each student, in the order of their names.

    Raises:
        ValueError: if a student has handed in nothing, or nobody has, or the roster is no roster.
        RuntimeError: if another run is grading in this folder, there is no box, or the gradebook
            cannot be reached.
    """
    root = root.resolve()
    results = root / RESULTS
    with _alone(root):
        api = nbgrader(root, results=str(results))
        if nbgrader_parts.BoxedExecute(config=api.config).boxed:
            require_box()
        handed_in = _submissions(root, api, assignment, students)
        refused = sift(handed_in.values(), [f"{assignment}.ipynb"], enrolled(root), root)
        endings = [Ending(one.folder.parent.name, WITHOUT, one.reason) for one in refused]
        strangers = {ending.student for ending in endings}
        admitted = {name: path for name, path in handed_in.items() if name not in strangers}
        done, parked = _park(api, assignment, admitted, force)
        endings += done
        waiting = {job.name: job for job in parked.values()}
        if force:
            for name in waiting:
                (results / f"{name}.json").unlink(missing_ok=True)
        bar = tqdm(total=len(handed_in), initial=len(endings), disable=not progress, unit="student")
        with bar, workers(workers_at_once, scheduler) as executor:
            for name, why in _executed(waiting, results, executor):
                for student in [s for s, job in parked.items() if job.name == name]:
                    endings.append(
                        Ending(student, WITHOUT, why) if why else _recall(api, assignment, student)
                    )
                    bar.update()
                    if endings[-1].state == GRADED:  # else the next run need not execute it again
                        (results / f"{name}.json").unlink(missing_ok=True)
                bar.set_postfix_str(f"{sum(e.state == WITHOUT for e in endings)} {WITHOUT}")
    return sorted(endings, key=lambda ending: ending.student)


def summary(endings: Sequence[Ending]) -> str:
    """How many are graded, and who is not, with the reason."""
    count = Counter(ending.state for ending in endings)
    lines = [f"{count[GRADED]} of {len(endings)} submissions are graded."]
    lines += [f"{e.student}: {e.state}: {e.reason}" for e in endings if e.reason]
    return "\n".join(lines)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Two runs at once would save the same submissions."""
    with (root / ".grading").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"Another `course grade` is at work in {root}.") from None
        try:
            yield
        except OperationalError as error:
            raise RuntimeError(
                f"The gradebook cannot be used ({error.orig}). What is executed is kept: "
                f"run `course grade` again."
            ) from None


def _submissions(
    root: Path, api: NbGraderAPI, assignment: str, students: Sequence[str] | None
) -> dict[str, Path]:
    """The folder of each submission, by student."""
    directory = api.coursedir.submitted_directory
    found = {path.parent.name: path for path in sorted((root / directory).glob(f"*/{assignment}"))}
    missing = sorted(set(students or ()) - set(found))
    if missing:
        raise ValueError(f"Nothing in {directory}/ for {assignment} from: {', '.join(missing)}.")
    if not found:
        raise ValueError(f"Nobody has handed in {assignment}: {directory}/ holds no such folder.")
    return {name: path for name, path in found.items() if students is None or name in students}


def _park(
    api: NbGraderAPI, assignment: str, handed_in: dict[str, Path], force: bool
) -> tuple[list[Ending], dict[str, Job]]:
    """Who is done, and the jobs of the others."""
    clean = _cleaning(api)
    endings, parked = [], {}
    for student, folder in handed_in.items():
        notebook = folder / f"{assignment}.ipynb"
        resources = clean(notebook)
        job = resources.get("job")
        name = job.name if job else resources["refused"]
        if not force and _graded_as(api, assignment, student) == name:
            endings.append(Ending(student, GRADED))
        elif job is None:
            endings.append(_recall(api, assignment, student))
        else:
            parked[student] = job
    return endings, parked


def _cleaning(api: NbGraderAPI):
    """nbgrader's cleaning of a submission, up to where it would be executed."""
    converter = Autograde(coursedir=api.coursedir, parent=api, config=api.config)
    exporter = converter.exporter_class(parent=converter, config=converter.config)
    for part in converter.sanitize_preprocessors:
        here = getattr(part, "__name__", part).rpartition(".")[2]
        exporter.register_preprocessor(
            nbgrader_parts.Park if here == nbgrader_parts.BoxedExecute.__name__ else part,
            enabled=True,
        )
        if here == nbgrader_parts.BoxedExecute.__name__:
            break

    def clean(notebook: Path) -> dict:
        resources = converter.init_single_notebook_resources(str(notebook))
        return exporter.from_filename(str(notebook), resources=resources)[1]

    return clean


def _graded_as(api: NbGraderAPI, assignment: str, student: str) -> str | None:
    """The job that the graded notebook names, or why it was refused; None if there is none."""
    folder = api.coursedir.format_path(api.coursedir.autograded_directory, student, assignment)
    try:
        graded = json.loads((Path(folder) / f"{assignment}.ipynb").read_text(encoding="utf-8"))
        course = graded["metadata"]["course"]
    except (OSError, ValueError, KeyError):  # never written, or only in part
        return None
    return course.get("job") or course.get("refused")


def _executed(waiting: dict[str, Job], results: Path, executor) -> Iterator[tuple[str, str]]:
    """The name of each job as soon as its result is stored, or why there is none."""
    stored = [name for name in waiting if (results / f"{name}.json").is_file()]
    for name in stored:
        yield name, ""
    missing = [job for name, job in waiting.items() if name not in stored]
    for job, result, why in execute_all(missing, executor):
        if result is not None:
            write_result(result, results / f"{job.name}.json")
        yield job.name, why


def _recall(api: NbGraderAPI, assignment: str, student: str) -> Ending:
    """nbgrader's own autograding, which finds the stored result."""
    with warnings.catch_warnings():
        # nbgrader makes its rows in an order that the database library remarks upon.
        warnings.simplefilter("ignore", SAWarning)
        done = api.autograde(assignment, student, force=True, create=True)
    if not done["success"]:
        last = (done.get("error") or done.get("log") or "no reason given").strip().splitlines()[-1]
        return Ending(student, WITHOUT, f"nbgrader could not save it: {last[:300]}")
    refused = _graded_as(api, assignment, student)
    return Ending(student, GRADED, "" if refused is None or len(refused) == 64 else refused)
