"""A tryout: one short training by the worker that campaigns use, stopped and resumed on the way; nothing is recorded.

Attempt 1 is stopped once there is something to resume from, attempt 2 goes on from there to its end, attempt 3 scores
the model. Whatever does not fit into the time is stopped. `bohpo.campaign.tryout_checks` judges what was seen.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bohpo.campaign.attempts import AttemptPlan, plan_attempt
from bohpo.campaign.ending import Ending, find_ending
from bohpo.campaign.evaluate import evaluation_spec
from bohpo.campaign.log import last_lines_of
from bohpo.campaign.supervision import STOP_GRACE_S
from bohpo.cluster.protocol import Cluster, JobState, JobStatus
from bohpo.errors import QueueError
from bohpo.store.records import Campaign
from bohpo.study import Study
from bohpo.trainer import AttemptDirectory, AttemptSpec
from bohpo.trainer.progress import ProgressReader
from bohpo.trial import AttemptState, Configuration, Proposal, Trial, TrialState

POLL_S = 0.2
KILL_S = STOP_GRACE_S + 30.0
"""So long after it was asked to stop a job is ended: its worker should have killed the trainer before."""

SEEN_S = 10.0
"""A network file system may show the last file of a job that much later."""

_NEWS_S = 30.0
_LOG_LINES = 20


@dataclass(frozen=True, slots=True)
class Course:
    """How one attempt of a tryout went.

    Attributes:
        files: Its folder.
        spec: What its worker was told.
        ending: How it ended.
        reports: What it reported, as (step, value).
        stop_s: Seconds from the request to stop to its end; None where it was not asked.
        is_cut: Whether it was asked since the time was up.
        seconds: What it took, from its submission on.
    """

    files: AttemptDirectory
    spec: AttemptSpec
    ending: Ending
    reports: tuple[tuple[int, float], ...]
    stop_s: float | None
    is_cut: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Tryout:
    """What was seen of a study's training.

    Attributes:
        first: The attempt that was stopped, unless it ended before.
        second: The attempt that went on, or None.
        evaluation: The scoring of the model, or None.
    """

    first: Course
    second: Course | None = None
    evaluation: Course | None = None

    @property
    def last(self) -> Course:
        """The attempt that came furthest."""
        return self.second or self.first


class TryoutRun:
    """Runs the attempts of a tryout, one after the other."""

    def __init__(
        self, study: Study, configuration: Configuration, folder: Path, cluster: Cluster, say: Callable[[str], None]
    ) -> None:
        """Prepare a tryout; nothing is submitted.

        Args:
            study: What to try, settled.
            configuration: What to train with.
            folder: Empty folder, which jobs share with this process.
            cluster: Where jobs run.
            say: Called with a line of progress for people.
        """
        uid = uuid.uuid4().hex
        self._study = study
        self._cluster = cluster
        self._say = say
        place = {"working_directory": str(study.working_directory)}
        self._campaign = Campaign(f"try-{study.name}"[:64], study.text, study.hash, folder, provenance=place)
        self._trial = Trial(0, uid, configuration, TrialState.PENDING, Proposal(configuration, "user"))

    def run(self, seconds: float, *, evaluates: bool) -> Tryout:
        """Run all attempts within about `seconds`; the first one gets at most half of them.

        Raises:
            QueueError: If the queue refuses a job.
        """
        give_up = time.monotonic() + seconds
        first = self._attempt(self._plan(1), time.monotonic() + seconds / 2, stops_early=True)
        if first.stop_s is None or first.ending.started is None or first.ending.state is not AttemptState.PREEMPTED:
            second, last = None, first
        else:
            second = last = self._attempt(self._plan(2), max(give_up, time.monotonic() + POLL_S))
        has_model = last.files.model.is_dir() and any(last.files.model.iterdir())
        if not evaluates or not has_model or last.ending.state is not AttemptState.COMPLETED:
            return Tryout(first, second)
        evaluation = self._attempt(self._evaluation_plan(last), max(give_up, time.monotonic() + POLL_S))
        return Tryout(first, second, evaluation)

    def _plan(self, number: int) -> AttemptPlan:
        return plan_attempt(self._study, self._campaign, self._trial, number)

    def _evaluation_plan(self, trained: Course) -> AttemptPlan:
        plan = self._plan(3)
        return dataclasses.replace(plan, spec=evaluation_spec(plan.spec, self._study, trained.files.model))

    def _attempt(self, plan: AttemptPlan, give_up: float, *, stops_early: bool = False) -> Course:
        what = "the evaluation" if plan.spec.model else f"attempt {plan.spec.number}"
        plan.directory.prepare(plan.spec, plan.configuration)
        began, asked, is_cut = time.monotonic(), None, False
        job_id = self._cluster.submit(plan.job)
        self._say(f"{what}: job {job_id} is submitted")
        news = _News(plan, what, self._say)
        try:
            while (status := self._status(job_id)).state.is_alive and Ending.read(plan.directory) is None:
                reports = news.tell(status)
                now = time.monotonic()
                if asked is None and (now > give_up or (stops_early and _can_resume(plan.directory, reports))):
                    asked, is_cut = time.time(), now > give_up
                    self._say(f"{what}: asked to stop" + (", since the time is up" if is_cut else ""))
                    self._cluster.cancel(job_id)
                if asked is not None and time.time() - asked > KILL_S:
                    break
                self._cluster.wait(POLL_S)
            ending = self._ending(plan, status)
        finally:
            with contextlib.suppress(QueueError):
                self._cluster.end_leftover(plan.job, grace_s=0.0)
        self._say(f"{what}: {ending.state.value}" + (f", {ending.reason}" if ending.reason else ""))
        if ending.state not in (AttemptState.COMPLETED, AttemptState.PREEMPTED):
            self._say_log(plan.directory)
        stop_s = None if asked is None else max(ending.ended - asked, 0.0)
        reported = tuple(plan.directory.read_progress())
        return Course(plan.directory, plan.spec, ending, reported, stop_s, is_cut, time.monotonic() - began)

    def _say_log(self, files: AttemptDirectory) -> None:
        """Print the end of a log that may be gone soon."""
        for line in last_lines_of(files.log)[-_LOG_LINES:]:
            self._say(f"  {line}")

    def _status(self, job_id: str) -> JobStatus:
        try:
            return self._cluster.look([job_id])[job_id]
        except QueueError as error:  # nothing is known then
            return JobStatus(JobState.RUNNING, str(error))

    def _ending(self, plan: AttemptPlan, status: JobStatus) -> Ending:
        give_up = time.monotonic() + (0.0 if self._study.cluster.backend == "local" else SEEN_S)
        while Ending.read(plan.directory) is None and time.monotonic() < give_up:
            self._cluster.wait(POLL_S)
        return find_ending(plan.directory, plan.spec, now=time.time(), status=status)


class _News:
    """Tells how an attempt goes: that it waits, its latest report, or that it still runs."""

    def __init__(self, plan: AttemptPlan, what: str, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._what = what
        self._say = say
        self._progress = ProgressReader(plan.directory.progress)
        self._told = 0
        self._spoke = time.monotonic()

    def tell(self, status: JobStatus) -> list[tuple[int, float]]:
        """Read the reports so far, and tell of the latest where it is new."""
        reports = self._progress.read()
        if len(reports) > self._told and (self._told == 0 or time.monotonic() - self._spoke > 1.0):
            step, value = reports[-1]
            self._speak(f"step {step}, {value:.4g}", len(reports))
        elif time.monotonic() - self._spoke > _NEWS_S:
            waits = not self._plan.directory.heartbeat.exists()
            self._speak(f"waits, {status.detail or status.state.value}" if waits else "runs", self._told)
        return reports

    def _speak(self, words: str, told: int) -> None:
        self._say(f"{self._what}: {words}")
        self._told, self._spoke = told, time.monotonic()


def _can_resume(files: AttemptDirectory, reports: list[tuple[int, float]]) -> bool:
    """Return whether a training is under way: it has reported two steps, or one and saved a checkpoint."""
    steps = {step for step, _ in reports}
    with contextlib.suppress(OSError):
        return len(steps) > 1 or (len(steps) == 1 and any(files.checkpoint.iterdir()))
    return len(steps) > 1
