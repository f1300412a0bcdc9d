"""A queue that outlives its drivers: jobs wait, run, and end in every way that queues know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bohpo.cluster.protocol import Job, JobState, JobStatus
from bohpo.processes import ATTEMPT_DIRECTORY
from bohpo.simulation.clock import VirtualClock
from bohpo.simulation.fates import Fate
from bohpo.simulation.trainings import Trainer
from bohpo.simulation.worker import Pace, VirtualWorker, may_begin
from bohpo.trainer import AttemptDirectory, AttemptSpec

END_STATES = {
    Fate.CANCELLED: JobState.CANCELLED,
    Fate.OUT_OF_MEMORY: JobState.OUT_OF_MEMORY,
    Fate.NODE_FAILED: JobState.NODE_FAILED,
    Fate.TIME_LIMIT: JobState.TIME_LIMIT,
    Fate.FAILED: JobState.FAILED,
}
"""What the queue says of a job that ended so; of any other it says that it is gone."""

SAVING_S = 2.0
"""What a trainer takes to save a checkpoint when it is asked to stop."""

KILL_WAIT_S = 30.0
"""What a job gets that does not heed the request to stop, as Slurm's KillWait has it."""

MEMORY_S = 300.0
"""For so long after its end a queue knows a job, as Slurm's MinJobAge has it."""

Luck = Callable[[AttemptSpec, int], tuple[Fate, float]]
"""Gives what becomes of an attempt at its start of a number, and after which share of its work."""


@dataclass(frozen=True, slots=True)
class Run:
    """One start of a job.

    Attributes:
        started: Seconds since the simulation began.
        ended: The same.
        fate: How it ended.
        trained_s: Seconds of training in it.
        resumed_s: Seconds of training that it found in checkpoints when it started.
        saved_s: Seconds of training that it left in checkpoints.
        value: Score that it claimed validly, or None.
        is_hung: Whether its node hung, so that it did nothing in the end.
    """

    started: float
    ended: float
    fate: Fate
    trained_s: float
    resumed_s: float
    saved_s: float
    value: float | None
    is_hung: bool = False


@dataclass(slots=True)
class VirtualJob:
    """A job that was submitted. Moments are in seconds since the simulation began.

    Attributes:
        job_id: What the queue calls it.
        job: As it was submitted.
        spec: The attempt that it runs.
        submitted: When it was submitted.
        state: Where it stands.
        runs: Its starts that have ended; more than one where it was requeued.
        started: When it was last started, or None.
        ended: When it ended, or None.
        asked_to_stop: When a driver first asked it to stop, or None.
        worker: Runs the attempt at present, or None.
        course: Counts what was planned for it, so that what no longer holds is passed over.
        is_leaving: Whether its worker has seen that its attempt was given up.
    """

    job_id: str
    job: Job
    spec: AttemptSpec
    submitted: float
    state: JobState = JobState.QUEUED
    runs: list[Run] = field(default_factory=list)
    started: float | None = None
    ended: float | None = None
    asked_to_stop: float | None = None
    worker: VirtualWorker | None = None
    course: int = 0
    is_leaving: bool = False

    @property
    def files(self) -> AttemptDirectory:
        """The attempt's folder."""
        return directory_of(self.job)


class VirtualQueue:
    """Jobs on virtual time. A driver reaches it through a `VirtualCluster`."""

    def __init__(
        self, clock: VirtualClock, trainer: Trainer, luck: Luck, *, wait: Callable[[AttemptSpec], float], pace: Pace
    ) -> None:
        """Begin without jobs.

        Args:
            clock: Whose time passes.
            trainer: Knows what trainings come to.
            luck: What becomes of attempts.
            wait: Seconds that a job waits before it starts.
            pace: What is lost around a training.
        """
        self.jobs: dict[str, VirtualJob] = {}
        self._clock = clock
        self._trainer = trainer
        self._luck = luck
        self._wait = wait
        self._pace = pace
        clock.watch(self._beat)

    def submit(self, job: Job) -> str:
        """Take a job."""
        job_id = str(1000 + len(self.jobs))
        taken = VirtualJob(job_id, job, directory_of(job).read_spec(), self._clock.monotonic())
        self.jobs[job_id] = taken
        self._plan(taken, self._wait(taken.spec), None)
        return job_id

    def status(self, job_id: str, name: str | None = None) -> JobStatus:
        """Tell where a job stands, of this name where one is given; one that ended long ago is forgotten."""
        job = self.jobs.get(job_id)
        if job is None or name not in (None, job.job.name):
            return JobStatus(JobState.GONE)
        if job.ended is not None and self._clock.monotonic() - job.ended > MEMORY_S:
            return JobStatus(JobState.GONE)
        return JobStatus(job.state, job.state.value.upper())

    def alive(self, name: str | None = None) -> list[VirtualJob]:
        """List the jobs, or those of a name, that wait or run."""
        return [job for job in self.jobs.values() if job.state.is_alive and name in (None, job.job.name)]

    def stop(self, job: VirtualJob) -> None:
        """Ask a job to stop: one that waits is gone at once, one that runs saves a checkpoint first."""
        if not job.state.is_alive or job.asked_to_stop is not None:
            return
        job.asked_to_stop = self._clock.monotonic()
        if job.worker is None:
            self._end(job, Fate.CANCELLED)
        else:
            self._plan(job, KILL_WAIT_S if job.worker.is_hung else SAVING_S, Fate.CANCELLED)

    def kill(self, job: VirtualJob) -> None:
        """End a job at once; it has no last word."""
        if job.state.is_alive:
            job.asked_to_stop = self._clock.monotonic() if job.asked_to_stop is None else job.asked_to_stop
            self._end(job, Fate.GONE)

    def strike(self, job: VirtualJob, fate: Fate) -> None:
        """Have a job that runs come to an end now, or hang from now on."""
        if job.worker is None:
            return
        if fate is Fate.HANGS:
            job.worker.hang()
            job.course += 1
        elif fate is Fate.CUT_OFF:
            self._cut_off(job)
        else:
            self._end(job, fate)

    def _plan(self, job: VirtualJob, delay: float, fate: Fate | None) -> None:
        """Have a job start (None) or end after a delay, instead of whatever was to come."""
        job.course += 1
        self._clock.plan(delay, partial(self._turn, job, job.course, fate))

    def _turn(self, job: VirtualJob, course: int, fate: Fate | None) -> None:
        if job.course != course:
            return
        if fate is None:
            self._start(job)
        elif fate is Fate.CUT_OFF:
            self._cut_off(job)
        else:
            self._end(job, fate)

    def _start(self, job: VirtualJob) -> None:
        job.state, job.started = JobState.RUNNING, self._clock.monotonic()
        is_twin = any(other.worker is not None and other.files == job.files for other in self.jobs.values())
        if is_twin or not may_begin(job.files):  # its worker leaves at once
            self._end(job, Fate.SUCCEEDS)
            return
        fate, share = self._luck(job.spec, len(job.runs))
        job.worker = VirtualWorker(job.files, self._clock, self._trainer, self._pace, is_hung=fate is Fate.HANGS)
        course = job.worker.course(fate, share)
        if course is not None:
            self._plan(job, *course)

    def _cut_off(self, job: VirtualJob) -> None:
        """Have the queue give up a job whose worker goes on where nobody can stop it."""
        job.state, job.ended = JobState.NODE_FAILED, self._clock.monotonic()
        if job.worker is not None:
            self._plan(job, job.worker.left_s, Fate.SUCCEEDS)

    def _end(self, job: VirtualJob, fate: Fate) -> None:
        now = self._clock.monotonic()
        job.course += 1
        if job.worker is not None and job.started is not None:
            worker, job.worker = job.worker, None
            worker.end(fate)
            value = worker.training.value if fate is Fate.SUCCEEDS else None
            job.runs.append(
                Run(job.started, now, fate, worker.trained_s, worker.resumed_s, worker.saved_s, value, worker.is_hung)
            )
        if job.ended is not None:  # the queue had given it up
            return
        if fate in (Fate.REQUEUED, Fate.RESTARTED):
            job.state = JobState.QUEUED
            self._plan(job, self._wait(job.spec), None)
        else:
            job.state, job.ended = END_STATES.get(fate, JobState.GONE), now

    def _beat(self) -> None:
        for job in self.jobs.values():
            if job.worker is not None and not job.worker.is_hung:
                job.worker.beat()
                if job.files.closed.exists() and not job.is_leaving:  # its attempt was given up: it stops by itself
                    job.is_leaving = True
                    self._plan(job, SAVING_S, Fate.CANCELLED)


def directory_of(job: Job) -> AttemptDirectory:
    """Give the folder of the attempt that a job runs."""
    return AttemptDirectory(Path(job.environment[ATTEMPT_DIRECTORY]))
