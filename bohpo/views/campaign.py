"""What the views look at: a campaign as plain values, whoever read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from bohpo.space import Space
from bohpo.store.records import Campaign, Evaluation, Event
from bohpo.trial import Attempt, AttemptState, Curve, Trial, TrialState, best_trials

QUANTILE_95 = 1.96
"""Half-width of a 95% interval in standard deviations, of a normal distribution."""


Bounds: TypeAlias = tuple[float | None, float | None]
"""Lowest and highest value that an objective can have, each None where there is none."""


class Trials(tuple[Trial, ...]):
    """The trials of a campaign, by number, of which is known already what else would be looked for again and again.

    Attributes:
        ranked: The completed ones, best first.
        pending: Those without an outcome, by number.
        alive: Attempts that may still write their outcome.
    """

    ranked: tuple[Trial, ...]
    pending: tuple[Trial, ...]
    alive: tuple[Attempt, ...]

    @classmethod
    def known(
        cls, trials: Iterable[Trial], ranked: Iterable[Trial], pending: Iterable[Trial], alive: Iterable[Attempt]
    ) -> Trials:
        """Put together what is known."""
        made = cls(trials)
        made.ranked, made.pending, made.alive = tuple(ranked), tuple(pending), tuple(alive)
        return made


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign at one moment.

    Attributes:
        campaign: The campaign's record.
        space: What is searched.
        metric: Name of the objective.
        maximize: Whether more is better.
        jobs: Jobs that the study keeps running at a time.
        trials: All trials with their attempts, by number; `Trials` where their order by value is known.
        curves: Trial number -> curve's name -> curve, of the best few trials.
        evaluations: Scorings on the held-out test cases, in order.
        events: The campaign's history, in order.
        now: The moment, seconds since the epoch.
        bounds: Lowest and highest value that the objective can have.
        limit: Where the integral of a partial area ends, in units of the curve's abscissa, or None.
        driven: When drivers were at work, in order: start and end in seconds since the epoch, None while one is.
        untestable: Why the best trial's model cannot be scored on test cases; None if it can be.
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
    bounds: Bounds = (None, None)
    limit: float | None = None
    driven: tuple[tuple[float, float | None], ...] = ()
    untestable: str | None = None

    @property
    def pauses(self) -> list[tuple[float, float]]:
        """Times without a driver, after the first one began: start and end in seconds since the epoch."""
        over = self.campaign.ended or self.now
        ends = [over if end is None else end for _, end in self.driven]
        starts = [start for start, _ in self.driven[1:]]
        return [(end, start) for end, start in zip(ends, [*starts, over], strict=False) if start > end]

    @property
    def ranked(self) -> Sequence[Trial]:
        """The completed trials, best first."""
        if isinstance(self.trials, Trials):
            return self.trials.ranked
        return best_trials(self.trials, maximize=self.maximize)

    @property
    def best(self) -> Trial | None:
        """The best completed trial, or None before the first."""
        return next(iter(self.ranked), None)

    @property
    def pending(self) -> Sequence[Trial]:
        """The trials without an outcome, by number."""
        if isinstance(self.trials, Trials):
            return self.trials.pending
        return [trial for trial in self.trials if trial.state is TrialState.PENDING]

    @property
    def attempts(self) -> Iterator[Attempt]:
        """All attempts at all trials."""
        return (attempt for trial in self.trials for attempt in trial.attempts)

    @property
    def alive(self) -> Sequence[Attempt]:
        """The attempts that may still write their outcome."""
        if isinstance(self.trials, Trials):
            return self.trials.alive
        return [attempt for attempt in self.attempts if attempt.state.is_alive]

    def interval(self, value: float, variance: float | None) -> tuple[float, float] | None:
        """Give the 95% interval of a score, cut at the bounds; None where its variance was not measured."""
        return interval(value, variance, self.bounds)

    def ended(self, attempt: Attempt) -> float | None:
        """Give the moment until which an attempt occupied its slot: now while it runs, None if it never began."""
        if attempt.started is None:
            return None
        if attempt.ended is not None:
            return max(attempt.ended, attempt.started)
        return max(self.now, attempt.started) if attempt.state.is_alive else attempt.started


def interval(value: float, variance: float | None, bounds: Bounds) -> tuple[float, float] | None:
    """Give the 95% interval of a score, cut at the bounds; None where its variance was not measured."""
    if variance is None:
        return None
    half = QUANTILE_95 * math.sqrt(variance)
    low, high = bounds
    return (max(value - half, -math.inf if low is None else low), min(value + half, math.inf if high is None else high))


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
