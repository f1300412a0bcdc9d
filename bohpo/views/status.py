"""Where a campaign stands, in figures.

Busy fraction. An attempt occupies its slot from its start to its end, or to now while it runs; waiting in the queue
occupies nothing. The fraction is the occupied slot-seconds in a window, over `jobs` times the window's length. The
window begins with the first start. It ends with the last start once nothing is left to start, for then slots run
empty by design; before that it ends now, so that a campaign which starts nothing is seen to idle. `busy_after` leaves
out the burst at the beginning: its window begins with the start that filled the last of the `jobs` slots.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from bohpo.store.records import CampaignState
from bohpo.trial import Trial, TrialState
from bohpo.views.campaign import CampaignView, is_running, training_seconds


@dataclass(frozen=True, slots=True)
class Status:
    """A campaign in figures.

    Attributes:
        complete: Trials with an outcome.
        failed: Trials that will have none.
        running: Pending trials that a job is at work on.
        queued: Pending trials that wait for a job.
        left: Trials of the budget that have not ended, or None where the budget has no number.
        best: The best trial, or None before the first outcome.
        interval: 95% interval of the best value, or None where its variance was not measured.
        busy: Share of the slots' time that was used, in [0, 1]; None before the second start.
        busy_after: The same after the first `jobs` starts.
        mean_gap: Seconds between the end of an attempt and the next start in its slot, on average, or None.
        mean_wait: Seconds from the submission of an attempt to its start, on average, or None before the first start.
        elapsed: Seconds since the launch, until the end if it has ended.
        remaining: Seconds until the budget is used up, as estimated, or None where nothing can be said.
    """

    complete: int
    failed: int
    running: int
    queued: int
    left: int | None
    best: Trial | None
    interval: tuple[float, float] | None
    busy: float | None
    busy_after: float | None
    mean_gap: float | None
    mean_wait: float | None
    elapsed: float
    remaining: float | None


def status(view: CampaignView) -> Status:
    """Sum up where a campaign stands."""
    best = view.best
    complete = sum(trial.state is TrialState.COMPLETE for trial in view.trials)
    failed = sum(trial.state is TrialState.FAILED for trial in view.trials)
    running = sum(is_running(trial) for trial in view.trials)
    budget = view.campaign.budget_trials
    return Status(
        complete=complete,
        failed=failed,
        running=running,
        queued=len(view.trials) - complete - failed - running,
        left=None if budget is None else max(budget - complete - failed, 0),
        best=best,
        interval=None if best is None or best.value is None else view.interval(best.value, best.variance),
        busy=busy_fraction(view),
        busy_after=busy_fraction(view, after=view.jobs),
        mean_gap=mean_gap(view),
        mean_wait=mean_wait(view),
        elapsed=max((view.campaign.ended or view.now) - view.campaign.created, 0.0),
        remaining=remaining_seconds(view),
    )


def busy_fraction(view: CampaignView, *, after: int = 1) -> float | None:
    """Give the share of the slots' time that attempts occupied; see the module for the definition.

    Args:
        view: The campaign.
        after: The window begins with this start: 1 for the first, `view.jobs` for the one that fills the slots.

    Returns:
        The share, in [0, 1], or None where the window has no length.
    """
    starts = sorted(attempt.started for attempt in view.attempts if attempt.started is not None)
    if len(starts) < after:
        return None
    first = starts[after - 1]
    last = view.now if _starts_more(view) else starts[-1]
    if last <= first:
        return None
    occupied = sum(max(min(end, last) - max(start, first), 0.0) for start, end in _intervals(view))
    return min(occupied / (view.jobs * (last - first)), 1.0)


def mean_gap(view: CampaignView) -> float | None:
    """Give the mean time from the end of an attempt to the next start in its slot, in seconds, or None."""
    slots: dict[int, list[tuple[float, float]]] = {}
    for attempt in view.attempts:
        end = view.ended(attempt)
        if attempt.started is not None and end is not None:
            slots.setdefault(attempt.worker, []).append((attempt.started, end))
    gaps = [max(start - end, 0.0) for slot in slots.values() for (_, end), (start, _) in pairwise(sorted(slot))]
    return fmean(gaps) if gaps else None


def mean_wait(view: CampaignView) -> float | None:
    """Give the mean time from the submission of an attempt to its start, in seconds, or None."""
    waits = [max(a.started - a.submitted, 0.0) for a in view.attempts if a.started is not None]
    return fmean(waits) if waits else None


def remaining_seconds(view: CampaignView) -> float | None:
    """Estimate the time until the budget of trials is used up.

    Every training is taken to last as long as the completed ones did on average, and every slot to take the next
    trial after the mean gap.

    Returns:
        Seconds; None without a budget of trials, before the first completed trial, or when nothing is at work.
    """
    durations = [seconds for trial in view.trials if (seconds := training_seconds(trial)) is not None]
    budget = view.campaign.budget_trials
    if budget is None or not durations or view.campaign.state is not CampaignState.ACTIVE:
        return None
    duration, gap = fmean(durations), mean_gap(view) or 0.0
    running = [trial for trial in view.trials if is_running(trial)]
    ended = sum(trial.state is not TrialState.PENDING for trial in view.trials)
    free = [max(duration - _age(view, trial), 0.0) for trial in running]
    free += [0.0] * (view.jobs - len(free))
    heapq.heapify(free)
    for _ in range(budget - ended - len(running)):
        heapq.heapreplace(free, free[0] + gap + duration)
    return max(free)


def _intervals(view: CampaignView) -> list[tuple[float, float]]:
    return [
        (attempt.started, end)
        for attempt in view.attempts
        if attempt.started is not None and (end := view.ended(attempt)) is not None
    ]


def _starts_more(view: CampaignView) -> bool:
    """Whether the campaign has still something to start."""
    if view.campaign.state is not CampaignState.ACTIVE:
        return False
    waiting = any(trial.state is TrialState.PENDING and not is_running(trial) for trial in view.trials)
    return waiting or view.campaign.budget_trials is None or len(view.trials) < view.campaign.budget_trials


def _age(view: CampaignView, trial: Trial) -> float:
    return view.now - max(attempt.started or 0.0 for attempt in trial.attempts)
