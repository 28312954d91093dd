"""Grading what a class has handed in: park, pool, recall.

Parking makes a job of each submission, by nbgrader's own cleaning. The pool executes the jobs, which
is the slow part and needs no gradebook. Each result is stored as it comes, and nbgrader's own
autograding recalls it: judges, saves the scores in one transaction, and writes the graded notebook,
which names its job. So what is graded is known by the job's name, and a run that was ended goes on
where it was. Jobs and results wait on the disk: the memory needed does not grow with the class.
"""

from __future__ import annotations

import errno
import fcntl
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbgrader.apps import NbGraderAPI
from sqlalchemy.exc import OperationalError
from tqdm import tqdm

from course_utils.grading import nbgrader_parts
from course_utils.grading.admission import sift
from course_utils.grading.converting import (
    GradebookUnusable,
    cleaning,
    graded_as,
    save,
    students_in_gradebook,
)
from course_utils.grading.course import nbgrader
from course_utils.grading.jobs import read_job, write_job, write_result
from course_utils.grading.pool import Pool, execute_all, workers
from course_utils.grading.probe import require_box
from course_utils.grading.roster import enrolled

RESULTS = "results"  # folder of the course, for jobs and results that are not saved yet
GRADED, WITHOUT = "graded", "without a grade"
AGAIN = "What is executed is kept: run `course grade` again."


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
        RuntimeError: if another run is grading in this folder, there is no box, the gradebook
            cannot be used, the disk is full, or the cluster has gone.
    """
    root = root.resolve()
    results = root / RESULTS
    with _alone(root):
        api = nbgrader(root, results=str(results))
        if nbgrader_parts.BoxedExecute(config=api.config).boxed:
            require_box()
        handed_in = _submissions(root, api, assignment, students)
        refused = sift(handed_in.values(), [f"{assignment}.ipynb"], enrolled(root), root)
        why = {one.folder.parent.name: one.reason for one in refused}
        endings = [Ending(student, WITHOUT, reason) for student, reason in why.items()]
        admitted = {name: folder for name, folder in handed_in.items() if name not in why}
        bar = tqdm(total=len(handed_in), initial=len(why), disable=not progress, unit="student")
        with bar, workers(workers_at_once, scheduler) as pool:
            for ending in _endings(api, assignment, admitted, results, pool, force):
                endings.append(ending)
                bar.update()
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
        except (OperationalError, GradebookUnusable) as error:
            why = str(getattr(error, "orig", error)).splitlines()[0]
            raise RuntimeError(f"The gradebook cannot be used: {why}. {AGAIN}") from None
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise RuntimeError(f"The disk is full ({error.filename or root}). {AGAIN}") from None


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


def _endings(
    api: NbGraderAPI,
    assignment: str,
    handed_in: dict[str, Path],
    results: Path,
    pool: Pool,
    force: bool,
) -> Iterator[Ending]:
    """Grade each submission as soon as its result is there."""
    waiting: dict[str, list[str]] = {}  # whose submissions a job is: the same may come twice
    for student, found in _park(api, assignment, handed_in, results, force):
        if isinstance(found, Ending):
            yield found
        else:
            waiting.setdefault(found, []).append(student)
    for name, why in _executed(waiting, results, pool, force):
        ended = [
            Ending(student, WITHOUT, why) if why else _recall(api, assignment, student)
            for student in waiting[name]
        ]
        yield from ended
        _job_file(results, name).unlink(missing_ok=True)
        if all(ending.state == GRADED for ending in ended):  # else it is not executed again
            _result_file(results, name).unlink(missing_ok=True)


def _park(
    api: NbGraderAPI, assignment: str, handed_in: dict[str, Path], results: Path, force: bool
) -> Iterator[tuple[str, Ending | str]]:
    """Each student's ending, or the name of the job that is stored for them."""
    for left in [*results.glob("*.job.json"), *results.glob(".*")]:  # by a run that was ended
        left.unlink()
    clean, known = cleaning(api), students_in_gradebook(api, assignment)
    for student, folder in handed_in.items():
        notebook = folder / f"{assignment}.ipynb"
        resources = clean(notebook)
        job = resources.get("job")
        name = job.name if job else resources["refused"]
        if not force and student in known and graded_as(api, assignment, student) == name:
            if job:  # a run that was ended may have left it
                _result_file(results, name).unlink(missing_ok=True)
            yield student, Ending(student, GRADED, "" if job else name)
        elif job is None:
            yield student, _recall(api, assignment, student)
        else:
            write_job(job, results)
            yield student, name


def _executed(
    waiting: dict[str, list[str]], results: Path, pool: Pool, force: bool
) -> Iterator[tuple[str, str]]:
    """The name of each job as soon as its result is stored, or why there is none."""
    stored = {name for name in waiting if not force and _result_file(results, name).is_file()}
    for name in stored:
        yield name, ""
    missing = (read_job(_job_file(results, name)) for name in waiting if name not in stored)
    for job, result, why in execute_all(missing, pool):
        if result is not None:
            write_result(result, _result_file(results, job.name))
        yield job.name, why


def _job_file(results: Path, name: str) -> Path:
    return results / f"{name}.job.json"


def _result_file(results: Path, name: str) -> Path:
    return results / f"{name}.json"


def _recall(api: NbGraderAPI, assignment: str, student: str) -> Ending:
    """Judge and save what was executed."""
    why = save(api, assignment, student)
    if why:
        return Ending(student, WITHOUT, why)
    graded = graded_as(api, assignment, student)
    return Ending(student, GRADED, "" if graded is None or len(graded) == 64 else graded)
