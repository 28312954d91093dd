"""A class graded by plain `nbgrader autograde` and by `course grade`: speed, processor time, memory.

    python benchmarks/grading.py --quick     # a few minutes, prints only
    python benchmarks/grading.py             # writes grading.json and the tables in README.md

Both grade the same submissions, each in a course folder of its own, in turns. No two submissions are
the same: none is spared because another one was executed already. Plain nbgrader runs every
cell, the checks as students run them, and has no box; `course grade` is boxed and judged outside, as
it comes, and skips demonstrations. Processor seconds are those of the whole machine: run it on one
that does nothing else.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import nbformat
import psutil
from measuring import machine, markdown_table, replace_between_marks, write_json
from nbgrader.api import Gradebook

from course_utils.checking import HIDDEN_SEED_VARIABLE
from course_utils.grading.classroom import Sample
from course_utils.grading.demo import new_course, released_to_class, submit

HERE = Path(__file__).resolve().parent
REQUIRED = 3  # times plain nbgrader's submissions a minute
# What plain nbgrader grades too; some of the other kinds end its run.
HONEST = ("right", "blank", "misconceptions", "partly right")
PLAIN, OURS = "plain nbgrader", "course grade"
PLAIN_SETTINGS = "configure(c)"  # the line of nbgrader_config.py that puts the course's parts in


@dataclass(frozen=True)
class Run:
    """One grading of a class, from a command's start to its end.

    Attributes:
        program: `PLAIN` or `OURS`.
        submissions: how many were graded.
        workers: how many kernels at once.
        seconds: wall time.
        processor: seconds that the machine's processors worked.
        main_megabytes: the most that the command itself held.
        all_megabytes: the most that it and all its children held together.
    """

    program: str
    submissions: int
    workers: int
    seconds: float
    processor: float
    main_megabytes: float
    all_megabytes: float


def submissions(root: Path, assignment: str, number: int) -> list[Sample]:
    """Whole notebooks, right, blank and wrong in turn, and no two the same."""
    honest = [one for one in released_to_class(root, assignment) if one.kind.startswith(HONEST)]
    handed_in = []
    for index, sample in zip(range(number), itertools.cycle(honest), strict=False):
        notebook = nbformat.reads(sample.content, as_version=4)
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "code":
                cell.source += f"\n# submission {index}"
        text = nbformat.writes(notebook)
        handed_in.append(replace(sample, student=f"student{index:04d}", content=text))
    return handed_in


def measured(program: str, assignment: str, number: int, workers: int) -> Run:
    """Grade `number` submissions in a new course folder.

    Raises:
        RuntimeError: if the command failed or did not grade everybody.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        root = Path(name)
        new_course(root, HERE.parent)
        for sample in submissions(root, assignment, number):
            submit(root, assignment, sample)
        if program == PLAIN:
            settings = root / "nbgrader_config.py"
            lines = settings.read_text().splitlines()
            settings.write_text("\n".join(x for x in lines if not x.startswith(PLAIN_SETTINGS)))
            command = ["nbgrader", "autograde", assignment, "--create"]
        else:
            command = ["course_utils.command", "grade", assignment, "--workers", str(workers)]
        run = _run(program, [sys.executable, "-m", *command], root, number, workers)
        graded = _graded(root, assignment)
        if graded != number:
            raise RuntimeError(f"{program} graded {graded} of {number} submissions.")
        return run


def _run(program: str, command: Sequence[str], root: Path, number: int, workers: int) -> Run:
    environment = {**os.environ, HIDDEN_SEED_VARIABLE: "20261123"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # it would slow plain nbgrader down
    scripts = str(Path(sys.executable).parent)
    environment["PATH"] = scripts + os.pathsep + environment["PATH"]
    before, start = _processor_seconds(), time.perf_counter()
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
        highest = _Highest(process.pid)
        process.wait()
    seconds = time.perf_counter() - start
    highest.stop()
    if process.returncode:
        raise RuntimeError(f"{program} failed:\n{(root / 'log').read_text()[-2000:]}")
    return Run(
        program,
        number,
        workers,
        round(seconds, 2),
        round(_processor_seconds() - before, 2),
        round(highest.main / 2**20, 1),
        round(highest.family / 2**20, 1),
    )


def _processor_seconds() -> float:
    """Seconds that all processors have worked: the only count that misses nothing.

    The system does not tell a parent what the processes of a box have used once it is ended.
    """
    times = psutil.cpu_times()
    return times.user + times.system


class _Highest(threading.Thread):
    """The most memory that a process and its family held, looked at four times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.process, self.main, self.family = psutil.Process(pid), 0, 0
        self.ended = threading.Event()
        self.start()

    def run(self) -> None:
        while not self.ended.wait(0.25):
            held = []
            with suppress(psutil.Error):
                for process in [self.process, *self.process.children(recursive=True)]:
                    held.append(process.memory_info().rss)
            if held:
                self.main = max(self.main, held[0])
                self.family = max(self.family, sum(held))

    def stop(self) -> None:
        self.ended.set()
        self.join()


def _graded(root: Path, assignment: str) -> int:
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        handed_in = {row.student.id for row in gradebook.assignment_submissions(assignment)}
    files = root.glob(f"autograded/*/{assignment}/{assignment}.ipynb")
    return len(handed_in & {path.parent.parent.name for path in files})


def in_turns(assignment: str, number: int, pairs: int) -> list[tuple[Run, Run]]:
    """Pairs of runs, plain and ours; which comes first changes from pair to pair."""
    taken = []
    for pair in range(pairs):
        order = (PLAIN, OURS) if pair % 2 == 0 else (OURS, PLAIN)
        runs = {program: _told(measured(program, assignment, number, 2)) for program in order}
        taken.append((runs[PLAIN], runs[OURS]))
    return taken


def growth(assignment: str, program: str, sizes: Sequence[int]) -> list[Run]:
    """The same with ever more submissions."""
    return [_told(measured(program, assignment, size, 2)) for size in sizes]


def _told(run: Run) -> Run:
    print(f"{run.program}, {run.submissions} submissions: {run.seconds:.0f} s", file=sys.stderr)
    return run


def seconds_of_one_more(runs: Sequence[Run]) -> list[float]:
    """What each further submission cost between one run and the next larger one."""
    return [
        (more.seconds - less.seconds) / (more.submissions - less.submissions)
        for less, more in itertools.pairwise(runs)
    ]


def row(run: Run) -> dict[str, object]:
    """A run as a row of a table."""
    return {
        "program": run.program,
        "submissions": run.submissions,
        "workers": run.workers if run.program == OURS else 1,
        "a minute": round(60 * run.submissions / run.seconds, 1),
        "seconds": run.seconds,
        "processor seconds each": round(run.processor / run.submissions, 2),
        "MB of the command": round(run.main_megabytes),
        "MB of all processes": round(run.all_megabytes),
    }


def tables(results: dict) -> str:
    """What was measured, for people."""
    ratios = [plain["seconds"] / ours["seconds"] for plain, ours in results["pairs"]]
    parts = [
        "Measured on: " + ", ".join(f"{key} {value}" for key, value in results["machine"].items()),
        f"`course grade` graded {statistics.median(ratios):.1f} times as many submissions of "
        f"{results['assignment']} a minute as plain nbgrader (median of {len(ratios)} pairs: "
        f"{', '.join(f'{ratio:.1f}' for ratio in ratios)}; required: {REQUIRED}).",
        markdown_table([row(Run(**run)) for pair in results["pairs"] for run in pair]),
    ]
    for title in ("submissions", "workers"):
        runs = [Run(**run) for run in results[title]]
        if runs:
            parts += [f"With more {title}:", markdown_table([row(run) for run in runs])]
    ours = [Run(**run) for run in results["submissions"] if run["program"] == OURS]
    if len(ours) > 1:
        each = ", ".join(
            f"{less.submissions} to {more.submissions}: {seconds:.2f} s"
            for (less, more), seconds in zip(
                itertools.pairwise(ours), seconds_of_one_more(ours), strict=True
            )
        )
        parts.append(f"One more submission cost `course grade`, from {each}.")
    return "\n\n".join(parts)


PARTS = ("pairs", "submissions", "workers")


def main() -> None:
    """Measure, print the tables, and store them unless it is to be quick."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assignment", default="01_gradients")
    parser.add_argument("--quick", action="store_true", help="few submissions; stores nothing")
    parser.add_argument("--only", choices=PARTS, help="measure one part again, keep the others")
    options = parser.parse_args()
    stored = HERE / "grading.json"
    results: dict = json.loads(stored.read_text()) if options.only else {}
    results |= {"assignment": options.assignment, "machine": machine()}
    pairs, size = (1, 6) if options.quick else (3, 10)
    sizes = [6, 12] if options.quick else [10, 20, 50, 200]
    kernels = [1, 2] if options.quick else [1, 2, 4]
    for part in [options.only] if options.only else PARTS:
        if part == "pairs":
            taken = in_turns(options.assignment, size, pairs)
            results[part] = [[asdict(run) for run in pair] for pair in taken]
        elif part == "submissions":
            plain = [] if options.quick else growth(options.assignment, PLAIN, sizes[1:2])
            runs = [*plain, *growth(options.assignment, OURS, sizes)]
            results[part] = [asdict(run) for run in runs]
        else:
            runs = [_told(measured(OURS, options.assignment, sizes[1], n)) for n in kernels]
            results[part] = [asdict(run) for run in runs]
    print(tables(results))
    if not options.quick:
        write_json(stored, results)
        readme = HERE / "README.md"
        text = replace_between_marks(readme.read_text(), "grading", tables(results))
        readme.write_text(text)


if __name__ == "__main__":
    main()
