"""The cluster as the campaign's loop knows it.

A job runs bohpo's worker on an attempt's folder, which the driver and the jobs share. What a training came to is in
that folder; the queue is asked only whether a job waits, runs, or is gone, and why. So nothing listens on a port, a
driver may die without a training noticing, and the next driver finds every job by its name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Job:
    """What a queue is asked to run.

    Attributes:
        name: Unique in the queue, and for good: `<campaign>-<trial>-<attempt>-<first of the trial's uid>`.
        command: Program and arguments of the worker.
        log: File for what the worker itself prints.
        environment: Variables to set beside those that are there; `BOHPO_DIRECTORY` among them is the attempt's.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)


class JobState(StrEnum):
    """Where a job stands, as its queue tells.

    The first two are alive; a suspended job counts as QUEUED, for its worker shows no sign of life and does not hang.
    The others tell why a job is gone; GONE is all that is known where a queue forgets.
    """

    QUEUED = "queued"
    RUNNING = "running"

    GONE = "gone"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"
    TIME_LIMIT = "time-limit"
    OUT_OF_MEMORY = "out-of-memory"
    NODE_FAILED = "node-failed"
    FAILED = "failed"

    @property
    def is_alive(self) -> bool:
        """Whether the job waits or runs."""
        return self in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What a queue tells of a job.

    Attributes:
        state: Where it stands.
        detail: In the queue's own words, such as "PENDING (Resources)"; for people.
    """

    state: JobState
    detail: str = ""


class Cluster(Protocol):
    """Where jobs run."""

    def submit(self, job: Job) -> str:
        """Hand a job to the queue.

        Returns:
            The queue's name for the job; it outlives this process.

        Raises:
            QueueError: If the queue refuses it, or does not answer.
        """
        ...

    def look(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Ask the queue about jobs, all in one query, whoever submitted them; the answer may be some seconds old.

        Args:
            job_ids: The queue's names for them. Where it is a mapping to the jobs' own names, a job that the queue
                lists under another name is GONE: a queue that lost its memory gives ids a second time.

        Returns:
            The status of each; one that the queue does not know (any more) is GONE.

        Raises:
            QueueError: If the queue does not answer: nothing is known then, least of all that a job is gone.
        """
        ...

    def find(self, names: Collection[str]) -> Mapping[str, str]:
        """Give the queue's names of the jobs of these names that wait or run, whoever submitted them.

        Raises:
            QueueError: If the queue does not answer.
        """
        ...

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, sooner where the end of a job can be noticed."""
        ...

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop: its trainer saves a checkpoint first. Harmless when it has ended."""
        ...

    def end_leftover(self, job: Job, *, grace_s: float) -> None:
        """End all that a submission of this job may still run, whoever submitted it; return when it is gone.

        Args:
            job: As it was submitted.
            grace_s: Seconds that its worker gets to have a checkpoint saved.

        Raises:
            QueueError: If the queue does not answer.
            LivingJobError: If the job is told to end and does not.
        """
        ...

    def close(self) -> None:
        """Give back what this process holds. Jobs of a queue run on, for the next driver; those of a host end."""
        ...
