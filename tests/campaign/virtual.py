"""A cluster without processes: a job ends after so many waits of the driver, and time never passes."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from bohpo.cluster.protocol import Job, JobState, JobStatus
from bohpo.durable import write_json
from bohpo.processes import ATTEMPT_DIRECTORY
from bohpo.trainer import AttemptDirectory


class VirtualCluster:
    """Runs a trainer that scores 1 - (x - 0.3)^2 when the driver has waited often enough."""

    def __init__(self, waits: Callable[[int], int] = lambda _: 3) -> None:
        """Say how long jobs run.

        Args:
            waits: Given how many jobs were submitted before, how many waits the next one lasts.
        """
        self.ended: list[str] = []
        self._waits = waits
        self._left: dict[str, int] = {}
        self._folders: dict[str, AttemptDirectory] = {}

    def submit(self, job: Job) -> str:
        """Begin the job."""
        self._left[job.name] = self._waits(len(self._folders))
        self._folders[job.name] = AttemptDirectory(Path(job.environment[ATTEMPT_DIRECTORY]))
        self._folders[job.name].heartbeat.touch()
        return job.name

    def look(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Say that those run which have not ended."""
        return {job_id: JobStatus(JobState.RUNNING if job_id in self._left else JobState.GONE) for job_id in job_ids}

    def find(self, names: Collection[str]) -> Mapping[str, str]:
        """Give those that have not ended; their names are their ids."""
        return {name: name for name in names if name in self._left}

    def wait(self, _seconds: float) -> None:
        """Let every job go on by one, and end those that are through."""
        for job_id in list(self._left):
            self._left[job_id] -= 1
            if self._left[job_id] == 0:
                self._end(job_id)

    @property
    def running(self) -> int:
        """How many jobs run."""
        return len(self._left)

    def _end(self, job_id: str) -> None:
        folder = self._folders[job_id]
        value = 1.0 - (float(json.loads(folder.config.read_bytes())["x"]) - 0.3) ** 2
        write_json(folder.outcome, {"value": value, "metrics": {"score": value}})
        del self._left[job_id]
        self.ended.append(job_id)

    def cancel(self, job_id: str) -> None:
        """Take the job away without an outcome."""
        self._left.pop(job_id, None)

    def end_leftover(self, job: Job, *, grace_s: float) -> None:
        """Do nothing: nothing is left."""

    def close(self) -> None:
        """Take all jobs away."""
        self._left.clear()
