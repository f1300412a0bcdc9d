"""`bohpo ls`, `status`, `trial`, `logs` and `best`: what a campaign looks like now."""

from __future__ import annotations

import sys
from typing import Any

from bohpo.campaign.attempts import attempt_directory
from bohpo.campaign.queue_report import QueueState
from bohpo.cli.output import emit, pairs, table
from bohpo.cli.place import HERE, Place
from bohpo.cli.remote import Remote
from bohpo.cli.summary import rows
from bohpo.errors import NotFoundError
from bohpo.regular_files import UnusableFileError, read_regular
from bohpo.service.answers import (
    BestAnswer,
    CampaignAnswer,
    ProposalAnswer,
    QueueAnswer,
    SummaryAnswer,
    TrialAnswer,
    as_json,
    campaign_answer,
    queue_answer,
    summary_answer,
    trial_answer,
)
from bohpo.service.gather import gather
from bohpo.service.insights import best_of
from bohpo.service.queue_words import queue_rows, queue_word
from bohpo.views import wording
from bohpo.views.status import status as status_of


def ls(*, json: bool = False, place: Place = HERE) -> None:
    """List the campaigns, the latest first.

    Args:
        json: Print one JSON object.
        place: Where they are recorded.
    """
    if json:
        emit({"campaigns": _standings(place)})
        return
    told = _summaries(place)
    table(("campaign", "state", "trials", "best", "driven by"), map(_ls_row, told))


def status(campaign: str, /, *, json: bool = False, place: Place = HERE) -> None:
    """Show where a campaign stands.

    Args:
        campaign: Name of the campaign.
        json: Print one JSON object.
        place: Where it is recorded.
    """
    told = _status(campaign, place)
    if json:
        emit(as_json(told))
        return
    nobody = f"nobody; jobs that may run on: {told.jobs_alive}" if told.jobs_alive else "nobody"
    queue = [] if told.queue is None else queue_rows(told.queue)
    pairs([*rows(told), *queue, ("driven by", told.driver or nobody)])


def best(campaign: str, /, *, json: bool = False, place: Place = HERE) -> None:
    """Show the best trial, and beside it the one that the model expects to be the best.

    Args:
        campaign: Name of the campaign.
        json: Print one JSON object.
        place: Where it is recorded.
    """
    told = _best(campaign, place)
    if json:
        emit(as_json(told))
        return
    notes = [("note", note) for note in told.notes]
    pairs([*_trial_rows(told.metric, told.trial, None), ("expected best", told.verdict), *notes])


def trial(campaign: str, number: int, /, *, json: bool = False, place: Place = HERE) -> None:
    """Show a trial: configuration, outcome, attempts, and why it was proposed.

    Args:
        campaign: Name of the campaign.
        number: Number of the trial.
        json: Print one JSON object.
        place: Where it is recorded.
    """
    with place.open() as store:
        view = gather(store, campaign, curves_of=0)
        found = trial_answer(view, store.trial(campaign, number))
    if json:
        emit({"campaign": campaign, "metric": view.metric, "trial": as_json(found)})
        return
    pairs(_trial_rows(view.metric, found, queue_answer(view, QueueState.read(view.campaign))))


def logs(campaign: str, trial: int, /, *, attempt: int | None = None, json: bool = False, place: Place = HERE) -> None:
    """Print what a trial's trainer printed.

    Args:
        campaign: Name of the campaign.
        trial: Number of the trial.
        attempt: Which attempt; the last one by default.
        json: Print one JSON object.
        place: Where it is recorded.
    """
    with place.open() as store:
        found, record = store.trial(campaign, trial), place.find(store, campaign)
    number = attempt or max((known.number for known in found.attempts), default=1)
    files = attempt_directory(record, trial, number)
    try:
        text = read_regular(files.log).decode(errors="replace")
    except FileNotFoundError as error:
        raise NotFoundError(f"{files.log}: there is no such log; `bohpo trial {campaign} {trial}` tells why") from error
    except UnusableFileError as error:
        raise NotFoundError(f"{files.log} cannot be shown: {error.strerror}; look at what the trainer left") from error
    if json:
        emit({"campaign": campaign, "trial": trial, "attempt": number, "path": str(files.log), "log": text})
        return
    sys.stdout.write(text)


def _summaries(place: Place) -> list[SummaryAnswer]:
    if place.server is not None:
        return [SummaryAnswer.model_validate(each) for each in Remote.of(place).get("campaigns")["campaigns"]]
    with place.open() as store:
        listed = store.summaries()
        best = {
            each.campaign.name: store.trial(each.campaign.name, each.best) for each in listed if each.best is not None
        }
    return [summary_answer(each, best.get(each.campaign.name)) for each in listed]


def _standings(place: Place) -> list[dict[str, Any]]:
    """Tell of each campaign what `status` does, and when it changed last; a service tells what it knows of all."""
    if place.server is not None:
        return [as_json(each) for each in _summaries(place)]
    standings = []
    with place.open() as store:
        for summary in store.summaries():
            view = gather(store, summary.campaign.name, curves_of=0)
            told = campaign_answer(view, status_of(view), lease=summary.lease)
            standings.append({**as_json(told), "changed": summary.changed})
    return standings


def _status(campaign: str, place: Place) -> CampaignAnswer:
    if place.server is not None:
        return CampaignAnswer.model_validate(Remote.of(place).get("campaigns", campaign))
    with place.open() as store:
        view = gather(store, campaign, curves_of=0)
        lease = store.lease(campaign)
    return campaign_answer(view, status_of(view), lease=lease, queue=QueueState.read(view.campaign))


def _best(campaign: str, place: Place) -> BestAnswer:
    if place.server is not None:
        return BestAnswer.model_validate(Remote.of(place).get("campaigns", campaign, "best"))
    with place.open() as store:
        return best_of(gather(store, campaign, curves_of=0))


def _ls_row(told: SummaryAnswer) -> tuple[str, ...]:
    best = told.best
    value = "" if best is None or best.value is None else wording.number(best.value)
    ended = f"{told.trials.complete + told.trials.failed}/{told.trials.budget or '∞'}"
    state = f"{told.state}, all failing" if told.stop_reason else told.state
    return told.campaign, state, ended, value, told.driver or ""


def _trial_rows(metric: str, trial: TrialAnswer, queue: QueueAnswer | None) -> list[tuple[str, str]]:
    lines = [("trial", f"{trial.number} ({trial.state})")]
    if trial.value is not None:
        spread = f" (95% interval {wording.interval(trial.interval)})" if trial.interval else ""
        lines.append((metric, wording.number(trial.value) + spread))
    if trial.reason:
        lines.append(("reason", trial.reason))
    lines.append(("configuration", ""))
    lines += [(f"  {name}", wording.scalar(value)) for name, value in trial.configuration.items()]
    lines += _why(trial.proposal)
    if trial.metrics:
        lines.append(("metrics", ""))
        lines += [(f"  {name}", wording.number(figure)) for name, figure in sorted(trial.metrics.items())]
    for attempt in trial.attempts:
        took = (
            ""
            if attempt.started is None or attempt.ended is None
            else wording.duration(attempt.ended - attempt.started)
        )
        job = f"job {attempt.job}" if attempt.job else "no job"
        words = (attempt.state, took, job, wording.gpus(attempt.devices), attempt.reason or queue_word(attempt, queue))
        told = " · ".join(word for word in words if word)
        lines.append((f"attempt {attempt.number}", told))
    return lines


def _why(proposal: ProposalAnswer) -> list[tuple[str, str]]:
    lines = [("proposed by", wording.proposed_by(proposal.source, proposal.view))]
    if proposal.predicted_mean is not None and proposal.predicted_sd is not None:
        predicted = f"{wording.number(proposal.predicted_mean)}, standard deviation {proposal.predicted_sd:.2g}"
        lines.append(("  predicted", predicted))
    if proposal.acquisition is not None:
        lines.append(("  acquisition", wording.number(proposal.acquisition)))
    return [*lines, ("  took", f"{proposal.seconds:.3f} s")]
