"""What the views look at: a campaign as plain values, whoever read them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bohpo.space import Space
from bohpo.store.records import Campaign, Evaluation, Event
from bohpo.trial import Attempt, AttemptState, Curve, Trial, TrialState, best_trials

QUANTILE_95 = 1.96
"""Half-width of a 95% interval in standard deviations, of a normal distribution."""


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign at one moment.

    Attributes:
        campaign: The campaign's record.
        space: What is searched.
        metric: Name of the objective.
        maximize: Whether more is better.
        jobs: Jobs that the study keeps running at a time.
        trials: All trials with their attempts, by number.
        curves: Trial number -> curve's name -> curve, of the best few trials.
        evaluations: Scorings on the held-out test cases, in order.
        events: The campaign's history, in order.
        now: The moment, seconds since the epoch.
        bounds: Lowest and highest value that the objective can have, each None where there is none.
        limit: Where the integral of a partial area ends, in units of the curve's abscissa, or None.
    """

    campaign: Campaign
    space: Space
    metric: str
    maximize: bool
    jobs: int
    trials: tuple[Trial, ...]
    curves: Mapping[int, Mapping[str, Curve]] = field(default_factory=dict)
    evaluations: tuple[Evaluation, ...] = ()
    events: tuple[Event, ...] = ()
    now: float = 0.0
    bounds: tuple[float | None, float | None] = (None, None)
    limit: float | None = None

    @property
    def ranked(self) -> list[Trial]:
        """The completed trials, best first."""
        return best_trials(self.trials, maximize=self.maximize)

    @property
    def best(self) -> Trial | None:
        """The best completed trial, or None before the first."""
        return next(iter(self.ranked), None)

    @property
    def attempts(self) -> Iterator[Attempt]:
        """All attempts at all trials."""
        return (attempt for trial in self.trials for attempt in trial.attempts)

    def interval(self, value: float, variance: float | None) -> tuple[float, float] | None:
        """Give the 95% interval of a score, cut at the bounds; None where its variance was not measured."""
        if variance is None:
            return None
        half = QUANTILE_95 * math.sqrt(variance)
        low, high = self.bounds
        return (
            max(value - half, -math.inf if low is None else low),
            min(value + half, math.inf if high is None else high),
        )

    def ended(self, attempt: Attempt) -> float | None:
        """Give the moment until which an attempt occupied its slot: now while it runs, None if it never began."""
        if attempt.started is None:
            return None
        if attempt.ended is not None:
            return max(attempt.ended, attempt.started)
        return max(self.now, attempt.started) if attempt.state.is_alive else attempt.started


def is_running(trial: Trial) -> bool:
    """Whether a job is at work on the trial, rather than waiting in the queue."""
    return trial.state is TrialState.PENDING and any(
        attempt.state is AttemptState.RUNNING for attempt in trial.attempts
    )


def training_seconds(trial: Trial) -> float | None:
    """Give how long the attempt ran that completed a trial, in seconds; None where none did."""
    for attempt in trial.attempts:
        if attempt.state is AttemptState.COMPLETED and attempt.started is not None and attempt.ended is not None:
            return attempt.ended - attempt.started
    return None
