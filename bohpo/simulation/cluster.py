"""A driver's way to a virtual queue, which may refuse it, mislay an answer, or say nothing for a while."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from bohpo.cluster.protocol import Job, JobStatus
from bohpo.errors import QueueError
from bohpo.simulation.clock import VirtualClock
from bohpo.simulation.fates import Dice
from bohpo.simulation.queue import VirtualQueue

LONGEST_NAP_S = 30.0
NAP_SHARE = 0.25
"""A driver waits for at most this share of the time since something happened: what it puts off, it puts off for some
seconds after that, or for longer and longer."""


class DriverKilled(BaseException):
    """A simulated kill -9: nothing in the driver catches it, and no clean-up follows."""


class VirtualCluster:
    """The `Cluster` of a simulated driver."""

    def __init__(
        self,
        queue: VirtualQueue,
        clock: VirtualClock,
        *,
        dice: Dice | None = None,
        may_nap: bool = False,
        dies_at: float | None = None,
    ) -> None:
        """Reach a queue.

        Args:
            queue: Where jobs run.
            clock: Whose time passes.
            dice: Draws which requests the queue refuses or does not answer; none by default.
            may_nap: Whether `wait` may pass over moments at which nothing can have happened, to save real time.
            dies_at: When the driver is killed, in seconds since the simulation began, or None.
        """
        self._queue = queue
        self._clock = clock
        self._dice = Dice(0) if dice is None else dice
        self._may_nap = may_nap
        self._dies_at = dies_at

    def submit(self, job: Job) -> str:
        """Hand a job to the queue."""
        if self._dice.is_refused():
            raise QueueError(f"{job.name}: the queue refuses it: too many jobs are submitted")
        job_id = self._queue.submit(job)
        if self._dice.is_unacknowledged():
            raise QueueError(f"{job.name}: the queue did not answer in time")
        return job_id

    def look(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Ask the queue where jobs stand."""
        self._ask()
        names = job_ids if isinstance(job_ids, Mapping) else {}
        return {job_id: self._queue.status(job_id, names.get(job_id)) for job_id in job_ids}

    def find(self, names: Collection[str]) -> Mapping[str, str]:
        """Give the queue's names of the jobs of these names that wait or run."""
        self._ask()
        return {job.job.name: job.job_id for job in self._queue.alive() if job.job.name in names}

    def wait(self, seconds: float) -> None:
        """Let time pass; with `may_nap`, several times `seconds` where nothing happens."""
        if self._may_nap:
            seconds *= max(math.ceil(self._quiet_s() / seconds), 1)
        if self._dies_at is not None and self._clock.monotonic() + seconds >= self._dies_at:
            self._clock.sleep(self._dies_at - self._clock.monotonic())
            raise DriverKilled
        self._clock.sleep(seconds)

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop."""
        if job_id in self._queue.jobs:
            self._queue.stop(self._queue.jobs[job_id])

    def end_leftover(self, job: Job, *, grace_s: float) -> None:
        """End all that a submission of this job may still run."""
        self._ask()
        give_up = self._clock.monotonic() + grace_s
        for left in self._queue.alive(job.name):
            self._queue.stop(left)
        while self._queue.alive(job.name) and self._clock.monotonic() < give_up:
            self._clock.sleep(1.0)
        for left in self._queue.alive(job.name):
            self._queue.kill(left)

    def close(self) -> None:
        """Leave the jobs to the next driver."""

    def _quiet_s(self) -> float:
        """Tell for how long the driver need not look."""
        now, moment = self._clock.monotonic(), self._clock.next_moment
        quiet_s = min(NAP_SHARE * (now - self._clock.last_moment), LONGEST_NAP_S)
        return quiet_s if moment is None else min(quiet_s, moment - now)

    def _ask(self) -> None:
        if self._dice.is_unanswered():
            raise QueueError("the queue does not answer: slurm_load_jobs error: Unable to contact slurm controller")
