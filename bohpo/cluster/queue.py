"""Jobs of a queue: submitted through dask-jobqueue's job classes, and asked about all in one query."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Mapping

from bohpo.cluster.backends import Backend
from bohpo.cluster.commands import Run, run
from bohpo.cluster.listing import ListedJob, by_id, queue_name
from bohpo.cluster.protocol import Job, JobState, JobStatus
from bohpo.cluster.script import JobScript
from bohpo.durable import write_atomically
from bohpo.errors import LivingJobError, QueueError
from bohpo.study import Cluster as ClusterTable

logger = logging.getLogger(__name__)

LISTING_S = 5.0
"""How old an answer of the queue may be; it serves all campaigns of a site, and none needs to know faster."""

GRACE_S = 60.0
"""How long a job that the queue has accepted may be missing from its list."""

ENDING_S = 120.0
"""How long a queue may take to end a job that it was told to remove."""

_POLL_S = 1.0


class QueueCluster:
    """Submits each job to a queue; it runs on when this process ends."""

    def __init__(
        self,
        backend: Backend,
        settings: ClusterTable,
        *,
        run: Run = run,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin without jobs.

        Args:
            backend: Which queue.
            settings: What each job asks for.
            run: Runs the queue's commands.
            monotonic: Seconds that never go back.
            sleep: Waits for some seconds.
        """
        self._backend = backend
        self._settings = settings
        self._run = run
        self._monotonic = monotonic
        self._sleep = sleep
        self._listing: Mapping[str, ListedJob] = {}
        self._listed_at: float | None = None
        self._accepted_at: dict[str, float] = {}
        self._ended: dict[str, JobStatus] = {}
        self._looked_up: set[str] = set()

    def submit(self, job: Job) -> str:
        """Write the job's script beside its log and hand it to the queue."""
        script = JobScript(self._backend, self._settings, job)
        with contextlib.suppress(OSError):  # for people to read; the queue gets its own copy
            write_atomically(job.log.with_suffix(".sh"), script.text.encode())
        self._listed_at = None  # even a submission that fails may have put the job there
        job_id = script.submit()
        self._accepted_at[job_id] = self._monotonic()
        self._ended.pop(job_id, None)  # of another job, from before the queue lost its memory
        return job_id

    def look(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Ask the queue about jobs; one that it has just accepted and does not list yet is QUEUED."""
        ours = self._queue_names(job_ids)
        listed = self.jobs(not_older_than_s=LISTING_S)
        listing = {job_id: job for job_id, job in listed.items() if _is_called(job, ours.get(job_id))}
        known = listing.keys() | self._ended.keys() | self._looked_up
        self._remember_ends([job_id for job_id in job_ids if job_id not in known], ours)
        return {job_id: self._status(job_id, listing) for job_id in job_ids}

    def find(self, names: Collection[str]) -> Mapping[str, str]:
        """Give the queue's names of the jobs of these names that wait or run."""
        wanted = {self.name_of(name): name for name in names}
        return {
            wanted[job.name]: job.job_id
            for job in self.jobs(not_older_than_s=LISTING_S).values()
            if job.name in wanted and job.status.state.is_alive
        }

    def wait(self, seconds: float) -> None:
        """Wait; a queue does not tell when a job ends."""
        self._sleep(seconds)

    def cancel(self, job_id: str) -> None:
        """Ask a job's worker to stop, where the queue can; take a job that waits from the queue.

        Raises:
            QueueError: If the queue does not answer.
        """
        state = self.look([job_id])[job_id].state
        if state is JobState.RUNNING and self._backend.ask and self._command(self._backend.ask, job_id):
            return
        if state.is_alive:
            self._command(self._backend.remove, job_id)

    def end_leftover(self, job: Job, *, grace_s: float) -> None:
        """End every job of this name; the queue ends what runs on its hosts."""
        if grace_s > 0:
            for job_id in self.find([job.name]).values():
                self.cancel(job_id)
            self._wait_until_gone(job, grace_s)
        for job_id in self.find([job.name]).values():
            self._command(self._backend.remove, job_id)
        if not self._wait_until_gone(job, ENDING_S):
            raise LivingJobError(job.name)

    def close(self) -> None:
        """Give back nothing; the jobs run on."""

    def remove(self, job_id: str) -> None:
        """Take a job from the queue, and have it ended where it runs."""
        self._command(self._backend.remove, job_id)

    def name_of(self, name: str) -> str:
        """Give what a job is called in the queue."""
        return queue_name(name, self._backend.longest_name)

    def _wait_until_gone(self, job: Job, seconds: float) -> bool:
        give_up = self._monotonic() + seconds
        while self.find([job.name]):
            if self._monotonic() >= give_up:
                return False
            self._sleep(_POLL_S)
        return True

    def _command(self, command: Collection[str], job_id: str) -> bool:
        """Run a command about a job; give whether it was there to be told."""
        try:
            self._run(*command, job_id)
        except QueueError as error:
            self._listed_at = None
            if self._status_now(job_id).is_alive and not any(word in str(error) for word in self._backend.is_removed):
                logger.warning("job %s: %s", job_id, error)
            return False
        self._listed_at = None
        return True

    def _status_now(self, job_id: str) -> JobState:
        return self.look([job_id])[job_id].state

    def jobs(self, *, not_older_than_s: float) -> Mapping[str, ListedJob]:
        """Give this user's jobs as the queue lists them.

        Args:
            not_older_than_s: How old the answer may be.

        Raises:
            QueueError: If the queue does not answer.
        """
        now = self._monotonic()
        if self._listed_at is None or now - self._listed_at >= not_older_than_s:
            self._listing = by_id(self._backend.list_jobs(self._run))
            self._listed_at = now
            self._looked_up.clear()
            for job_id in self._listing:
                self._accepted_at.pop(job_id, None)
        return self._listing

    def _queue_names(self, job_ids: Collection[str]) -> Mapping[str, str]:
        """Give what jobs are called in the queue, by their ids, as far as their names are given."""
        return {job_id: self.name_of(name) for job_id, name in job_ids.items()} if isinstance(job_ids, Mapping) else {}

    def _remember_ends(self, job_ids: Collection[str], ours: Mapping[str, str]) -> None:
        """Look jobs up in the accounting, once for each listing; some queues take seconds for every one of them."""
        if not job_ids:
            return
        self._looked_up.update(job_ids)
        try:
            ended = self._backend.ended_jobs(self._run, job_ids)
        except QueueError as error:
            logger.debug("no accounting: %s", error)
            return
        self._ended |= {
            job.job_id: job.status
            for job in ended
            if job.job_id in job_ids
            and not job.status.state.is_alive
            and _is_called(job, ours.get(job.job_id))  # the accounting has those of repeated ids, too
        }

    def _status(self, job_id: str, listing: Mapping[str, ListedJob]) -> JobStatus:
        if job_id in listing:
            return listing[job_id].status
        if job_id in self._ended:
            return self._ended[job_id]
        accepted = self._accepted_at.get(job_id)
        if accepted is not None and self._monotonic() - accepted < GRACE_S:
            return JobStatus(JobState.QUEUED, "accepted, not listed yet")
        return JobStatus(JobState.GONE, "not known to the queue any more")


def _is_called(job: ListedJob, name: str | None) -> bool:
    """Tell whether a job may be the one of a name; not every queue tells every job's name."""
    return name is None or job.name in ("", name)
