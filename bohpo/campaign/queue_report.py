"""What the queue says of a campaign's jobs, kept in a file for those who look, and told where a job waits for long.

`<campaign>/queue.json` holds `{"answered": seconds since the epoch, "silent": false, "jobs": {id: [state, detail]}}`.
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bohpo.campaign.clock import Clock
from bohpo.campaign.jobs import Jobs
from bohpo.campaign.ledger import Ledger
from bohpo.campaign.queue import Queue
from bohpo.cluster.protocol import JobState, JobStatus
from bohpo.durable import read_json, write_json
from bohpo.store.records import Campaign
from bohpo.trial import AttemptState

logger = logging.getLogger(__name__)

LONG_S = 1800.0
"""A job that has waited for so long is told of."""

WRITE_S = 10.0
"""Least time between two writings of the file."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """What the queue said last.

    Attributes:
        answered: When, seconds since the epoch; None where it never has.
        is_silent: Whether it did not answer after that.
        jobs: Where the campaign's jobs stand, by their ids.
    """

    answered: float | None
    is_silent: bool
    jobs: Mapping[str, JobStatus]

    @classmethod
    def read(cls, campaign: Campaign) -> QueueState:
        """Read what a campaign's driver wrote down last."""
        try:
            data: Any = read_json(_file(campaign)) or {}
            jobs = {str(job): JobStatus(JobState(state), str(detail)) for job, (state, detail) in data["jobs"].items()}
            return cls(float(data["answered"]), bool(data["silent"]), jobs)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(None, False, {})


class QueueReport:
    """Tells what the queue says."""

    def __init__(self, ledger: Ledger, queue: Queue, clock: Clock) -> None:
        """Begin with nothing told."""
        self._ledger = ledger
        self._queue = queue
        self._clock = clock
        self._told: set[str] = set()
        self._written: object = None
        self._next_write = clock.monotonic()

    def tell(self, jobs: Jobs) -> None:
        """Write down where jobs stand, and warn of those that wait for long, once for each reason."""
        if self._clock.monotonic() < self._next_write:
            return
        self._next_write = self._clock.monotonic() + WRITE_S
        self._warn(jobs)
        shown = {job_id: [status.state.value, status.detail] for job_id, status in jobs.statuses.items()}
        state = (self._queue.is_silent, shown)
        if state != self._written and self._queue.answered is not None:
            data = {"answered": self._queue.answered, "silent": self._queue.is_silent, "jobs": shown}
            with contextlib.suppress(OSError):
                write_json(_file(self._ledger.campaign), data)
                self._written = state

    def _warn(self, jobs: Jobs) -> None:
        waiting: Counter[str] = Counter()
        for job_id, attempt in jobs.running.items():
            status = jobs.statuses.get(job_id)
            is_long = self._clock.now() - attempt.submitted > LONG_S
            if status is not None and status.state is JobState.QUEUED and is_long:
                waiting[status.detail] += attempt.state is AttemptState.SUBMITTED
        for detail, count in waiting.items():
            if count and detail not in self._told:
                self._told.add(detail)
                told = f"jobs that have waited for more than {LONG_S / 60:.0f} min: {count}; the queue says {detail!r}"
                logger.warning(told)
                self._ledger.announce("waiting-long", told)


def _file(campaign: Campaign) -> Path:
    return campaign.directory / "queue.json"
