"""Where a campaign stands, in figures.

Busy fraction. An attempt occupies its slot from its start to its end, or to now while it runs; waiting in the queue
occupies nothing. The fraction is the occupied slot-seconds in a window, over `jobs` times the window's length. The
window begins with the first start. It ends with the last start once nothing is left to start, for then slots run
empty by design; before that it ends now, so that a campaign which starts nothing is seen to idle. `busy_after` leaves
out the burst at the beginning: its window begins with the start that filled the last of the `jobs` slots.

Pauses. A time without a driver is no idle time: in it a slot counts while an attempt occupies it, and else not at all.
Neither does a gap between two jobs count it. `elapsed` leaves out what of it no attempt was at work in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bohpo.store.records import CampaignState
from bohpo.trial import Trial, TrialState
from bohpo.views.campaign import CampaignView, is_running
from bohpo.views.failures import CommonFailure, find_common_failure
from bohpo.views.tally import Span, Tally


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
        elapsed: Seconds since the launch, until the end if it has ended, without pauses.
        paused: Seconds without a driver and without an attempt at work since the first driver began.
        failure: Why there is no result although trials failed, or None.
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
    paused: float = 0.0
    failure: CommonFailure | None = None


def status(view: CampaignView, tally: Tally | None = None) -> Status:
    """Sum up where a campaign stands.

    Args:
        view: The campaign.
        tally: Its trials, counted; None to count them now.
    """
    tally = tally or Tally(view.trials, maximize=view.maximize)
    best = next(iter(tally.trials.ranked), None)
    complete, failed = tally.states[TrialState.COMPLETE], tally.states[TrialState.FAILED]
    running = sum(is_running(trial) for trial in tally.trials.pending)
    budget, paused = view.campaign.budget_trials, paused_seconds(view, tally)
    return Status(
        complete=complete,
        failed=failed,
        running=running,
        queued=len(tally.trials.pending) - running,
        left=None if budget is None else max(budget - complete - failed, 0),
        best=best,
        interval=None if best is None or best.value is None else view.interval(best.value, best.variance),
        busy=busy_fraction(view, tally),
        busy_after=busy_fraction(view, tally, after=view.jobs),
        mean_gap=tally.gaps.mean_without(view.pauses),
        mean_wait=tally.waited.mean,
        elapsed=max((view.campaign.ended or view.now) - view.campaign.created - paused, 0.0),
        remaining=remaining_seconds(view, tally),
        paused=paused,
        failure=find_common_failure(view.trials) if best is None and failed else None,
    )


def busy_fraction(view: CampaignView, tally: Tally | None = None, *, after: int = 1) -> float | None:
    """Give the share of the slots' time that attempts occupied; see the module for the definition.

    Args:
        view: The campaign.
        tally: Its trials, counted; None to count them now.
        after: The window begins with this start: 1 for the first, `view.jobs` for the one that fills the slots.

    Returns:
        The share, in [0, 1], or None where the window has no length.
    """
    tally = tally or Tally(view.trials, maximize=view.maximize)
    starts = tally.starts
    if len(starts) < after:
        return None
    first = starts[after - 1]
    last = view.now if _starts_more(view, tally) else starts[-1]
    if last <= first:
        return None
    available = view.jobs * (last - first)
    for start, end in _clipped(view.pauses, first, last):
        available -= max(view.jobs * (end - start) - _occupied(view, tally, start, end), 0.0)
    return min(_occupied(view, tally, first, last) / available, 1.0) if available > 0 else None


def paused_seconds(view: CampaignView, tally: Tally) -> float:
    """Return the seconds in which neither a driver nor an attempt was at work, since the first driver began."""
    seconds = 0.0
    for first, last in view.pauses:
        spans = sorted([*tally.ended.overlapping(first, last), *_running_spans(view, tally)])
        seconds += last - first
        at = first
        for start, end in _clipped(spans, first, last):
            seconds -= max(end - max(start, at), 0.0)
            at = max(at, end)
    return seconds


def _occupied(view: CampaignView, tally: Tally, first: float, last: float) -> float:
    """Return the slot-seconds between two moments in which attempts were at work."""
    running = _clipped(_running_spans(view, tally), first, last)
    return tally.ended.within(first, last) + sum(end - start for start, end in running)


def _running_spans(view: CampaignView, tally: Tally) -> list[Span]:
    """Return when the attempts that run have run so far."""
    alive = (attempt.started for attempt in tally.alive.values() if attempt.ended is None)
    return [(start, view.now) for start in alive if start is not None]


def _clipped(spans: Iterable[Span], first: float, last: float) -> list[Span]:
    """Return the parts of spans between two moments."""
    parts = ((max(start, first), min(end, last)) for start, end in spans)
    return [(start, end) for start, end in parts if end > start]


def remaining_seconds(view: CampaignView, tally: Tally) -> float | None:
    """Estimate the time until the budget of trials is used up.

    Every training is taken to last as long as the completed ones did on average, and every slot to take the next
    trial after the mean gap.

    Returns:
        Seconds; None without a budget of trials, before the first completed trial, or when nothing is at work.
    """
    duration, budget = tally.trained.mean, view.campaign.budget_trials
    if budget is None or duration is None or view.campaign.state is not CampaignState.ACTIVE:
        return None
    running = [trial for trial in tally.trials.pending if is_running(trial)]
    ended = len(tally.trials) - len(tally.trials.pending)
    free = [max(duration - _age(view, trial), 0.0) for trial in running]
    free = sorted([*free, *[0.0] * (view.jobs - len(free))])
    # No slot is busy for longer than a training lasts, so they take the next trials in turns, each round of them alike.
    round_s = (tally.gaps.mean or 0.0) + duration
    rounds, rest = divmod(max(budget - ended - len(running), 0), len(free))
    return max([free[-1] + rounds * round_s, *[free[rest - 1] + (rounds + 1) * round_s] * (rest > 0)])


def _starts_more(view: CampaignView, tally: Tally) -> bool:
    """Whether the campaign has still something to start."""
    if view.campaign.state is not CampaignState.ACTIVE:
        return False
    waiting = any(not is_running(trial) for trial in tally.trials.pending)
    return waiting or view.campaign.budget_trials is None or len(tally.trials) < view.campaign.budget_trials


def _age(view: CampaignView, trial: Trial) -> float:
    return view.now - max(attempt.started or 0.0 for attempt in trial.attempts)
