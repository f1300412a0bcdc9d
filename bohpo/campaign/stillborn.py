"""Jobs that end before their worker begins: a node without the environment, a folder that is not mounted there.

One such job is bad luck. Several in a row, of whatever trials, are told with the log that shows why; then jobs are
offered one at a time, after longer and longer pauses, until one begins.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from bohpo.campaign.ledger import Ledger
from bohpo.campaign.log import last_line_of
from bohpo.campaign.queue import Queue
from bohpo.cluster.protocol import Job
from bohpo.errors import QueueError
from bohpo.trial import Attempt, AttemptState

logger = logging.getLogger(__name__)

WARNED_AFTER = 3

ALLOWED = 20
"""So many in a row, with pauses of almost an hour in all, and the driver gives up."""


class Stillborn:
    """Counts the jobs in a row that ended before their worker began."""

    def __init__(self, ledger: Ledger, queue: Queue) -> None:
        """Begin without any."""
        self._ledger = ledger
        self._queue = queue
        self._in_a_row = 0
        self._last = ""

    def count(self, job: Job) -> None:
        """Count a job that ended before its worker began."""
        self._in_a_row += 1
        self._last = f"{job.log}: {last_line_of(job.log) or 'it is empty'}"
        if self._in_a_row < WARNED_AFTER:
            return
        self._queue.pause(self._in_a_row - WARNED_AFTER + 1)
        if self._in_a_row == WARNED_AFTER:
            told = f"{self._in_a_row} jobs in a row ended before their worker began; look at {self._last}"
            logger.warning(told)
            self._ledger.announce("jobs-end-early", told)

    def clear(self) -> None:
        """Begin anew: a worker has begun."""
        self._in_a_row = 0

    def few_of(self, ready: list[int], running: Iterable[Attempt]) -> list[int]:
        """Give the trials that jobs may be submitted for now.

        Args:
            ready: Trials that wait for a job.
            running: Attempts that have one.

        Raises:
            QueueError: If no job began for so long that it is of no use to go on.
        """
        if self._in_a_row < WARNED_AFTER:
            return ready
        is_any_alive = any(True for _ in running)
        if self._in_a_row >= ALLOWED and not is_any_alive:
            raise QueueError(f"{self._in_a_row} jobs in a row ended before their worker began; look at {self._last}")
        return [] if any(attempt.state is AttemptState.SUBMITTED for attempt in running) else ready[:1]
