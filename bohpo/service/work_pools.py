"""Threads of their own for work that takes long, so that pages never wait behind it.

Each kind of work has a few threads and a short queue. Who comes when the queue is full is asked to come again, and who
waits longer than `DEADLINE_S` is answered so. Work that has begun cannot be ended; it goes on, and whoever asks for the
same again gets what comes of it rather than have it begun once more.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.exceptions import HTTPException

from bohpo.service.daemon_threads import DaemonThreads
from bohpo.service.troubles import RETRY_S

Result = TypeVar("Result")

DEADLINE_S = 10.0
KEPT_S = 60.0
"""For so long a result that came too late for its request waits for the next one."""


@dataclass(slots=True)
class _Shared:
    """A piece of work that others may wait for, too.

    Attributes:
        future: Its result.
        began: When it was asked for.
        until: When it is too old for others.
    """

    future: Future[Any]
    began: float
    until: float = math.inf


class WorkPool:
    """Threads for one kind of work."""

    def __init__(
        self,
        kind: str,
        *,
        threads: int,
        most_waiting: int,
        deadline_s: float = DEADLINE_S,
        initializer: Callable[[], None] | None = None,
    ) -> None:
        """Make a pool; its threads start when they are needed.

        Args:
            kind: What the work is called in messages.
            threads: Pieces of work that run at a time.
            most_waiting: Pieces of work that may wait for a thread.
            deadline_s: Seconds that a request waits for its work.
            initializer: Prepares each thread.
        """
        self.kind = kind
        self._most = threads + most_waiting
        self._deadline_s = deadline_s
        self._taken = 0
        self._shared: dict[Hashable, _Shared] = {}
        self._lock = threading.Lock()
        self._threads = DaemonThreads(kind, threads, initializer=initializer)

    @property
    def taken(self) -> int:
        """Pieces of work that run or wait."""
        return self._taken

    async def run(self, work: Callable[[], Result], same: Hashable = None) -> Result:
        """Do a piece of work in a thread of this pool.

        Args:
            work: What to do.
            same: What tells it from other work: while a piece of this key is being done, and for `KEPT_S` seconds where
                it took longer than its request, others get its result. None for work that is done for each.

        Raises:
            HTTPException: 503, if too many wait, or it takes longer than a request may.
        """
        future = self._known(same) or self._submit(work, same)
        asked = asyncio.wrap_future(future)
        try:
            async with asyncio.timeout(self._deadline_s):
                return await (asked if same is None else asyncio.shield(asked))
        except TimeoutError as error:
            goes_on = "" if same is None else "; the work goes on"
            raise self._busy(f"the {self.kind} took longer than {self._deadline_s:g} s{goes_on}") from error

    def _known(self, same: Hashable) -> Future[Any] | None:
        """Return the work of this key that goes on, or whose result nobody has got."""
        now = time.monotonic()
        with self._lock:
            self._shared = {key: known for key, known in self._shared.items() if known.until > now}
            known = self._shared.get(same)
        return None if known is None else known.future

    def _submit(self, work: Callable[[], Result], same: Hashable) -> Future[Result]:
        with self._lock:
            if self._taken >= self._most:
                raise self._busy(f"{self._most} requests for {self.kind} are being answered")
            self._taken += 1
        future = self._threads.submit(work)
        shared = _Shared(future, time.monotonic())
        if same is not None:
            with self._lock:
                self._shared[same] = shared
        future.add_done_callback(lambda _: self._give_back(shared))
        return future

    def close(self) -> None:
        """Leave off; work that has begun is finished and thrown away."""
        self._threads.close()

    def _give_back(self, done: _Shared) -> None:
        took_s = time.monotonic() - done.began
        with self._lock:
            self._taken -= 1
            done.until = time.monotonic() + (KEPT_S if took_s > self._deadline_s else 0.0)

    def _busy(self, problem: str) -> HTTPException:
        return HTTPException(503, f"{problem}; ask again in {RETRY_S} s")


@dataclass(frozen=True, slots=True)
class WorkPools:
    """The kinds of work that are kept apart.

    Attributes:
        checks: Studies that are checked, and plans of launches.
        launches: What is read and written for whoever changes something. While a driver begins, no thread waits.
        exports: Exports, reports, and what the model says of the best trial.
        figures: Figures that are drawn while one waits.
    """

    checks: WorkPool = field(default_factory=lambda: WorkPool("checks", threads=2, most_waiting=16))
    launches: WorkPool = field(default_factory=lambda: WorkPool("launches", threads=2, most_waiting=30))
    exports: WorkPool = field(default_factory=lambda: WorkPool("exports", threads=2, most_waiting=16))
    figures: WorkPool = field(default_factory=lambda: WorkPool("figures", threads=2, most_waiting=60))

    def close(self) -> None:
        """Leave off."""
        for pool in (self.checks, self.launches, self.exports, self.figures):
            pool.close()
