"""Running a job: a pure function from `Job` to `Result`, in a box, without a gradebook."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output

from course_utils.checking import ANSWERS_VARIABLE, HIDDEN_SEED_VARIABLE
from course_utils.exercises.answer_files import LARGEST
from course_utils.grading.box import Box
from course_utils.grading.jobs import (
    DIED,
    NOT_RUN,
    OUT_OF_MEMORY,
    RAN,
    SKIPPED,
    TIMEOUT,
    TOO_MUCH_OUTPUT,
    Job,
    Limits,
    Result,
)
from course_utils.grading.kernel import boxed_manager
from course_utils.grading.library import library_without
from course_utils.grading.memory import held_memory
from course_utils.grading.outputs import clean_outputs

DEMONSTRATION = "demonstration"
SECONDS_TO_HEED = 5  # how long a cell may take to end after it was interrupted
SECONDS_BETWEEN_LOOKS = 0.25


def execute(job: Job) -> Result:
    """Run the notebook of a job and hand back what came of it.

    Raises:
        RuntimeError: if no kernel could be started (this is never the submission's fault).
    """
    # A thread of its own has no event loop yet, whatever the caller's has.
    with ThreadPoolExecutor(1) as own_thread:
        return own_thread.submit(asyncio.run, _execute(job)).result()


async def _execute(job: Job) -> Result:
    notebook = nbformat.reads(job.notebook, as_version=4)
    with TemporaryDirectory(prefix="box-") as name:
        run = _Run(job, notebook, Path(name))
        try:
            await run.start()
            await run.all_cells()
        finally:
            await run.stop()
        answers = {name: _read(run.folder / "answers" / name) for name in job.exercises}
    for cell in notebook.cells:
        clean_outputs(cell, job.limits)
    return Result(
        nbformat.writes(notebook),
        tuple(run.cells),
        answers,
        round(time.monotonic() - run.started, 3),
        run.memory,
        job.boxed,
    )


class _Run:
    """One kernel and the one notebook that runs in it."""

    def __init__(self, job: Job, notebook: NotebookNode, folder: Path) -> None:
        self.job, self.notebook, self.folder = job, notebook, folder
        self.cells = [NOT_RUN if cell.cell_type == "code" else SKIPPED for cell in notebook.cells]
        self.started = time.monotonic()
        self.watch: asyncio.Task | None = None
        self.killed: str | None = None  # why, once it is
        self.memory = 0
        _fill(folder, job)
        self.manager, self.arguments = _kernel(job, folder)
        self.client = _Client(
            notebook,
            km=self.manager,
            limits=job.limits,
            timeout=None,
            allow_errors=True,
            record_timing=False,
            coalesce_streams=True,
            store_widget_state=False,
            on_cell_executed=_show_every_error,
        )

    async def start(self) -> None:
        """Start the kernel, connect to it, and watch over it."""
        await self.manager.start_kernel(**self.arguments)
        self.watch = asyncio.create_task(self._watch())
        self.client.kc = self.manager.client(context=self.manager.context)
        self.client.kc.allow_stdin = False
        self.client.kc.start_channels(hb=False)
        await self.client.kc.wait_for_ready(timeout=120)

    async def all_cells(self) -> None:
        """Run what grading needs, cell by cell, as long as there is a kernel."""
        for index, cell in enumerate(self.notebook.cells):
            if cell.cell_type != "code":
                continue
            if DEMONSTRATION in cell.metadata.get("tags", []) or not cell.source.strip():
                self.cells[index] = SKIPPED
                continue
            self.cells[index] = await self._cell(index, cell)
            if self.killed:
                return

    async def _cell(self, index: int, cell: NotebookNode) -> str:
        execution = asyncio.create_task(self.client.async_execute_cell(cell, index))
        done, _ = await asyncio.wait({execution}, timeout=self.job.limits.seconds_per_cell)
        if not done:
            await self._interrupt()
            done, _ = await asyncio.wait({execution}, timeout=SECONDS_TO_HEED)
            if not done:
                await self._kill(TIMEOUT)
            await _end(execution)
            return self.killed or TIMEOUT
        try:
            execution.result()
        except DeadKernelError:
            self.killed = self.killed or DIED
        except Exception:  # a message that makes no sense: the cell ran, its outputs are lost
            cell.outputs = []
        return self.killed or RAN

    async def _interrupt(self) -> None:
        try:
            await self.manager.interrupt_kernel()
        except Exception:  # the kernel has closed its sockets: the next step is to kill it
            await self._kill(TIMEOUT)

    async def _kill(self, reason: str) -> None:
        self.killed = self.killed or reason
        await self.manager.provisioner.kill()

    async def _watch(self) -> None:
        """End what takes too much. Runs beside the cells."""
        limits = self.job.limits
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            held = await asyncio.to_thread(held_memory, self.manager.provisioner.pid, limits.memory)
            self.memory = max(self.memory, held)
            if held > limits.memory:
                await self._kill(OUT_OF_MEMORY)
            elif time.monotonic() - self.started > limits.seconds:
                await self._kill(TIMEOUT)
            elif self.client.flooded:
                await self._kill(TOO_MUCH_OUTPUT)

    async def stop(self) -> None:
        """End everything that was started, whatever state it is in."""
        if self.watch is not None:
            await _end(self.watch)
        try:
            # Before the kernel ends: zmq takes a second to let go of a socket whose peer has gone.
            if self.client.kc is not None:
                self.client.kc.stop_channels()
            self.manager._close_control_socket()
            self.manager.context.destroy(linger=0)
        finally:
            if self.manager.provisioner is not None:
                await self.manager.provisioner.kill()
                await self.manager.provisioner.wait()


class _Client(NotebookClient):
    """nbclient's loop for a kernel whose messages are not to be trusted."""

    def __init__(self, notebook: NotebookNode, limits: Limits, **settings: Any) -> None:
        super().__init__(notebook, **settings)
        self.limits = limits
        self.bytes, self.messages = 0, 0

    @property
    def flooded(self) -> bool:
        """Whether ten times more came than is kept."""
        return self.bytes > 10 * self.limits.output or self.messages > 10 * self.limits.messages

    def process_message(self, msg: dict, cell: NotebookNode, cell_index: int) -> Any:
        """Take a message into the cell's outputs, unless it is too much or makes no sense."""
        kind = str(msg.get("msg_type"))
        if kind != "status":
            self.messages += 1
            self.bytes += len(str(msg.get("content")))
            over = self.bytes > self.limits.output or self.messages > self.limits.messages
            if over or kind.startswith("comm"):  # no widget is shown to anybody
                return None
        try:
            return super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            raise
        except Exception:  # made by hand in the kernel: there is no list of what can be wrong
            return None


def _show_every_error(cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
    """Put the error of a cell into its outputs, also where the notebook keeps errors from showing."""
    content = execute_reply["content"]
    shown = any(output.output_type == "error" for output in cell.outputs)
    if content.get("status") == "error" and not shown:
        name, value = (str(content.get(key)) for key in ("ename", "evalue"))
        cell.outputs.append(new_output("error", ename=name, evalue=value, traceback=[]))


def _kernel(job: Job, folder: Path) -> tuple[AsyncKernelManager, dict[str, Any]]:
    library = library_without(frozenset(job.lectures))
    if job.boxed:
        box = Box(library, folder / "answers", folder / "support", job.limits, job.seed)
        return boxed_manager(box, folder), {}
    manager = AsyncKernelManager(transport="ipc", ip=str(folder / "kernel"))
    manager.connection_file = str(folder / "connection.json")
    environment = {
        **os.environ,
        "PYTHONPATH": str(library),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NBGRADER_EXECUTION": "autograde",
        HIDDEN_SEED_VARIABLE: str(job.seed),
        ANSWERS_VARIABLE: str(folder / "answers"),
    }
    return manager, {"env": environment, "cwd": str(folder / "support")}


def _fill(folder: Path, job: Job) -> None:
    for name in ("answers", "support"):
        (folder / name).mkdir()
    for name in job.exercises:
        (folder / "answers" / name).touch(mode=0o600)
    for name, data in job.support:
        path = folder / "support" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


async def _end(task: asyncio.Task) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
