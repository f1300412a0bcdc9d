"""A campaign summed up: as a JSON object, and in words when it has ended."""

from __future__ import annotations

from bohpo.campaign.evaluate import find_obstacle
from bohpo.campaign.launch import study_of
from bohpo.cli.output import emit, pairs, say
from bohpo.service.answers import CampaignAnswer, as_json, campaign_answer
from bohpo.service.gather import gather
from bohpo.store import Store
from bohpo.views import wording
from bohpo.views.campaign import CampaignView
from bohpo.views.failures import remedy
from bohpo.views.status import status


def rows(told: CampaignAnswer) -> list[tuple[str, str]]:
    """Give a campaign's status as names and values for people."""
    count = told.trials
    lines = [
        ("campaign", f"{told.campaign} ({told.state}), {told.metric}"),
        ("trials", f"{count.complete} complete, {count.failed} failed, {count.running} running, {count.queued} queued"),
    ]
    if told.stop_reason:
        lines.append(("stopped", told.stop_reason))
    best = told.best
    if best is not None and best.value is not None:
        edges = f", 95% interval {wording.interval(best.interval)}" if best.interval else ""
        lines.append(("best", f"{wording.number(best.value)} (trial {best.number}{edges})"))
        lines += [(f"  {name}", wording.scalar(value)) for name, value in best.configuration.items()]
        lines += [("note", note) for note in told.notes]
    if told.failure is not None:
        lines.append(("no result", told.failure.message))
        lines.append(("  see", f"bohpo logs {told.campaign} {told.failure.trial}"))
    if told.busy_fraction is not None:
        busy = told.busy_fraction_after_first_jobs
        after = "" if busy is None else f", {busy:.3f} after the first {told.jobs} starts"
        lines.append(("busy fraction", f"{told.busy_fraction:.3f}{after}"))
    if told.mean_gap_seconds is not None:
        lines.append(("gap between jobs", f"{told.mean_gap_seconds:.2f} s"))
    if told.mean_queue_seconds is not None:
        lines.append(("queue to start", f"{told.mean_queue_seconds:.2f} s on average"))
    paused = f", and paused for {wording.duration(told.paused_seconds)}" if told.paused_seconds >= 1 else ""
    lines.append(("elapsed", wording.duration(told.elapsed_seconds) + paused))
    if told.remaining_seconds:
        lines.append(("left about", wording.duration(told.remaining_seconds)))
    return lines


def print_conclusion(store: Store, campaign: str, *, json: bool) -> None:
    """Print what a campaign came to, and what can be done with it."""
    view = gather(store, campaign, curves_of=0)
    told = campaign_answer(view, status(view), lease=None)
    if json:
        emit(as_json(told))
        return
    pairs(rows(told))
    say(f"next: {' · '.join(_next_steps(view))}")


def print_failure(store: Store, campaign: str) -> None:
    """Print why a campaign ended without a result, if its trials failed."""
    view = gather(store, campaign, curves_of=0)
    failure = status(view).failure
    if failure is not None:
        say(f"{failure.message}; `{remedy(campaign, failure)}` shows more")


def _next_steps(view: CampaignView) -> list[str]:
    """Return the commands that can be run on a campaign now."""
    name, best = view.campaign.name, view.best
    steps = [f"bohpo report {name}"]
    if best is not None:
        steps.append(f"bohpo export {name}")
    study = study_of(view.campaign)
    if find_obstacle(study, view.campaign, best, is_evaluated=bool(view.evaluations)) is None:
        steps.append(f"bohpo evaluate {name}")
    return steps
