"""`bohpo ls`, `status`, `trial`, `logs` and `best`: what a campaign looks like now."""

from __future__ import annotations

import sys

from bohpo.campaign.attempts import attempt_directory
from bohpo.campaign.queue_report import QueueState
from bohpo.cli.gather import gather
from bohpo.cli.output import emit, pairs, table
from bohpo.cli.place import HERE, Place
from bohpo.cli.queue_words import queue_as_json, queue_rows, queue_word
from bohpo.cli.summary import as_json, driver, expectation_as_json, rows, summary_as_json, trial_as_json
from bohpo.errors import NotFoundError, NoUsableTrialError
from bohpo.store.records import Summary
from bohpo.trial import Proposal, Trial
from bohpo.views import wording
from bohpo.views.campaign import CampaignView
from bohpo.views.insight import insight, silence
from bohpo.views.status import status as status_of


def ls(*, json: bool = False, place: Place = HERE) -> None:
    """List the campaigns, the latest first.

    Args:
        json: Print one JSON object.
        place: Where they are recorded.
    """
    with place.open() as store:
        listed = store.summaries()
        views = [gather(store, each.campaign.name, curves_of=0) for each in listed] if json else []
    if json:
        emit({"campaigns": [summary_as_json(each, view) for each, view in zip(listed, views, strict=True)]})
        return
    table(("campaign", "state", "trials", "best", "driven by"), map(_ls_row, listed))


def status(campaign: str, /, *, json: bool = False, place: Place = HERE) -> None:
    """Show where a campaign stands.

    Args:
        campaign: Name of the campaign.
        json: Print one JSON object.
        place: Where it is recorded.
    """
    with place.open() as store:
        view = gather(store, campaign, curves_of=0)
        driven_by = driver(store.lease(campaign))
    queue = QueueState.read(view.campaign)
    if json:
        emit({**as_json(view, driver=driven_by), "queue": queue_as_json(view, queue)})
        return
    left = sum(attempt.state.is_alive for attempt in view.attempts)
    nobody = f"nobody; jobs that may run on: {left}" if left else "nobody"
    pairs([*rows(view, status_of(view)), *queue_rows(view, queue), ("driven by", driven_by or nobody)])


SOURCES = {
    "startup": "start-up: spread over the space",
    "model": "model",
    "fallback": "fallback, as the model failed: spread over the space",
    "user": "user",
}
"""Who proposed a trial, in words."""

VIEWS = {
    "trends": "in view of trends: every parameter has an effect of its own",
    "bowl": "in view of a bowl: the middle of a range beats its ends",
    "plain": "without a view",
}
"""How the model saw the trials, in words; see `bohpo.optimizer.recipe`."""


def best(campaign: str, /, *, json: bool = False, place: Place = HERE) -> None:
    """Show the best trial, and beside it the one that the model expects to be the best.

    Args:
        campaign: Name of the campaign.
        json: Print one JSON object.
        place: Where it is recorded.
    """
    with place.open() as store:
        view = gather(store, campaign, curves_of=0)
    found = view.best
    if found is None:
        raise NoUsableTrialError(f"campaign {campaign!r} has no completed trial; see `bohpo status {campaign}`")
    said = insight(view)
    if json:
        predicted = None if said is None else expectation_as_json(view, said.expected)
        told = {"value": found.value, "trial": trial_as_json(view, found), "predicted_best": predicted}
        emit({"campaign": campaign, "metric": view.metric, **told})
        return
    pairs([*_trial_rows(view, found), ("expected best", silence(view) if said is None else said.verdict)])


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
        found = store.trial(campaign, number)
    if json:
        emit({"campaign": campaign, "metric": view.metric, "trial": trial_as_json(view, found)})
        return
    pairs(_trial_rows(view, found))


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
        found, record = store.trial(campaign, trial), store.campaign(campaign)
    number = attempt or max((known.number for known in found.attempts), default=1)
    files = attempt_directory(record, trial, number)
    try:
        text = files.log.read_bytes().decode(errors="replace")
    except FileNotFoundError as error:
        raise NotFoundError(f"{files.log}: there is no such log; `bohpo trial {campaign} {trial}` tells why") from error
    if json:
        emit({"campaign": campaign, "trial": trial, "attempt": number, "path": str(files.log), "log": text})
        return
    sys.stdout.write(text)


def _ls_row(summary: Summary) -> tuple[str, ...]:
    campaign = summary.campaign
    value = "" if summary.best_value is None else wording.number(summary.best_value)
    ended = f"{summary.complete + summary.failed}/{campaign.budget_trials or '∞'}"
    return campaign.name, campaign.state.value, ended, value, driver(summary.lease) or ""


def _trial_rows(view: CampaignView, trial: Trial) -> list[tuple[str, str]]:
    lines = [("trial", f"{trial.number} ({wording.standing(trial)})")]
    if trial.value is not None:
        edges = view.interval(trial.value, trial.variance)
        spread = f" (95% interval {wording.interval(edges)})" if edges else ""
        lines.append((view.metric, wording.number(trial.value) + spread))
    if trial.reason:
        lines.append(("reason", trial.reason))
    lines.append(("configuration", ""))
    lines += [(f"  {name}", wording.scalar(value)) for name, value in trial.configuration.items()]
    lines += _why(trial.proposal)
    if trial.metrics:
        lines.append(("metrics", ""))
        lines += [(f"  {name}", wording.number(figure)) for name, figure in sorted(trial.metrics.items())]
    queue = QueueState.read(view.campaign)
    for attempt in trial.attempts:
        took = (
            ""
            if attempt.started is None or attempt.ended is None
            else wording.duration(attempt.ended - attempt.started)
        )
        job = f"job {attempt.job}" if attempt.job else "no job"
        words = (attempt.state.value, took, job, attempt.reason or queue_word(attempt, queue))
        told = " · ".join(word for word in words if word)
        lines.append((f"attempt {attempt.number}", told))
    return lines


def _why(proposal: Proposal) -> list[tuple[str, str]]:
    by = SOURCES.get(proposal.source, proposal.source)
    if proposal.view is not None:
        by += f", {VIEWS.get(proposal.view, proposal.view)}"
    lines = [("proposed by", by)]
    if proposal.predicted_mean is not None and proposal.predicted_sd is not None:
        predicted = f"{wording.number(proposal.predicted_mean)}, standard deviation {proposal.predicted_sd:.2g}"
        lines.append(("  predicted", predicted))
    if proposal.acquisition is not None:
        lines.append(("  acquisition", wording.number(proposal.acquisition)))
    return [*lines, ("  took", f"{proposal.seconds:.3f} s")]
