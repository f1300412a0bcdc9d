"""A clock on which time passes only when somebody waits."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

EPOCH = 1_700_000_000.0
"""When a simulation begins, seconds since the epoch; the same for all, so that histories can be compared."""


class VirtualClock:
    """The `Clock` of a simulation, and its agenda.

    Attributes:
        last_moment: When something last happened that was planned, in seconds since the simulation began.
    """

    def __init__(self) -> None:
        """Stand at the begin of the simulation, with nothing to come."""
        self.last_moment = 0.0
        self._elapsed = 0.0
        self._offset = 0.0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._watchers: list[Callable[[], None]] = []

    def now(self) -> float:
        """Give what the hosts' clocks show, in seconds since the epoch."""
        return EPOCH + self._elapsed + self._offset

    def database_time(self) -> float:
        """Give what the database's clock shows; nobody sets that one."""
        return EPOCH + self._elapsed

    def monotonic(self) -> float:
        """Give the seconds since the simulation began."""
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due in it, each at its own moment."""
        until = self._elapsed + max(seconds, 0.0)
        while self._agenda and self._agenda[0][0] <= until:
            self._elapsed, _, action = heapq.heappop(self._agenda)
            self.last_moment = self._elapsed
            action()
        self._elapsed = until
        for watcher in self._watchers:
            watcher()

    def plan(self, delay: float, action: Callable[[], None]) -> None:
        """Have something done after so many seconds."""
        heapq.heappush(self._agenda, (self._elapsed + max(delay, 0.0), next(self._order), action))

    def watch(self, watcher: Callable[[], None]) -> None:
        """Have something done whenever time has passed."""
        self._watchers.append(watcher)

    @property
    def next_moment(self) -> float | None:
        """When the next thing is planned for, in seconds since the simulation began, or None."""
        return self._agenda[0][0] if self._agenda else None

    def set(self, seconds: float) -> None:
        """Set the hosts' clocks forward by so many seconds, or back by a negative number."""
        self._offset += seconds
