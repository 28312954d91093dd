"""Executing many jobs at once: on this machine, or on the workers of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager

from course_utils.grading.execution import execute
from course_utils.grading.jobs import Job, Result

TRIES = 3  # a worker may die of something else than the job that it had


@contextmanager
def workers(number: int | None = None, scheduler: str | None = None) -> Iterator[Executor]:
    """Something that executes jobs, with the interface of `concurrent.futures`.

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
        with _cluster(scheduler) as executor:
            yield executor
        return
    executor = ThreadPoolExecutor(number or os.cpu_count() or 1)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def _cluster(scheduler: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise RuntimeError(
            "A scheduler needs Dask: pip install 'saliency-course[cluster]'."
        ) from None
    try:
        client = Client(scheduler, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise RuntimeError(f"No Dask scheduler answers at {scheduler} ({error}).") from None
    with client, client.get_executor(pure=False) as executor:
        yield executor


def execute_all(
    jobs: Iterable[Job], executor: Executor, work: Callable[[Job], Result] = execute
) -> Iterator[tuple[Job, Result | None, str]]:
    """Each job with its result as soon as there is one, or None and why there is none.

    A job whose worker failed (which is never the submission's fault) is tried again.
    """
    running: dict[Future, tuple[Job, int]] = {executor.submit(work, job): (job, 1) for job in jobs}
    while running:
        future = next(as_completed(running))
        job, tries = running.pop(future)
        try:
            yield job, future.result(), ""
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:300]
            if tries == TRIES:
                yield job, None, f"it could not be executed in {TRIES} tries ({reason})."
            else:
                running[executor.submit(work, job)] = job, tries + 1
