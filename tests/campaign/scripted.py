"""A queue without processes, whose jobs do as a test says, on a clock that moves only when the driver waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from bohpo.campaign.ending import Ending
from bohpo.cluster.protocol import Job, JobState, JobStatus
from bohpo.durable import write_json
from bohpo.errors import QueueError
from bohpo.processes import ATTEMPT_DIRECTORY
from bohpo.simulation.clock import VirtualClock
from bohpo.trainer import AttemptDirectory
from bohpo.trial import AttemptState


class StepClock(VirtualClock):
    """A clock that only waiting moves."""

    @property
    def elapsed(self) -> float:
        """Seconds since the begin."""
        return self.monotonic()


def succeed(files: AttemptDirectory) -> None:
    """Leave a valid outcome and the worker's last word."""
    value = 1.0 - (float(json.loads(files.config.read_bytes())["x"]) - 0.3) ** 2
    write_json(files.outcome, {"value": value, "metrics": {"score": value}})
    say(AttemptState.COMPLETED)(files)


def say(state: AttemptState, reason: str = "") -> Callable[[AttemptDirectory], None]:
    """Give a job whose worker's last word is this."""
    return lambda files: write_json(files.ended, Ending(state, reason, 1.0, 2.0).to_json())


def nothing(_files: AttemptDirectory) -> None:
    """Leave nothing."""


@dataclass(frozen=True, slots=True)
class Course:
    """What a job does.

    Attributes:
        queued_s: Seconds that it waits.
        runs_s: Seconds that it runs.
        leaves: What it leaves behind.
        state: What the queue says of it then.
        detail: What the queue says while it waits.
        begins: Whether its worker begins.
        beats: Whether its worker goes on to show signs of life.
        outlives_s: Seconds that the worker is at work after the queue says that the job is gone.
    """

    queued_s: float = 0.0
    runs_s: float = 5.0
    leaves: Callable[[AttemptDirectory], None] = succeed
    state: JobState = JobState.GONE
    detail: str = ""
    begins: bool = True
    beats: bool = True
    outlives_s: float = 0.0


WAITS = JobStatus(JobState.QUEUED)


@dataclass(slots=True)
class Entry:
    """A job in the queue."""

    job: Job
    course: Course
    submitted: float
    status: JobStatus = WAITS

    @property
    def files(self) -> AttemptDirectory:
        """The attempt's."""
        return AttemptDirectory(Path(self.job.environment[ATTEMPT_DIRECTORY]))


class ScriptedCluster:
    """A queue that outlives its drivers."""

    def __init__(self, clock: StepClock, courses: Mapping[tuple[int, int], Course] | None = None) -> None:
        """Say what the jobs of (trial, attempt) do; all others succeed."""
        self.clock = clock
        self.courses = dict(courses or {})
        self.entries: dict[str, Entry] = {}
        self.refusals: list[QueueError] = []
        self.next_ids: list[str] = []
        self.unacknowledged = 0
        self.is_silent: Callable[[], bool] = lambda: False
        self.each_wait: Callable[[], None] = lambda: None
        self.cancelled: list[str] = []

    def submit(self, job: Job) -> str:
        """Take a job, or refuse it, or take it and not say so."""
        if self.refusals:
            raise self.refusals.pop(0)
        self._answer()
        _, trial, attempt, _ = job.name.rsplit("-", 3)
        job_id = self.next_ids.pop(0) if self.next_ids else str(100 + len(self.entries))
        course = self.courses.get((int(trial), int(attempt)), Course())
        self.entries[job_id] = Entry(job, course, self.clock.elapsed)
        self._move()
        if self.unacknowledged:
            self.unacknowledged -= 1
            raise QueueError("the connection was lost")
        return job_id

    def look(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Tell where jobs stand."""
        self._answer()
        assert isinstance(job_ids, Mapping)
        return {job_id: self._status(job_id, name) for job_id, name in job_ids.items()}

    def find(self, names: Collection[str]) -> Mapping[str, str]:
        """Find those that are alive."""
        self._answer()
        return {
            entry.job.name: job_id
            for job_id, entry in self.entries.items()
            if entry.job.name in names and entry.status.state.is_alive
        }

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.sleep(seconds)
        self._move()
        self.each_wait()

    def cancel(self, job_id: str) -> None:
        """End a job that heeds it."""
        self._answer()
        self.cancelled.append(self.entries[job_id].job.name)
        entry = self.entries[job_id]
        if entry.status.state.is_alive and entry.course.beats:
            say(AttemptState.PREEMPTED)(entry.files)
            entry.status = JobStatus(JobState.CANCELLED)

    def end_leftover(self, job: Job, *, grace_s: float) -> None:
        """End the jobs of a name."""
        self._answer()
        for entry in self.entries.values():
            if entry.job.name == job.name and entry.status.state.is_alive:
                entry.status = JobStatus(JobState.CANCELLED)

    def close(self) -> None:
        """Leave the jobs."""

    @property
    def submitted(self) -> list[tuple[int, int]]:
        """The attempts whose jobs were taken, as (trial, attempt)."""
        return [(int(t), int(a)) for _, t, a, _ in (e.job.name.rsplit("-", 3) for e in self.entries.values())]

    def alive(self) -> list[str]:
        """The names of the jobs that are alive."""
        return [entry.job.name for entry in self.entries.values() if entry.status.state.is_alive]

    def _status(self, job_id: str, name: str) -> JobStatus:
        entry = self.entries.get(job_id)
        return JobStatus(JobState.GONE) if entry is None or entry.job.name != name else entry.status

    def _answer(self) -> None:
        if self.is_silent():
            raise QueueError("slurm_load_jobs error: Unable to contact slurm controller")

    def _move(self) -> None:
        for entry in self.entries.values():
            if entry.status.state.is_alive:
                self._move_one(entry)
            elif entry.course.outlives_s:
                self._outlive(entry)

    def _move_one(self, entry: Entry) -> None:
        age = self.clock.elapsed - entry.submitted
        course = entry.course
        if age < course.queued_s:
            entry.status = JobStatus(JobState.QUEUED, course.detail)
        elif age < course.queued_s + course.runs_s:
            entry.status = JobStatus(JobState.RUNNING)
            if course.begins and (course.beats or not entry.files.heartbeat.exists()):
                entry.files.heartbeat.touch()
        else:
            if course.begins:
                entry.files.heartbeat.touch()
            entry.status = JobStatus(course.state)
            if not course.outlives_s:
                course.leaves(entry.files)

    def _outlive(self, entry: Entry) -> None:
        course = entry.course
        if self.clock.elapsed - entry.submitted < course.queued_s + course.runs_s + course.outlives_s:
            entry.files.heartbeat.touch()
        elif not entry.files.ended.exists():
            course.leaves(entry.files)
