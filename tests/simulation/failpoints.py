"""Failpoints: before and after everything that a driver asks of its database and its queue, something may go wrong.

They are wrappers around the `Store` and the `Cluster` of a driver; the code under test knows nothing of them. The
points are numbered in the order in which the driver reaches them, so a run that counted them can be done again with
a fault at each.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, cast

from bohpo.cluster.protocol import Cluster
from bohpo.errors import QueueError, StoreError
from bohpo.simulation.clock import VirtualClock
from bohpo.simulation.cluster import DriverKilled
from bohpo.store.protocol import Store

OUTAGE_S = 100.0
"""Longer than a lease."""


class Kind(StrEnum):
    """What goes wrong at a failpoint."""

    DEATH_BEFORE = "death before"
    DEATH_AFTER = "death after"
    LOST_ACKNOWLEDGEMENT = "lost acknowledgement of"
    OUTAGE = "outage from"
    FREEZE = "freeze before"


class Outages:
    """What is out of reach, and until when."""

    def __init__(self, clock: VirtualClock) -> None:
        """Begin with everything in reach."""
        self._clock = clock
        self._until: dict[str, float] = {}

    def begin(self, what: str, seconds: float) -> None:
        """Have requests fail for a while: all of `store` or `queue`, or one such as `queue.submit`."""
        self._until[what] = self._clock.monotonic() + seconds

    def end(self) -> None:
        """Have everything in reach again."""
        self._until.clear()

    def hide(self, name: str) -> bool:
        """Tell whether a request fails."""
        now = self._clock.monotonic()
        return any(now < until for what, until in self._until.items() if name == what or name.startswith(f"{what}."))


class Failpoints:
    """The failpoints of one driver.

    Attributes:
        has_begun: Whether the driver had its lease and began to drive; until then it may give up at any fault.
        reached: Names of the points that it reached, in order.
        distinct: Number and name of those at which store and queue held what they did not hold when it last reached a
            point of that name: at the others a fault is the same fault again.
    """

    def __init__(
        self,
        clock: VirtualClock,
        *,
        at: int | None = None,
        kind: Kind | None = None,
        freeze: Callable[[], None] = lambda: None,
        look: Callable[[], str] = str,
        outages: Outages | None = None,
    ) -> None:
        """Have something go wrong at a point, or only count the points.

        Args:
            clock: Whose time an outage lasts.
            at: Number of the point, from 0; None for none.
            kind: What goes wrong there.
            freeze: Stops the driver until it is told to go on.
            look: Writes down all that store and queue hold; for `distinct`.
            outages: What is out of reach of all drivers.
        """
        self.has_begun = False
        self.reached: list[str] = []
        self.distinct: list[tuple[int, str]] = []
        self._at = at
        self._kind = kind
        self._freeze = freeze
        self._look = look
        self._seen: set[tuple[str, str]] = set()
        self._outages = Outages(clock) if outages is None else outages

    def arm(self, kind: Kind, after: int) -> None:
        """Have something go wrong after so many more points."""
        self._kind, self._at = kind, len(self.reached) + after

    def pass_on(self, name: str, request: Callable[[], Any], error: type[Exception]) -> Any:
        """Reach a point: pass a request on, unless something goes wrong."""
        is_here = len(self.reached) == self._at
        sight = (name, self._look())
        if sight not in self._seen:
            self._seen.add(sight)
            self.distinct.append((len(self.reached), name))
        self.reached.append(name)
        if is_here and self._kind is Kind.DEATH_BEFORE:
            raise DriverKilled
        if is_here and self._kind is Kind.FREEZE:
            self._freeze()
        if is_here and self._kind is Kind.OUTAGE:
            self._outages.begin(name.partition(".")[0], OUTAGE_S)
        if self._outages.hide(name):
            raise error(f"{name}: no answer")
        answer = request()
        if is_here and self._kind is Kind.DEATH_AFTER:
            raise DriverKilled
        if is_here and self._kind is Kind.LOST_ACKNOWLEDGEMENT:
            raise error(f"{name}: the answer was lost")
        return answer

    def store(self, store: Store) -> Store:
        """Give a driver's way to the database."""
        return cast(Store, _Intercepted(store, self, "store", StoreError, passed_over=("close",)))

    def cluster(self, cluster: Cluster) -> Cluster:
        """Give a driver's way to the queue."""
        return cast(Cluster, _Intercepted(cluster, self, "queue", QueueError, passed_over=("close", "wait")))


class _Intercepted:
    """Passes every method on through failpoints, those that a Protocol gains later included."""

    def __init__(
        self,
        target: object,
        failpoints: Failpoints,
        what: str,
        error: type[Exception],
        passed_over: tuple[str, ...],
    ) -> None:
        self._target = target
        self._failpoints = failpoints
        self._what = what
        self._error = error
        self._passed_over = passed_over

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)
        if name in self._passed_over or not callable(method):
            return method

        def request(*args: Any, **named: Any) -> Any:
            return self._failpoints.pass_on(f"{self._what}.{name}", lambda: method(*args, **named), self._error)

        return request
