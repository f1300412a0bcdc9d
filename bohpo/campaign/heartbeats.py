"""Signs of life of workers, as the files that they touch show them.

Whether a worker hangs is told from its file alone, without comparing any clocks: the file stays as it is while this
process, which may have been suspended itself, has looked at it again and again for so many seconds.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bohpo.campaign.clock import Clock

T = TypeVar("T")

LONGEST_GAP_S = 60.0
"""Whoever has not looked for longer knows nothing of the time between: the file server may have been away."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What was seen of a heartbeat.

    Attributes:
        changed: When the file was touched, by the file server's clock.
        since: When it was first seen so, by ours.
        seen: When it was last looked at, by ours.
    """

    changed: float
    since: float
    seen: float


class Heartbeats:
    """Remembers the heartbeats of attempts, by whatever names them."""

    def __init__(self, clock: Clock) -> None:
        """Begin without any."""
        self._clock = clock
        self._signs: dict[Hashable, Sign] = {}

    def look(self, key: Hashable, heartbeat: Path) -> bool:
        """Look at a heartbeat; give whether there is one."""
        try:
            changed = heartbeat.stat().st_mtime
        except OSError:
            return False
        now, before = self._clock.monotonic(), self._signs.get(key)
        is_watched = before is not None and before.changed == changed and now - before.seen <= LONGEST_GAP_S
        self._signs[key] = Sign(changed, before.since if before is not None and is_watched else now, now)
        return True

    def silent_s(self, key: Hashable) -> float:
        """Give for how many seconds a heartbeat was seen to stand still."""
        sign = self._signs.get(key)
        return 0.0 if sign is None else sign.seen - sign.since

    def forget(self, key: Hashable) -> None:
        """Drop what is known of a heartbeat."""
        self._signs.pop(key, None)


class Turns:
    """Deals with many things one after the other, for so long at a time: a slow file system must not stop a driver."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        """Give as many things as there is time for in `seconds`."""
        self._clock = clock
        self._seconds = seconds
        self._next = 0

    def among(self, things: Sequence[T]) -> Iterator[T]:
        """Give things, each at most once, going on where the last turn ended."""
        give_up = self._clock.monotonic() + self._seconds
        for _ in things:
            yield things[self._next % len(things)]
            self._next += 1
            if self._clock.monotonic() > give_up:
                return
