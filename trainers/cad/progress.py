"""What a training prints while it runs, so that its log shows that it lives and how far it is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

LEAST_SECONDS = 10.0
"""Between two lines about the same stage."""

SHARE = 0.01
"""Of the time since the start that lies between two lines, if that is more: a log of days has about 1,000 lines."""


class Progress:
    """Prints lines with the time since the start; of several processes only the first one does."""

    def __init__(
        self, *, speaks: bool, stream: TextIO | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin now.

        Args:
            speaks: Whether this process prints at all.
            stream: Where to print; stdout, which a worker keeps in `log.txt`, by default.
            monotonic: Seconds that never go back.
        """
        self._speaks = speaks
        self._stream = stream
        self._monotonic = monotonic
        self._began = monotonic()
        self._due = self._began + LEAST_SECONDS

    def say(self, message: str) -> None:
        """Print a line now."""
        if self._speaks:
            stream = self._stream or sys.stdout
            stream.write(f"{_clock(self._monotonic() - self._began)}  {message}\n")
            stream.flush()

    def count(self, what: str, done: int, total: int | None = None, *, seconds: float | None = None) -> None:
        """Print how far a stage is, if the last such line is long enough ago.

        Args:
            what: What is counted, as in "training: step".
            done: How many are done.
            total: How many there are in all, or None if that is not known.
            seconds: What those that are done took, for an estimate of the rest; None for no estimate.
        """
        now = self._monotonic()
        if now < self._due:
            return
        self._due = now + max(LEAST_SECONDS, SHARE * (now - self._began))
        of = "" if total is None else f" of {total}"
        left = ""
        if total is not None and seconds and done:
            left = f", {done / seconds:.3g} a second, about {_clock(seconds / done * (total - done))} left"
        self.say(f"{what} {done}{of}{left}")


def _clock(seconds: float) -> str:
    """Write a time span as hours, minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
