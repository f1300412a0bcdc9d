"""Threads of their own for work that takes long, so that pages never wait behind it.

Each kind of work has a few threads and a short queue. Who comes when the queue is full is asked to come again, and who
waits longer than `DEADLINE_S` is answered so: no request occupies anything for longer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.exceptions import HTTPException

from bohpo.service.troubles import RETRY_S

Result = TypeVar("Result")

DEADLINE_S = 10.0


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
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=kind, initializer=initializer)

    @property
    def taken(self) -> int:
        """Pieces of work that run or wait."""
        return self._taken

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do a piece of work in a thread of this pool.

        Raises:
            HTTPException: 503, if too many wait, or it takes longer than a request may.
        """
        with self._lock:
            if self._taken >= self._most:
                raise self._busy(f"{self._most} requests for {self.kind} are being answered")
            self._taken += 1
        future = self._executor.submit(work)
        future.add_done_callback(lambda _: self._give_back())
        try:
            async with asyncio.timeout(self._deadline_s):
                return await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise self._busy(f"the {self.kind} took longer than {self._deadline_s:g} s") from error

    def close(self) -> None:
        """Leave off; work that has begun is finished and thrown away."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _give_back(self) -> None:
        with self._lock:
            self._taken -= 1

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
