"""The clock as the loop knows it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What time it is."""

    def now(self) -> float:
        """Give the time in seconds since the epoch."""
        ...


class SystemClock:
    """The host's clock."""

    def now(self) -> float:
        """Give the time in seconds since the epoch."""
        return time.time()
