"""How far the area under an ROC curve, and points on the curve, would move on other patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bohpo.errors import EvaluationError
from bohpo.evaluation.area import areas
from bohpo.evaluation.case import Floats
from bohpo.evaluation.patients import number_patients, sum_by_patient
from bohpo.evaluation.ranking import Integers
from bohpo.evaluation.resampling import GRID_POINTS, check_resampling, draw_until, interval_of, times_drawn
from bohpo.evaluation.roc import ScoredCase, draw_curves, rank_cases, roc
from bohpo.evaluation.small_samples import effective_count, smoothed_variance


@dataclass(frozen=True, slots=True, eq=False)
class RocBootstrap:
    """The area under the ROC curve with its uncertainty, and the curve with its band.

    Attributes:
        estimate: Area on the cases themselves.
        low: Lower end of the interval of the area, see `small_samples`.
        high: Upper end of it; always above `low`.
        variance: Variance of the area, the bootstrap's and that of what few patients leave open; never 0.
        confidence: Coverage that the interval and the band aim at.
        false_positive_rate: (g,) grid from 0 to 1.
        sensitivity: (g,) sensitivity of the curve itself at the grid.
        lower: (g,) lower edge of the pointwise band, made like the interval; at the grid's end 1, as all curves.
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
    """An operating point's sensitivity or specificity, and how far it varies from sample to sample of the patients.

    Attributes:
        figure: On the cases themselves.
        low: Lower end of the interval.
        high: Upper end of it; above `low`, save where a specificity or sensitivity of 0 makes the other 1.
    """

    figure: float
    low: float
    high: float


def bootstrap_roc(
    cases: Sequence[ScoredCase], *, resamples: int = 1000, seed: int = 0, confidence: float = 0.95
) -> RocBootstrap:
    """Measure how much the area under the ROC curve varies from sample to sample of the patients.

    Patients are drawn with replacement, each with all cases. A resample that has cases of one kind only has no curve
    and is drawn again.

    Args:
        cases: Scored cases, one abnormal and one normal at least.
        resamples: Number of resamples, at least 2.
        seed: Seed of the draws, >= 0; the same seed gives the same result.
        confidence: Coverage of the interval and of the band, between 0 and 1.

    Returns:
        Estimate, interval, variance and band.

    Raises:
        EvaluationError: If all cases are of one kind or patient, a score is not finite, or an argument is out of its
            range.

    Source:
        Percentile bootstrap, Efron and Tibshirani 1993, chapter 13; widened for few patients, see `small_samples`.
    """
    ranking, is_normal = rank_cases(cases)
    patients = number_patients([case.patient for case in cases])
    check_resampling(patients, resamples, seed, confidence)
    weights = _draw_weights(is_normal, patients, resamples, seed)
    rates, sensitivities = draw_curves(ranking, is_normal, weights)
    grid = np.linspace(0, 1, GRID_POINTS)
    on_grid = np.array([np.interp(grid, *curve) for curve in zip(rates, sensitivities, strict=True)])
    aucs, curve, n = areas(rates, sensitivities, 1.0), roc(cases), _effective_count(is_normal, patients)
    low, high = interval_of(curve.area, aucs, n, confidence)
    on_curve = np.interp(grid, curve.false_positive_rate, curve.sensitivity)
    lower, upper = interval_of(on_curve, on_grid, n, confidence)
    lower[-1] = upper[-1] = 1.0  # All cases are called abnormal there, whatever their scores.
    return RocBootstrap(
        estimate=curve.area,
        low=float(low),
        high=float(high),
        variance=float(smoothed_variance(curve.area, aucs.var(ddof=1), n)),
        confidence=confidence,
        false_positive_rate=grid,
        sensitivity=on_curve,
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
    """Read points off a classifier's curve, each with its bootstrap interval over the patients.

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
        EvaluationError: If all cases are of one kind or patient, a score is not finite, or an argument is out of its
            range.
    """
    ranking, is_normal = rank_cases(cases)
    patients = number_patients([case.patient for case in cases])
    check_resampling(patients, resamples, seed, confidence)
    for wanted in (*specificities, *sensitivities):
        if not 0 <= wanted <= 1:
            raise EvaluationError(f"an operating point at {wanted} makes no sense; give a number from 0 to 1")
    once = np.ones((1, len(cases)), dtype=np.int64)
    weights = np.concatenate([once, _draw_weights(is_normal, patients, resamples, seed)])
    curves = draw_curves(ranking, is_normal, weights)
    # 1 - 0.88 is not the 0.12 of three false positives among 25 cases.
    rates = [round(1 - wanted, 12) for wanted in specificities]
    figures = np.array(
        [
            [*np.interp(rates, *curve), *(1 - _least_rate(*curve, wanted) for wanted in sensitivities)]
            for curve in zip(*curves, strict=True)
        ]
    )
    lows, highs = interval_of(figures[0], figures[1:], _effective_count(is_normal, patients), confidence)
    is_definition = np.array([*specificities, *sensitivities]) == 0
    ends = (figures[0], np.where(is_definition, figures[0], lows), np.where(is_definition, figures[0], highs))
    return tuple(map(RocInterval, *(each.tolist() for each in ends)))


def _least_rate(false_positive_rate: Floats, sensitivity: Floats, wanted: float) -> float:
    """Compute the least false positive rate at which a sensitivity is reached; linear between points."""
    reached = int(np.searchsorted(sensitivity, wanted, side="left"))
    segment = slice(max(0, reached - 1), reached + 1)
    return float(np.interp(wanted, sensitivity[segment], false_positive_rate[segment]))


def _draw_weights(is_normal: Integers, patients: Integers, resamples: int, seed: int) -> Integers:
    """Draw how often each case counts in each resample of the patients, (r, c); each row has cases of both kinds."""
    normal = sum_by_patient(is_normal, patients)
    abnormal = sum_by_patient(1 - is_normal, patients)

    def has_both(drawn: Integers) -> NDArray[np.bool_]:
        return np.asarray((normal[drawn].sum(axis=1) > 0) & (abnormal[drawn].sum(axis=1) > 0))

    return times_drawn(draw_until(has_both, len(normal), resamples, seed))[:, patients]


def _effective_count(is_normal: Integers, patients: Integers) -> float:
    """Return the effective number of patients of the kind, abnormal or normal, that has fewer."""
    return min(effective_count(sum_by_patient(kind, patients)) for kind in (is_normal, 1 - is_normal))
