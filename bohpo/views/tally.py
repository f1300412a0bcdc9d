"""Counts, sums and orders of a campaign's trials, brought up to date by those that changed.

Whoever looks at a campaign again and again keeps one: of 20,000 trials one more result changes a few. What runs is kept
apart from what has ended, since it changes while time passes and nothing else happens.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import inf
from typing import TypeAlias, TypeVar

from bohpo.trial import Attempt, Trial, TrialState, best_trials
from bohpo.views.campaign import Trials, training_seconds

Span: TypeAlias = tuple[float, float]
"""Start and end of an attempt, in seconds since the epoch."""

Key = TypeVar("Key")
Value = TypeVar("Value")
Moment = TypeVar("Moment", float, Span)


class Tally:
    """What is counted over the trials of one campaign.

    Attributes:
        trials: What was counted.
        states: Trials by state.
        alive: Attempts that may still write their outcome, by trial and number.
        starts: When attempts started, ascending.
        ended: When attempts that have ended occupied their slots.
        waited: From submissions to starts.
        gaps: From the end of an attempt to the next start in its slot.
        trained: What trainings took.
    """

    trials: Trials
    states: Counter[TrialState]
    alive: dict[tuple[int, int], Attempt]
    starts: list[float]
    ended: Spans
    waited: Sum
    gaps: Gaps
    trained: Sum

    def __init__(self, trials: Iterable[Trial] = (), *, maximize: bool) -> None:
        """Count `trials`.

        Args:
            trials: By number.
            maximize: Whether more is better.
        """
        self._sign = -1.0 if maximize else 1.0
        self._forget()
        self.update(tuple(trials))

    def update(self, trials: Sequence[Trial]) -> Trials:
        """Count what differs from the trials that were counted last.

        Args:
            trials: All of them, by number; those that did not change are the very same objects.

        Returns:
            The trials, with what is known of them.
        """
        if len(trials) < len(self.trials):  # another database is in its place
            self._forget()
        changed = [(old, new) for old, new in zip(self.trials, trials, strict=False) if old is not new]
        gone = [old for old, _ in changed]
        come = [*(new for _, new in changed), *trials[len(self.trials) :]]
        for trial in gone:
            self._count(trial, -1)
        for trial in come:
            self._count(trial, 1)
        self._rank(trials, gone, come)
        self.trials = Trials.known(
            trials, self._ranked, (self._pending[number] for number in sorted(self._pending)), self.alive.values()
        )
        return self.trials

    def _forget(self) -> None:
        self.trials = Trials.known((), (), (), ())
        self.states = Counter()
        self.alive = {}
        self.starts = []
        self.ended = Spans()
        self.waited = Sum()
        self.gaps = Gaps()
        self.trained = Sum()
        self._pending: dict[int, Trial] = {}
        self._order: list[tuple[float, int]] = []
        self._ranked: list[Trial] = []

    def _count(self, trial: Trial, times: int) -> None:
        """Count a trial in (1) or out (-1)."""
        self.states[trial.state] += times
        if trial.state is TrialState.PENDING:
            _keep(self._pending, trial.number, trial, times)
        if (seconds := training_seconds(trial)) is not None:
            self.trained.count(seconds, times)
        for attempt in trial.attempts:
            self._count_attempt(attempt, times)

    def _rank(self, trials: Sequence[Trial], gone: Sequence[Trial], come: Sequence[Trial]) -> None:
        """Put the trials in order: all at once the first time, then those that changed."""
        if not self.trials:
            self._ranked = best_trials(trials, maximize=self._sign < 0)
            self._order = [self._place_of(trial) for trial in self._ranked]
            return
        for trial in gone:
            if _is_scored(trial):
                at = bisect_left(self._order, self._place_of(trial))
                del self._order[at], self._ranked[at]
        for trial in come:
            if _is_scored(trial):
                place = self._place_of(trial)
                at = bisect_left(self._order, place)
                self._order.insert(at, place)
                self._ranked.insert(at, trial)

    def _place_of(self, trial: Trial) -> tuple[float, int]:
        """Give what sorts the best trial first, and of equal ones the earlier."""
        return self._sign * (trial.value or 0.0), trial.number

    def _count_attempt(self, attempt: Attempt, times: int) -> None:
        if attempt.state.is_alive:
            _keep(self.alive, (attempt.trial, attempt.number), attempt, times)
        if attempt.started is None:
            return
        _place(self.starts, attempt.started, times)
        self.waited.count(max(attempt.started - attempt.submitted, 0.0), times)
        if attempt.state.is_alive and attempt.ended is None:
            self.gaps.count(attempt.worker, (attempt.started, inf), times)
            return
        span = (attempt.started, max(attempt.ended or attempt.started, attempt.started))
        self.ended.count(span, times)
        self.gaps.count(attempt.worker, span, times)


class Sum:
    """A sum of durations, in seconds, and how many they are."""

    def __init__(self) -> None:
        """Begin with none."""
        self.seconds, self.terms = 0.0, 0

    def count(self, seconds: float, times: int) -> None:
        """Count a duration in (1) or out (-1)."""
        self.seconds += times * seconds
        self.terms += times

    @property
    def mean(self) -> float | None:
        """The mean, or None of none."""
        return max(self.seconds, 0.0) / self.terms if self.terms else None


class Spans:
    """When attempts occupied slots, of those that have ended."""

    def __init__(self) -> None:
        """Begin with none."""
        self._by_start: list[Span] = []
        self._by_end: list[Span] = []
        self._whole = Sum()

    def count(self, span: Span, times: int) -> None:
        """Count a span in (1) or out (-1)."""
        start, end = span
        _place(self._by_start, span, times)
        _place(self._by_end, (end, start), times)
        self._whole.count(end - start, times)

    def within(self, first: float, last: float) -> float:
        """Give the seconds of all spans together that lie between two moments."""
        begun_before = self._by_start[: bisect_left(self._by_start, (first, -inf))]
        ended_after = self._by_end[bisect_left(self._by_end, (last, -inf)) :]
        outside = sum(min(end, first) - start for start, end in begun_before)
        outside += sum(end - max(start, last) for end, start in ended_after)
        return self._whole.seconds - outside

    def overlapping(self, first: float, last: float) -> list[Span]:
        """Return the spans that have a part between two moments, by start."""
        begun = self._by_start[: bisect_left(self._by_start, (last, -inf))]
        return [span for span in begun if span[1] > first]


class Gaps:
    """Time between the end of an attempt and the next start in its slot."""

    def __init__(self) -> None:
        """Begin with none."""
        self._slots: dict[int, list[Span]] = {}
        self._sum = Sum()

    @property
    def mean(self) -> float | None:
        """The mean, in seconds, or None where no slot began a second attempt."""
        return self._sum.mean

    def mean_without(self, pauses: Sequence[Span]) -> float | None:
        """Return the mean of what is left of the gaps without pauses, in seconds; None as for `mean`.

        Args:
            pauses: Start and end of each; they do not overlap.
        """
        if self.mean is None:
            return None
        return max(self.mean - sum(self._within(*pause) for pause in pauses) / self._sum.terms, 0.0)

    def _within(self, first: float, last: float) -> float:
        """Add up the parts of gaps between two moments."""
        seconds = 0.0
        for spans in self._slots.values():
            at = max(bisect_left(spans, (first, -inf)) - 1, 0)
            for (_, end), (start, _) in pairwise(spans[at:]):
                if end >= last:
                    break
                seconds += max(min(start, last) - max(end, first), 0.0)
        return seconds

    def count(self, slot: int, span: Span, times: int) -> None:
        """Count an attempt in (1) or out (-1); the end of one that runs is infinite."""
        spans = self._slots.setdefault(slot, [])
        at = bisect_left(spans, span)
        around = spans[max(at - 1, 0) : at], spans[at + (times < 0) : at + (times < 0) + 1]
        self._count_between((*around[0], *around[1]), -times)
        self._count_between((*around[0], span, *around[1]), times)
        _place(spans, span, times)

    def _count_between(self, spans: Sequence[Span], times: int) -> None:
        for (_, end), (start, _) in pairwise(spans):
            self._sum.count(max(start - end, 0.0), times)


def _is_scored(trial: Trial) -> bool:
    return trial.state is TrialState.COMPLETE and trial.value is not None


def _keep(kept: dict[Key, Value], key: Key, value: Value, times: int) -> None:
    if times > 0:
        kept[key] = value
    else:
        kept.pop(key, None)


def _place(ordered: list[Moment], value: Moment, times: int) -> None:
    """Put a value where it belongs (1), or take it away (-1)."""
    if times > 0:
        insort(ordered, value)
    else:
        del ordered[bisect_left(ordered, value)]
