"""What is to be executed, and what came of it: plain data, named by content.

A job holds all that its execution depends on, so its name says whether it has been done before.
`execution.execute` makes a result of it, anywhere and without a gradebook.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from course_utils.whole_files import write_whole


@dataclass(frozen=True)
class Limits:
    """What a submission may use.

    Attributes:
        seconds_per_cell: longest time of one cell, and so of one check.
        seconds: longest time of the whole notebook, the start of the kernel included.
        memory: bytes that all its processes hold together.
        processes: how many processes and threads it may have.
        disk: bytes of its temporary folder.
        file: bytes of its largest file.
        output: bytes of the outputs that are kept; ten times as many end the execution.
        messages: how many messages with output are kept; ten times as many end the execution.
    """

    seconds_per_cell: float = 60
    seconds: float = 300
    memory: int = 3 * 2**30
    processes: int = 128
    disk: int = 256 * 2**20
    file: int = 64 * 2**20
    output: int = 5_000_000
    messages: int = 5_000


@dataclass(frozen=True)
class Job:
    """One submission to execute.

    Attributes:
        notebook: the rebuilt notebook, as JSON text.
        exercises: the exercises whose answers it hands out.
        lectures: the lectures whose references are not there.
        seed: what the hidden cases are made from.
        limits: what it may use.
        support: the instructor's files beside the notebook, by relative name.
        boxed: whether the code runs in the box.
        environment: what else the result depends on (versions of library and exercises).
    """

    notebook: str
    exercises: tuple[str, ...] = ()
    lectures: tuple[str, ...] = ()
    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    support: tuple[tuple[str, bytes], ...] = ()
    boxed: bool = True
    environment: str = ""

    @property
    def name(self) -> str:
        """The hash of all of the above."""
        digest = hashlib.sha256()
        content = {**asdict(self), "support": [(name, data.hex()) for name, data in self.support]}
        digest.update(json.dumps(content, sort_keys=True).encode())
        return digest.hexdigest()


# What became of a cell, as seen from outside.
RAN, SKIPPED, NOT_RUN = "ran", "skipped", "not run"
TIMEOUT, OUT_OF_MEMORY, DIED, TOO_MUCH_OUTPUT = (
    "timeout",
    "out of memory",
    "kernel died",
    "too much output",
)


@dataclass(frozen=True)
class Result:
    """What came of a job. All of it was made by untrusted code, except the cells' fates.

    Attributes:
        notebook: the notebook with its outputs, as JSON text.
        cells: what became of each cell, in the notebook's order.
        answers: the bytes handed out for each exercise; empty where none were.
        seconds: how long it took.
        memory: the most bytes that its processes held together.
        boxed: whether it ran in the box.
    """

    notebook: str
    cells: tuple[str, ...]
    answers: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0
    memory: int = 0
    boxed: bool = True


def write_job(job: Job, folder: Path) -> Path:
    """Store a job under its name, whole or not at all."""
    content = {**asdict(job), "support": [(name, data.hex()) for name, data in job.support]}
    return _write(folder / f"{job.name}.job.json", content)


def read_job(path: Path) -> Job:
    """The job stored at `path`."""
    content = json.loads(path.read_text())
    content["limits"] = Limits(**content["limits"])
    content["support"] = tuple((name, bytes.fromhex(data)) for name, data in content["support"])
    for key in ("exercises", "lectures"):
        content[key] = tuple(content[key])
    return Job(**content)


def write_result(result: Result, path: Path) -> Path:
    """Store a result, whole or not at all."""
    answers = {name: data.hex() for name, data in result.answers.items()}
    return _write(path, {**asdict(result), "answers": answers})


def read_result(path: Path) -> Result:
    """The result stored at `path`."""
    content = json.loads(path.read_text())
    content["answers"] = {name: bytes.fromhex(data) for name, data in content["answers"].items()}
    content["cells"] = tuple(content["cells"])
    return Result(**content)


def _write(path: Path, content: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_whole(path, json.dumps(content))
