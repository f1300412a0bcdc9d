"""The clock as the loop knows it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What time it is, and how long things take."""

    def now(self) -> float:
        """Give the time in seconds since the epoch; it may be set back."""
        ...

    def monotonic(self) -> float:
        """Give seconds since some moment; they only grow."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...


class SystemClock:
    """The host's clock."""

    def now(self) -> float:
        """Give the time in seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Give seconds since the host's boot."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)
