"""Where a campaign stands, in figures.

Busy fraction. An attempt occupies its slot from its start to its end, or to now while it runs; waiting in the queue
occupies nothing. The fraction is the occupied slot-seconds in a window, over `jobs` times the window's length. The
window begins with the first start. It ends with the last start once nothing is left to start, for then slots run
empty by design; before that it ends now, so that a campaign which starts nothing is seen to idle. `busy_after` leaves
out the burst at the beginning: its window begins with the start that filled the last of the `jobs` slots.
"""

from __future__ import annotations

from dataclasses import dataclass

from bohpo.store.records import CampaignState
from bohpo.trial import Trial, TrialState
from bohpo.views.campaign import CampaignView, is_running
from bohpo.views.tally import Tally


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
    budget = view.campaign.budget_trials
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
        mean_gap=tally.gaps.mean,
        mean_wait=tally.waited.mean,
        elapsed=max((view.campaign.ended or view.now) - view.campaign.created, 0.0),
        remaining=remaining_seconds(view, tally),
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
    running = (attempt.started for attempt in tally.alive.values() if attempt.ended is None)
    occupied = sum(max(min(view.now, last) - max(start, first), 0.0) for start in running if start is not None)
    return min((occupied + tally.ended.within(first, last)) / (view.jobs * (last - first)), 1.0)


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
