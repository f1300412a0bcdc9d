"""Threads that do pieces of work, and that no process waits for when it ends.

`concurrent.futures` keeps a process until its threads are done. A service that is to stop would wait for a report of
20,000 trials, or for a database that does not answer.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeAlias, TypeVar

Result = TypeVar("Result")
_Piece: TypeAlias = tuple["Future[Any]", Callable[[], Any]]


class DaemonThreads:
    """A few threads and what waits for them; safe to share between threads."""

    def __init__(self, name: str, most: int, *, initializer: Callable[[], None] | None = None) -> None:
        """Prepare threads, which start when they are needed.

        Args:
            name: How they are called.
            most: How many there may be.
            initializer: Prepares each thread.
        """
        self._name = name
        self._most = most
        self._initializer = initializer
        self._waiting: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0
        self._is_closed = False

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Hand `work` to a thread and return its result to come; after `close` it is cancelled."""
        future: Future[Result] = Future()
        with self._lock:
            if self._is_closed:
                future.cancel()
                return future
            self._waiting.put((future, work))
            if self._started < self._most:
                self._started += 1
                threading.Thread(target=self._serve, name=f"{self._name}-{self._started}", daemon=True).start()
        return future

    def close(self) -> None:
        """Leave off: what waits is cancelled, what has begun goes on as long as the process does."""
        with self._lock:
            self._is_closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                piece = self._waiting.get_nowait()
                if piece is not None:
                    piece[0].cancel()
        for _ in range(self._started):
            self._waiting.put(None)

    def _serve(self) -> None:
        if self._initializer is not None:
            self._initializer()
        while (piece := self._waiting.get()) is not None:
            _do(*piece)
            del piece  # a thread that waits holds no campaign in memory


def _do(future: Future[Result], work: Callable[[], Result]) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is waited for
            future.set_exception(error)
