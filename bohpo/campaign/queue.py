"""The cluster as a driver asks it: with patience where it refuses or does not answer, and told of once.

A queue that does not answer says nothing, least of all that a job is gone. One that refuses is asked again, after
longer and longer pauses, for as long as that may help.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from bohpo.campaign.clock import Clock
from bohpo.cluster.protocol import Cluster, Job, JobStatus
from bohpo.errors import LivingJobError, QueueError

logger = logging.getLogger(__name__)
T = TypeVar("T")

REFUSALS_ALLOWED = 3
"""Refusals in a row, by a queue that answers and has not taken a job yet, after which asking again is of no use."""

REFUSED_S = 3600.0
"""How long a queue that took jobs before may refuse them, or not answer, while none of them runs any more."""

FIRST_ANSWER_S = 120.0
"""How long a queue may be silent that this driver has not heard of yet, while nothing runs."""

GREATEST_PAUSE_S = 300.0


class Queue:
    """Asks a cluster."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        """Ask `cluster`; nothing is known of it yet."""
        self._cluster = cluster
        self._clock = clock
        self._has_answered = False
        self._has_taken_a_job = False
        self._is_silent = False
        self._silent_since = 0.0
        self._silence = ""
        self._refusals = 0
        self._refusing_since = 0.0
        self._not_before = 0.0
        self._living: set[str] = set()
        self.answered: float | None = None

    @property
    def is_silent(self) -> bool:
        """Whether it did not answer when it was asked last."""
        return self._is_silent

    @property
    def takes_jobs(self) -> bool:
        """Whether it may be offered a job now."""
        return self._clock.monotonic() >= self._not_before

    def look(self, names: Mapping[str, str]) -> Mapping[str, JobStatus] | None:
        """Give where jobs stand, given their names by their ids, or None where the queue does not answer."""
        return self._ask(lambda: self._cluster.look(names)) if names else {}

    def find(self, names: Collection[str]) -> Mapping[str, str] | None:
        """Give the ids of those of the named jobs that are alive, or None where the queue does not answer."""
        return self._ask(lambda: self._cluster.find(names)) if names else {}

    def submit(self, job: Job) -> str:
        """Hand a job to the queue.

        Raises:
            QueueError: If the queue refuses it, or does not answer: it may have taken the job all the same.
        """
        try:
            job_id = self._cluster.submit(job)
        except QueueError:
            self.count_refusal()
            raise
        self._refusals, self._has_taken_a_job = 0, True
        return job_id

    def count_refusal(self) -> None:
        """Offer no job for a while, since one could not be submitted."""
        self._refusing_since = self._refusing_since if self._refusals else self._clock.monotonic()
        self._refusals += 1
        self.pause(self._refusals)

    def pause(self, times: int) -> None:
        """Offer no job for a while, longer at every further time."""
        self._not_before = self._clock.monotonic() + min(2.0**times, GREATEST_PAUSE_S)

    def is_hopeless(self, refusal: QueueError) -> bool:
        """Tell whether it is of no use to ask again after a refusal, where nothing runs."""
        if refusal.is_for_good or self._clock.monotonic() - self._refusing_since > REFUSED_S:
            return True
        return self._refusals >= REFUSALS_ALLOWED and not self._has_taken_a_job and not self._is_silent

    def refuse_silence(self) -> None:
        """Wait no longer, where nothing runs, for a queue of which nothing was heard since the driver began.

        Raises:
            QueueError: If it was given its time; nothing is lost by launching again.
        """
        silent_s = self._clock.monotonic() - self._silent_since
        if self._is_silent and silent_s > FIRST_ANSWER_S and not (self._has_answered or self._has_taken_a_job):
            raise QueueError(
                f"the queue has not answered for {silent_s / 60:.0f} min, and nothing runs: {self._silence};"
                " see what `bohpo doctor` says, and launch again when it is back: nothing is lost"
            )

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop."""
        self._ask(lambda: self._cluster.cancel(job_id))

    def end(self, job: Job, *, grace_s: float) -> bool:
        """End all that a job may still run; give whether it is gone."""
        return bool(self._ask(lambda: self._end(job, grace_s)))

    def _end(self, job: Job, grace_s: float) -> bool:
        try:
            self._cluster.end_leftover(job, grace_s=grace_s)
        except LivingJobError as error:
            if error.job not in self._living:
                logger.warning("%s", error)
            self._living.add(error.job)
            return False
        return True

    def _ask(self, question: Callable[[], T]) -> T | None:
        try:
            answer = question()
        except QueueError as error:
            if error.is_for_good and not self._has_answered:
                raise
            if not self._is_silent:
                logger.warning("the queue does not answer; what runs goes on: %s", error)
            self._silent_since = self._silent_since if self._is_silent else self._clock.monotonic()
            self._is_silent, self._silence = True, str(error)
            return None
        if self._is_silent:
            logger.warning("the queue answers again")
        self._is_silent, self._has_answered, self.answered = False, True, self._clock.now()
        return answer
