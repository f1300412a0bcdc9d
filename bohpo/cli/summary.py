"""A campaign summed up: as a JSON object, and in words when it has ended."""

from __future__ import annotations

import time
from typing import Any

from bohpo.cli.gather import gather
from bohpo.cli.output import emit, pairs, say
from bohpo.store import Store
from bohpo.store.records import Lease, Summary
from bohpo.trial import Trial
from bohpo.views import wording
from bohpo.views.campaign import CampaignView
from bohpo.views.insight import Expectation
from bohpo.views.status import Status, status


def trial_as_json(view: CampaignView, trial: Trial) -> dict[str, Any]:
    """Give a trial as a dictionary that JSON can hold."""
    edges = None if trial.value is None else view.interval(trial.value, trial.variance)
    return {
        "number": trial.number,
        "state": wording.standing(trial),
        "value": trial.value,
        "variance": trial.variance,
        "interval": None if edges is None else list(edges),
        "configuration": dict(trial.configuration),
        "metrics": dict(trial.metrics),
        "reason": trial.reason,
        "proposal": {
            "source": trial.proposal.source,
            "view": trial.proposal.view,
            "predicted_mean": trial.proposal.predicted_mean,
            "predicted_sd": trial.proposal.predicted_sd,
            "acquisition": trial.proposal.acquisition,
            "seconds": trial.proposal.seconds,
        },
        "attempts": [
            {
                "number": attempt.number,
                "state": attempt.state.value,
                "reason": attempt.reason,
                "job": attempt.job,
                "worker": attempt.worker,
                "submitted": attempt.submitted,
                "started": attempt.started,
                "ended": attempt.ended,
            }
            for attempt in trial.attempts
        ],
    }


def expectation_as_json(view: CampaignView, expectation: Expectation) -> dict[str, Any]:
    """Give what the model expects of a trial as a dictionary that JSON can hold."""
    return {"mean": expectation.mean, "sd": expectation.sd, "trial": trial_as_json(view, expectation.trial)}


def as_json(view: CampaignView, *, driver: str | None = None) -> dict[str, Any]:
    """Give a campaign's status as a dictionary that JSON can hold."""
    now = status(view)
    return {
        "campaign": view.campaign.name,
        "state": view.campaign.state.value,
        "driver": driver,
        "metric": view.metric,
        "direction": "maximize" if view.maximize else "minimize",
        "directory": str(view.campaign.directory),
        "trials": {
            "budget": view.campaign.budget_trials,
            "complete": now.complete,
            "failed": now.failed,
            "running": now.running,
            "queued": now.queued,
        },
        "best": None if now.best is None else trial_as_json(view, now.best),
        "evaluations": len(view.evaluations),
        "busy_fraction": now.busy,
        "busy_fraction_after_first_jobs": now.busy_after,
        "mean_gap_seconds": now.mean_gap,
        "mean_queue_seconds": now.mean_wait,
        "elapsed_seconds": now.elapsed,
        "remaining_seconds": now.remaining,
    }


def summary_as_json(summary: Summary, view: CampaignView) -> dict[str, Any]:
    """Give a campaign's status, and when it changed last, as a dictionary that JSON can hold."""
    return {**as_json(view, driver=driver(summary.lease)), "changed": summary.changed}


def driver(lease: Lease | None) -> str | None:
    """Say who drives a campaign, and since when."""
    if lease is None:
        return None
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(lease.since))
    return f"process {lease.owner.pid} on {lease.owner.host} since {since}"


def rows(view: CampaignView, now: Status) -> list[tuple[str, str]]:
    """Give a campaign's status as names and values for people."""
    lines = [
        ("campaign", f"{view.campaign.name} ({view.campaign.state.value}), {view.metric}"),
        ("trials", f"{now.complete} complete, {now.failed} failed, {now.running} running, {now.queued} queued"),
    ]
    if now.best is not None and now.best.value is not None:
        edges = f", 95% interval {wording.interval(now.interval)}" if now.interval else ""
        lines.append(("best", f"{wording.number(now.best.value)} (trial {now.best.number}{edges})"))
        lines += [(f"  {name}", wording.scalar(value)) for name, value in now.best.configuration.items()]
    if now.busy is not None:
        after = "" if now.busy_after is None else f", {now.busy_after:.3f} after the first {view.jobs} starts"
        lines.append(("busy fraction", f"{now.busy:.3f}{after}"))
    if now.mean_gap is not None:
        lines.append(("gap between jobs", f"{now.mean_gap:.2f} s"))
    if now.mean_wait is not None:
        lines.append(("queue to start", f"{now.mean_wait:.2f} s on average"))
    lines.append(("elapsed", wording.duration(now.elapsed)))
    if now.remaining:
        lines.append(("left about", wording.duration(now.remaining)))
    return lines


def print_conclusion(store: Store, campaign: str, *, json: bool) -> None:
    """Print what a campaign came to, and what can be done with it."""
    view = gather(store, campaign, curves_of=0)
    if json:
        emit(as_json(view))
        return
    pairs(rows(view, status(view)))
    say(f"next: bohpo report {campaign} · bohpo export {campaign} · bohpo evaluate {campaign}")
