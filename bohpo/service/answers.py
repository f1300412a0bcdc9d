"""What is answered about campaigns: the same objects on the command line (`--json`) and over HTTP.

Every answer that is sent by itself carries `schema`, its version: keys may be added, none changes its meaning.
"""

from __future__ import annotations

import time
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bohpo.campaign.launch import study_of
from bohpo.campaign.queue_report import QueueState
from bohpo.errors import StudyError
from bohpo.space import Space
from bohpo.space.edges import find_edges
from bohpo.store.records import Event, Lease, Summary
from bohpo.trial import Scalar, Trial
from bohpo.views import wording
from bohpo.views.campaign import CampaignView
from bohpo.views.caveats import caveats
from bohpo.views.failures import CommonFailure
from bohpo.views.insight import Expectation, Insight
from bohpo.views.status import Status

SCHEMA = 1
"""Version of the answers."""


class Answer(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(frozen=True)


class ProposalAnswer(Answer):
    """Why a configuration was proposed; see `bohpo.trial.Proposal`."""

    source: str
    view: str | None
    predicted_mean: float | None
    predicted_sd: float | None
    acquisition: float | None
    seconds: float


class AttemptAnswer(Answer):
    """One try at running a trial; see `bohpo.trial.Attempt`."""

    number: int
    state: str
    reason: str
    job: str
    worker: int
    submitted: float
    started: float | None
    ended: float | None
    devices: list[str] = Field(default=[])


class TrialAnswer(Answer):
    """One configuration and what came of it; see `bohpo.trial.Trial`."""

    number: int
    state: str
    value: float | None
    variance: float | None
    interval: tuple[float, float] | None
    configuration: dict[str, Scalar]
    metrics: dict[str, float]
    reason: str
    proposal: ProposalAnswer
    attempts: list[AttemptAnswer]


class Counts(Answer):
    """Trials of a campaign by where they stand; `budget` is None where only time limits them."""

    budget: int | None
    complete: int
    failed: int
    running: int
    queued: int


class StandingAnswer(Answer):
    """What is told of a campaign wherever it is told of."""

    campaign: str
    state: str
    driver: str | None
    metric: str
    direction: str
    directory: str
    trials: Counts
    best: TrialAnswer | None
    evaluations: int
    elapsed_seconds: float
    stop_reason: str = ""


class EdgeAnswer(Answer):
    """A parameter of the best trial at an end of its range; see `bohpo.space.edges.Edge`."""

    parameter: str
    bound: str
    limit: float
    value: float


class SummaryAnswer(StandingAnswer):
    """A campaign in a list of campaigns."""

    changed: float | None


class JobAnswer(Answer):
    """What the queue says of a job."""

    state: str
    detail: str


class QueueAnswer(Answer):
    """What the queue said last of the jobs that are alive; see `bohpo.campaign.queue_report.QueueState`."""

    answered: float | None
    silent: bool
    jobs: dict[str, JobAnswer]


class FailureAnswer(Answer):
    """Why a campaign has no result although trials failed; see `bohpo.views.failures.CommonFailure`."""

    failed: int
    alike: int
    trial: int
    reason: str
    message: str


class CampaignAnswer(StandingAnswer):
    """Where a campaign stands; see `bohpo.views.status.Status` and `bohpo.views.caveats`."""

    busy_fraction: float | None
    busy_fraction_after_first_jobs: float | None
    mean_gap_seconds: float | None
    mean_queue_seconds: float | None
    remaining_seconds: float | None
    paused_seconds: float = 0.0
    failure: FailureAnswer | None = None
    jobs: int
    jobs_alive: int
    queue: QueueAnswer | None = None
    edges: list[EdgeAnswer] = []
    notes: list[str] = []


class ExpectationAnswer(Answer):
    """What the model expects of a completed trial."""

    mean: float
    sd: float
    trial: TrialAnswer


class BestAnswer(Answer):
    """The best trial, and beside it the one that the model expects to be the best, with its verdict in words."""

    campaign: str
    metric: str
    value: float | None
    trial: TrialAnswer
    predicted_best: ExpectationAnswer | None
    verdict: str
    edges: list[EdgeAnswer] = []
    notes: list[str] = []


class EventAnswer(Answer):
    """Something that happened in a campaign; see `bohpo.store.Event`."""

    number: int
    time: float
    kind: str
    message: str
    trial: int | None


class StopAnswer(Answer):
    """What was asked of whom: `driver` is whether there is one, `jobs` how many one has left, `fate` what they do."""

    campaign: str
    request: str
    driver: bool
    jobs: int
    fate: str


def as_json(answer: Answer) -> dict[str, Any]:
    """Give an answer as a dictionary that JSON can hold."""
    return answer.model_dump(mode="json")


def trial_answer(view: CampaignView, trial: Trial) -> TrialAnswer:
    """Tell of a trial."""
    proposal = trial.proposal
    return TrialAnswer(
        number=trial.number,
        state=wording.standing(trial),
        value=trial.value,
        variance=trial.variance,
        interval=None if trial.value is None else view.interval(trial.value, trial.variance),
        configuration=dict(trial.configuration),
        metrics=dict(trial.metrics),
        reason=trial.reason,
        proposal=ProposalAnswer(
            source=proposal.source,
            view=proposal.view,
            predicted_mean=proposal.predicted_mean,
            predicted_sd=proposal.predicted_sd,
            acquisition=proposal.acquisition,
            seconds=proposal.seconds,
        ),
        attempts=[
            AttemptAnswer(
                number=attempt.number,
                state=attempt.state.value,
                reason=attempt.reason,
                job=attempt.job,
                worker=attempt.worker,
                submitted=attempt.submitted,
                started=attempt.started,
                ended=attempt.ended,
                devices=list(attempt.devices),
            )
            for attempt in trial.attempts
        ],
    )


def campaign_answer(
    view: CampaignView, now: Status, *, lease: Lease | None, queue: QueueState | None = None
) -> CampaignAnswer:
    """Tell where a campaign stands."""
    return CampaignAnswer(
        campaign=view.campaign.name,
        state=view.campaign.state.value,
        driver=driver(lease),
        metric=view.metric,
        direction=_direction(view.maximize),
        directory=str(view.campaign.directory),
        trials=Counts(
            budget=view.campaign.budget_trials,
            complete=now.complete,
            failed=now.failed,
            running=now.running,
            queued=now.queued,
        ),
        best=None if now.best is None else trial_answer(view, now.best),
        evaluations=len(view.evaluations),
        busy_fraction=now.busy,
        busy_fraction_after_first_jobs=now.busy_after,
        mean_gap_seconds=now.mean_gap,
        mean_queue_seconds=now.mean_wait,
        elapsed_seconds=now.elapsed,
        stop_reason=view.campaign.stop_reason,
        remaining_seconds=now.remaining,
        paused_seconds=now.paused,
        failure=None if now.failure is None else _failure_answer(now.failure),
        jobs=view.jobs,
        jobs_alive=len(view.alive),
        queue=None if queue is None else queue_answer(view, queue),
        edges=_edges(view, now.best),
        notes=list(caveats(view, now.best, now.complete)),
    )


def _failure_answer(failure: CommonFailure) -> FailureAnswer:
    return FailureAnswer(
        failed=failure.failed,
        alike=failure.alike,
        trial=failure.trial,
        reason=failure.reason,
        message=failure.message,
    )


def queue_answer(view: CampaignView, state: QueueState) -> QueueAnswer:
    """Tell what the queue says of the jobs that are alive."""
    alive = {attempt.job for attempt in view.alive}
    jobs = {
        job: JobAnswer(state=known.state.value, detail=known.detail)
        for job, known in state.jobs.items()
        if job in alive
    }
    return QueueAnswer(answered=state.answered, silent=state.is_silent, jobs=jobs)


def summary_answer(summary: Summary, best: Trial | None) -> SummaryAnswer:
    """Tell what is known of a campaign without reading its trials."""
    campaign = summary.campaign
    bounds = _bounds(summary)
    view = CampaignView(campaign, Space(()), summary.metric, summary.maximize, 1, (), bounds=bounds)
    return SummaryAnswer(
        campaign=campaign.name,
        state=campaign.state.value,
        driver=driver(summary.lease),
        metric=summary.metric,
        direction=_direction(summary.maximize),
        directory=str(campaign.directory),
        trials=Counts(
            budget=campaign.budget_trials,
            complete=summary.complete,
            failed=summary.failed,
            running=summary.running,
            queued=summary.queued,
        ),
        best=None if best is None else trial_answer(view, best),
        evaluations=summary.evaluations,
        changed=summary.changed,
        elapsed_seconds=max((campaign.ended or time.time()) - campaign.created, 0.0),
        stop_reason=campaign.stop_reason,
    )


def best_answer(view: CampaignView, best: Trial, said: Insight | None, verdict: str) -> BestAnswer:
    """Tell of the best trial, and of what the model thinks of it."""
    return BestAnswer(
        campaign=view.campaign.name,
        metric=view.metric,
        value=best.value,
        trial=trial_answer(view, best),
        predicted_best=None if said is None else _expectation(view, said.expected),
        verdict=verdict,
        edges=_edges(view, best),
        notes=list(caveats(view, best, len(view.ranked))),
    )


def event_answer(event: Event) -> EventAnswer:
    """Tell of an event."""
    return EventAnswer(number=event.number, time=event.time, kind=event.kind, message=event.message, trial=event.trial)


def driver(lease: Lease | None) -> str | None:
    """Say who drives a campaign, and since when."""
    if lease is None:
        return None
    return f"process {lease.owner.pid} on {lease.owner.host} since {wording.moment(lease.since)}"


def _bounds(summary: Summary) -> tuple[float | None, float | None]:
    """Give the bounds of the objective; a study that this version cannot read has none."""
    try:
        return study_of(summary.campaign).objective.limits
    except (StudyError, KeyError):
        return (None, None)


def _edges(view: CampaignView, best: Trial | None) -> list[EdgeAnswer]:
    found = () if best is None else find_edges(view.space, best.configuration)
    return [EdgeAnswer(parameter=e.parameter, bound=e.bound, limit=e.limit, value=e.value) for e in found]


def _expectation(view: CampaignView, expectation: Expectation) -> ExpectationAnswer:
    return ExpectationAnswer(mean=expectation.mean, sd=expectation.sd, trial=trial_answer(view, expectation.trial))


def _direction(maximize: bool) -> str:
    return "maximize" if maximize else "minimize"
