"""Executing many jobs at once: on this machine, or on the workers of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from dataclasses import dataclass

from course_utils.grading.execution import execute
from course_utils.grading.jobs import Job, Result
from course_utils.grading.library import environment
from course_utils.grading.probe import require_box

TRIES = 3  # a worker may die of something else than the job that it had
SECONDS_TO_ANSWER = 10  # for a scheduler
GONE = "The Dask scheduler has gone. What is executed is kept: run `course grade` again."


@dataclass(frozen=True)
class Pool:
    """What executes jobs.

    Attributes:
        executor: with the interface of `concurrent.futures`.
        work: the function that it runs on a job.
        at_once: how many jobs run at once, now; a cluster may grow.
    """

    executor: Executor
    work: Callable[[Job], Result] = execute
    at_once: Callable[[], int] = lambda: 1


@contextmanager
def workers(number: int | None = None, scheduler: str | None = None) -> Iterator[Pool]:
    """Workers that execute jobs.

    Threads are enough here: each one only drives a kernel, which is a process in a box.

    Args:
        number: kernels at once on this machine; as many as it has processors if not given.
        scheduler: the address of a Dask scheduler, whose workers execute instead.

    Raises:
        ValueError: if `number` is less than 1.
        RuntimeError: if there is no Dask, or nobody at the address.
    """
    if number is not None and number < 1:
        raise ValueError(f"workers must be at least 1, got {number}.")
    if scheduler is not None:
        with _cluster(scheduler) as pool:
            yield pool
        return
    number = number or os.cpu_count() or 1
    executor = ThreadPoolExecutor(number)
    try:
        yield Pool(executor, at_once=lambda: number)
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def _cluster(scheduler: str) -> Iterator[Pool]:
    try:
        from distributed import Client
    except ImportError:
        raise RuntimeError(
            "A scheduler needs Dask: pip install 'saliency-course[cluster]'."
        ) from None
    try:
        client = Client(scheduler, timeout=SECONDS_TO_ANSWER, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise RuntimeError(f"No Dask scheduler answers at {scheduler} ({error}).") from None

    def threads() -> int:
        try:
            return sum(client.nthreads().values())
        except (OSError, RuntimeError, TimeoutError):
            raise RuntimeError(GONE) from None

    with client, client.get_executor(pure=False) as executor:
        yield Pool(executor, execute_elsewhere, threads)


def execute_elsewhere(job: Job) -> Result:
    """`execute` on a machine that nobody has looked at yet.

    Raises:
        RuntimeError: if its library is another one, or its box is not shut.
    """
    if job.environment != environment():
        raise RuntimeError("this worker has another version of course_utils, torch or numpy")
    if job.boxed:
        require_box()  # looks once in a process
    return execute(job)


def execute_all(jobs: Iterable[Job], pool: Pool) -> Iterator[tuple[Job, Result | None, str]]:
    """Each job with its result as soon as there is one, or None and why there is none.

    A job whose worker failed (which is never the submission's fault) is tried again. Jobs are taken
    from `jobs` as they are needed, so that no more than a few are in memory.

    Raises:
        RuntimeError: if the workers cannot be reached any more.
    """
    jobs = iter(jobs)
    running: dict[Future, tuple[Job, int]] = {}
    while True:
        # Twice as many as run: nobody waits for work while this process saves a result.
        for job in _next(jobs, 2 * max(1, pool.at_once()) - len(running)):
            running[pool.executor.submit(pool.work, job)] = job, 1
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            job, tries = running.pop(future)
            try:
                result = future.result()
            except CancelledError:  # nobody here cancels: the cluster did, when it went
                raise RuntimeError(GONE) from None
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"[:300]
                if tries < TRIES:
                    running[pool.executor.submit(pool.work, job)] = job, tries + 1
                else:
                    yield job, None, f"it could not be executed in {TRIES} tries ({reason})."
            else:
                yield job, result, ""


def _next(jobs: Iterator[Job], number: int) -> Iterator[Job]:
    for _, job in zip(range(number), jobs, strict=False):
        yield job
