"""Slow work beside a quick page: of all requests that wait, only the newest is carried out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Request, Result = TypeVar("Request"), TypeVar("Result")

# Explorers share networks, and a recording hooks one: one piece of work at a time in this process.
_working = threading.Lock()
_at_work = threading.local()


class GivenUp(Exception):
    """What is computed will not be shown."""


def give_way() -> None:
    """Called between the steps of long work: raise `GivenUp` if something newer waits for it."""
    newest = getattr(_at_work, "newest", None)
    if newest is not None and newest.outdated:
        raise GivenUp


class NewestWins(Generic[Request, Result]):
    """Carries out requests in a thread of its own, which lives only while there is work.

    Args:
        work: request -> results, each better than the one before (a map that refines).
        show: gets the results, in the order of their requests.
        fail: gets what `work` raised; an error of a request that is outdated is not shown.
        idle: called when nothing is left to do.
    """

    def __init__(
        self,
        work: Callable[[Request], Iterator[Result]],
        show: Callable[[Result], None],
        fail: Callable[[Exception], None],
        idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._work, self._show, self._fail, self._idle = work, show, fail, idle
        self._waiting: list[Request] = []  # one at most
        self._stopped = False
        self._shown = False  # something of the present request
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def ask(self, request: Request) -> None:
        """Carry this out next; requests that still wait are dropped, a refinement is given up."""
        with self._changed:
            self._waiting = [request]
            self._stopped = False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Refine no further: the last result stays."""
        with self._changed:
            self._stopped = True

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is left to do; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self._thread is None, seconds)

    @property
    def outdated(self) -> bool:
        """Whether the present request may be given up.

        Its first result is shown even if something newer waits already: during a long drag the
        picture follows, instead of standing still until the hand rests.
        """
        return self._shown and bool(self._waiting or self._stopped)

    def _run(self) -> None:
        _at_work.newest = self
        while True:
            with self._changed:
                if not self._waiting:
                    self._thread = None
                    self._idle()
                    self._changed.notify_all()
                    return
                request = self._waiting.pop()
            self._carry_out(request)

    def _carry_out(self, request: Request) -> None:
        self._shown = False
        try:
            results = self._work(request)
            while not self.outdated:
                with _working:
                    result = next(results, None)
                if result is None:
                    return
                self._show(result)
                self._shown = True
        except GivenUp:
            return
        except Exception as error:
            if not self._waiting:
                self._fail(error)
