"""The ROC curve of scores of whole cases, its area, and how far both would move on other cases.

A case that is abnormal counts as one lesion, detected at the case's score; a normal one as one false alarm at its
score. So the ranking of detectors' marks serves here, too; false positives are counted per normal case instead of per
case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bohpo.errors import EvaluationError
from bohpo.evaluation.area import areas
from bohpo.evaluation.case import Floats
from bohpo.evaluation.matching import MatchedCase
from bohpo.evaluation.ranking import Integers, Ranking
from bohpo.evaluation.resampling import GRID_POINTS, check_resampling, draw_until, tails, times_drawn


@dataclass(frozen=True, slots=True)
class ScoredCase:
    """A case as a classifier scored it.

    Attributes:
        name: What errors call the case.
        score: Greater is more suspicious; any scale.
        is_abnormal: What the case is in truth.
    """

    name: str
    score: float
    is_abnormal: bool


@dataclass(frozen=True, slots=True, eq=False)
class RocCurve:
    """A receiver operating characteristic: one point per distinct score, from (0, 0) to (1, 1).

    Attributes:
        false_positive_rate: (t,) share of the normal cases that are called abnormal, 1 - specificity; never descending.
        sensitivity: (t,) share of the abnormal cases that are called so; never descending.
        thresholds: (t,) lowest score that is called abnormal, descending; infinity at the first.
        n_abnormal: Number of abnormal cases.
        n_normal: Number of normal cases.
    """

    false_positive_rate: Floats
    sensitivity: Floats
    thresholds: Floats
    n_abnormal: int
    n_normal: int

    @property
    def area(self) -> float:
        """Area under the curve: the share of pairs whose abnormal case scores higher, ties counted as half."""
        return float(areas(self.false_positive_rate, self.sensitivity, 1.0))

    @property
    def youden_threshold(self) -> float:
        """The lowest score to call abnormal where sensitivity + specificity is greatest; the highest such score.

        Source:
            Youden, Cancer 3 (1950).
        """
        return float(self.thresholds[1:][np.argmax((self.sensitivity - self.false_positive_rate)[1:])])

    def at(self, false_positive_rate: float) -> float:
        """Interpolate the sensitivity at a false positive rate; the greater one where the curve jumps.

        Raises:
            EvaluationError: If `false_positive_rate` is not between 0 and 1.
        """
        if not 0 <= false_positive_rate <= 1:
            raise EvaluationError(f"a false positive rate of {false_positive_rate} makes no sense; give one of 0 to 1")
        return float(np.interp(false_positive_rate, self.false_positive_rate, self.sensitivity))


@dataclass(frozen=True, slots=True, eq=False)
class RocBootstrap:
    """The area under the ROC curve with its uncertainty, and the curve with its band.

    Attributes:
        estimate: Area on the cases themselves.
        low: Lower end of the percentile interval of the area.
        high: Upper end of it.
        variance: Sample variance of the area over the resamples.
        confidence: Coverage that the interval and the band aim at.
        false_positive_rate: (g,) grid from 0 to 1.
        sensitivity: (g,) sensitivity of the curve itself at the grid.
        lower: (g,) lower edge of the pointwise percentile band.
        upper: (g,) upper edge of it.
    """

    estimate: float
    low: float
    high: float
    variance: float
    confidence: float
    false_positive_rate: Floats
    sensitivity: Floats
    lower: Floats
    upper: Floats


class RocInterval(NamedTuple):
    """An operating point's sensitivity or specificity, and how far it varies from sample to sample of the cases.

    Attributes:
        figure: On the cases themselves.
        low: Lower end of the percentile interval.
        high: Upper end of it.
    """

    figure: float
    low: float
    high: float


def roc(cases: Sequence[ScoredCase]) -> RocCurve:
    """Draw the ROC curve of a classifier of cases.

    Args:
        cases: Scored cases, one abnormal and one normal at least.

    Returns:
        The curve; cases of equal score enter together, as one point.

    Raises:
        EvaluationError: If all cases are of one kind, or a score is not finite.
    """
    ranking, is_normal = _rank(cases)
    [false_positive_rate], [sensitivity] = _curves(ranking, is_normal, np.ones((1, len(cases)), dtype=np.int64))
    n_normal = int(is_normal.sum())
    return RocCurve(false_positive_rate, sensitivity, ranking.thresholds, len(cases) - n_normal, n_normal)


def bootstrap_roc(
    cases: Sequence[ScoredCase], *, resamples: int = 1000, seed: int = 0, confidence: float = 0.95
) -> RocBootstrap:
    """Measure how much the area under the ROC curve varies from sample to sample of the cases.

    Cases are drawn with replacement; a resample that has cases of one kind only has no curve and is drawn again.

    Args:
        cases: Scored cases, one abnormal and one normal at least.
        resamples: Number of resamples, at least 2.
        seed: Seed of the draws, >= 0; the same seed gives the same result.
        confidence: Coverage of the interval and of the band, between 0 and 1.

    Returns:
        Estimate, interval, variance and band.

    Raises:
        EvaluationError: If all cases are of one kind, a score is not finite, or an argument is out of its range.

    Source:
        Percentile bootstrap, Efron and Tibshirani 1993, chapter 13.
    """
    ranking, is_normal = _rank(cases)
    check_resampling(len(cases), resamples, seed, confidence)
    weights = times_drawn(_draw(is_normal, resamples, seed))
    rates, sensitivities = _curves(ranking, is_normal, weights)
    grid = np.linspace(0, 1, GRID_POINTS)
    on_grid = np.array([np.interp(grid, *curve) for curve in zip(rates, sensitivities, strict=True)])
    aucs, curve = areas(rates, sensitivities, 1.0), roc(cases)
    low, high = np.quantile(aucs, tails(confidence))
    lower, upper = np.quantile(on_grid, tails(confidence), axis=0)
    return RocBootstrap(
        estimate=curve.area,
        low=float(low),
        high=float(high),
        variance=float(aucs.var(ddof=1)),
        confidence=confidence,
        false_positive_rate=grid,
        sensitivity=np.interp(grid, curve.false_positive_rate, curve.sensitivity),
        lower=lower,
        upper=upper,
    )


def roc_operating_intervals(
    cases: Sequence[ScoredCase],
    *,
    specificities: Sequence[float] = (),
    sensitivities: Sequence[float] = (),
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[RocInterval, ...]:
    """Read points off a classifier's curve, each with its bootstrap interval over the cases.

    Args:
        cases: Scored cases, one abnormal and one normal at least.
        specificities: Specificities at which the sensitivity is wanted, 0 to 1 each.
        sensitivities: Sensitivities at which the specificity is wanted, 0 to 1 each.
        resamples: Number of resamples, at least 2.
        seed: Seed of the draws, >= 0; the same resamples as those of `bootstrap_roc`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        One interval per figure asked for, in that order.

    Raises:
        EvaluationError: If all cases are of one kind, a score is not finite, or an argument is out of its range.
    """
    ranking, is_normal = _rank(cases)
    check_resampling(len(cases), resamples, seed, confidence)
    for wanted in (*specificities, *sensitivities):
        if not 0 <= wanted <= 1:
            raise EvaluationError(f"an operating point at {wanted} makes no sense; give a number from 0 to 1")
    once = np.ones((1, len(cases)), dtype=np.int64)
    curves = _curves(ranking, is_normal, np.concatenate([once, times_drawn(_draw(is_normal, resamples, seed))]))
    # 1 - 0.88 is not the 0.12 of three false positives among 25 cases.
    rates = [round(1 - wanted, 12) for wanted in specificities]
    figures = np.array(
        [
            [*np.interp(rates, *curve), *(1 - _least_rate(*curve, wanted) for wanted in sensitivities)]
            for curve in zip(*curves, strict=True)
        ]
    )
    lows, highs = np.quantile(figures[1:], tails(confidence), axis=0)
    return tuple(map(RocInterval, figures[0].tolist(), lows.tolist(), highs.tolist()))


def _least_rate(false_positive_rate: Floats, sensitivity: Floats, wanted: float) -> float:
    """Give the least false positive rate at which a sensitivity is reached; linear between points."""
    reached = int(np.searchsorted(sensitivity, wanted, side="left"))
    segment = slice(max(0, reached - 1), reached + 1)
    return float(np.interp(wanted, sensitivity[segment], false_positive_rate[segment]))


def _rank(cases: Sequence[ScoredCase]) -> tuple[Ranking, Integers]:
    """Rank the cases' scores, and tell which (c,) are normal, as 0 and 1."""
    for case in cases:
        if not np.isfinite(case.score):
            raise EvaluationError(f"{case.name}: its score is {case.score}; give a finite number")
    is_normal = np.array([not case.is_abnormal for case in cases], dtype=np.int64)
    if len({*is_normal.tolist()}) < 2:
        kind = "normal" if is_normal.any() else "abnormal"
        raise EvaluationError(f"all {len(cases)} cases are {kind}, so nothing is told apart; add cases of both kinds")
    none = np.empty(0)
    scores = [np.array([case.score]) for case in cases]
    matched = [
        MatchedCase(score, none) if case.is_abnormal else MatchedCase(none, score)
        for case, score in zip(cases, scores, strict=True)
    ]
    return Ranking.of(matched), is_normal


def _curves(ranking: Ranking, is_normal: Integers, weights: Integers) -> tuple[Floats, Floats]:
    """Give false positive rates and sensitivities, (r, t) each, for the weightings (r, c) of the cases."""
    fps_per_case, sensitivity = ranking.curves(weights)
    # The counts again, without the rounding of the division: the last rate must be 1, neither more nor less.
    false_positives = np.rint(fps_per_case * weights.sum(axis=1, keepdims=True))
    return false_positives / (weights @ is_normal)[:, np.newaxis], sensitivity


def _draw(is_normal: Integers, resamples: int, seed: int) -> Integers:
    """Draw the cases of each resample, (r, c); each row has both kinds."""
    n_cases = len(is_normal)
    return draw_until(lambda drawn: is_normal[drawn].sum(axis=1) % n_cases > 0, n_cases, resamples, seed)
