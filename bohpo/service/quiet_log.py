"""A log that strangers cannot fill: of messages of one kind, one a minute, and how many were left out."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

LIMITED = ("uvicorn.error", "asyncio", "bohpo.service.connections", "bohpo.service.desk", "h11")
"""Loggers to which whoever connects, or a database that is out of reach, can write any number of lines."""

PAUSE_S = 60.0
MOST_KINDS = 200
LONGEST = 300


class OneAMinute(logging.Filter):
    """Lets one message of a kind pass in `PAUSE_S`; kinds differ in more than numbers and addresses."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing heard."""
        super().__init__()
        self._clock = clock
        self._heard: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass a record on as one line, or count it."""
        line = _one_line(record)
        kind = f"{record.name}:{re.sub(r'[0-9]+', '0', line)}"
        now, (last, left_out) = self._clock(), self._heard.get(kind, (-PAUSE_S, 0))
        if now - last < PAUSE_S:
            self._heard[kind] = (last, left_out + 1)
            return False
        if len(self._heard) >= MOST_KINDS:
            del self._heard[next(iter(self._heard))]
        self._heard[kind] = (now, 0)
        record.msg = f"{line} ({left_out} more like it)" if left_out else line
        record.args = ()
        if not record.name.startswith("uvicorn"):  # uvicorn's tracebacks are of a fault of this service's own
            record.exc_info = record.exc_text = None
        return True


def limit_logs() -> None:
    """Limit the loggers that others can fill; harmless when repeated."""
    for name in LIMITED:
        logger = logging.getLogger(name)
        if not any(isinstance(known, OneAMinute) for known in logger.filters):
            logger.addFilter(OneAMinute())


def _one_line(record: logging.LogRecord) -> str:
    line = next(iter(record.getMessage().splitlines()), "")
    error = record.exc_info[1] if record.exc_info else None
    return (line if error is None else f"{line} ({type(error).__name__}: {error})")[:LONGEST]
