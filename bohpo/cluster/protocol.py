"""The cluster as the campaign's loop knows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Job:
    """What a queue is asked to run.

    Attributes:
        name: Unique in the queue: `<campaign>-<trial>-<attempt>`.
        command: Program and arguments of the worker.
        log: File for what the worker itself prints.
        environment: Variables to set beside those that are there; `BOHPO_DIRECTORY` among them is the attempt's.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)


class Cluster(Protocol):
    """Where jobs run."""

    def submit(self, job: Job) -> str:
        """Hand a job to the queue.

        Returns:
            The queue's name for the job; it outlives this process.

        Raises:
            QueueError: If the queue refuses it.
        """
        ...

    def alive(self, job_ids: Collection[str]) -> set[str]:
        """Give those of the jobs that wait or run, whoever submitted them."""
        ...

    def wait(self, seconds: float) -> None:
        """Return as soon as a job has ended, and after `seconds` at the latest."""
        ...

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop: its trainer saves a checkpoint first. Harmless when it has ended."""
        ...

    def end_leftover(self, job: Job, *, grace_s: float) -> None:
        """End all that a submission of this job may still run, whoever submitted it; return when it is gone.

        Args:
            job: As it was submitted.
            grace_s: Seconds that its worker gets to have a checkpoint saved.
        """
        ...

    def close(self) -> None:
        """Cancel what still runs and wait for its end."""
        ...
