"""Where on its curve a detector may be run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bohpo.errors import EvaluationError
from bohpo.evaluation.area import CPM_FPS_PER_CASE
from bohpo.evaluation.case import Case
from bohpo.evaluation.curve import FrocCurve, froc
from bohpo.evaluation.matching import MatchedCase, match_all
from bohpo.evaluation.ranking import Ranking
from bohpo.evaluation.resampling import BLOCK_ELEMENTS, check_resampling, draw_resamples, tails, times_drawn


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A point of an FROC curve.

    Attributes:
        fps_per_case: False positives per case; None where the curve never reaches the sensitivity.
        sensitivity: Share of the lesions that are detected.
    """

    fps_per_case: float | None
    sensitivity: float


@dataclass(frozen=True, slots=True)
class OperatingInterval:
    """An operating point, and how far the figure that was asked for varies from sample to sample of the cases.

    Attributes:
        point: The point on the cases themselves.
        low: Lower end of the percentile interval: of the sensitivity at given false positives per case, or of the false
            positives per case at a given sensitivity.
        high: Upper end of it; both are None where too many samples never reach the sensitivity.
    """

    point: OperatingPoint
    low: float | None
    high: float | None


def operating_points(
    curve: FrocCurve,
    *,
    fps_per_case: Sequence[float] = CPM_FPS_PER_CASE,
    sensitivities: Sequence[float] = (),
) -> tuple[OperatingPoint, ...]:
    """Read points off a curve, by their false positives and by their sensitivity.

    Args:
        curve: FROC curve.
        fps_per_case: False positives per case at which the sensitivity is wanted, >= 0 each.
        sensitivities: Sensitivities whose least false positives per case are wanted, 0 to 1 each.

    Returns:
        One point per figure asked for, in that order.

    Raises:
        EvaluationError: If one of `fps_per_case` is not finite and >= 0, or one of `sensitivities` not in 0 to 1.
    """
    by_fps = [OperatingPoint(fps, curve.at(fps)) for fps in fps_per_case]
    by_sensitivity = [OperatingPoint(_least_fps(curve, wanted), wanted) for wanted in sensitivities]
    return (*by_fps, *by_sensitivity)


def operating_intervals(
    cases: Sequence[Case] | Sequence[MatchedCase],
    *,
    fps_per_case: Sequence[float] = CPM_FPS_PER_CASE,
    sensitivities: Sequence[float] = (),
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[OperatingInterval, ...]:
    """Read points off a detector's curve, each with its bootstrap interval over the cases.

    Args:
        cases: c cases, lesion-free ones included, matched or not; at least 2.
        fps_per_case: False positives per case at which the sensitivity is wanted, >= 0 each.
        sensitivities: Sensitivities whose least false positives per case are wanted, 0 to 1 each.
        resamples: Number of resamples, at least 2.
        seed: Seed of the draws, >= 0; the same resamples as those of `bootstrap`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        One interval per figure asked for, in that order.

    Raises:
        EvaluationError: If there is no lesion, there are fewer than 2 cases, or an argument is out of its range.

    Source:
        Percentile bootstrap, Efron and Tibshirani 1993, chapter 13.
    """
    check_resampling(len(cases), resamples, seed, confidence)
    matched = match_all(cases)
    wanted = {"fps_per_case": fps_per_case, "sensitivities": sensitivities}
    points = operating_points(froc(matched), **wanted)
    figures = np.array([_figures(curve, **wanted) for curve in _resampled_curves(matched, resamples, seed)])
    # An order statistic each: between a finite figure and infinity there is nothing to interpolate.
    lows, highs = np.quantile(figures, tails(confidence), axis=0, method="nearest")
    return tuple(map(OperatingInterval, points, map(_finite, lows), map(_finite, highs)))


def _resampled_curves(cases: Sequence[MatchedCase], resamples: int, seed: int) -> Iterator[FrocCurve]:
    ranking = Ranking.of(cases)
    weights = times_drawn(draw_resamples(ranking.lesions_per_case, resamples, seed))
    rows = max(1, BLOCK_ELEMENTS // len(ranking.thresholds))
    for start in range(0, resamples, rows):
        block = weights[start : start + rows]
        lesions = block @ ranking.lesions_per_case
        for fps, sensitivity, n_lesions in zip(*ranking.curves(block), lesions, strict=True):
            yield FrocCurve(fps, sensitivity, ranking.thresholds, int(n_lesions), len(cases))


def _figures(curve: FrocCurve, fps_per_case: Sequence[float], sensitivities: Sequence[float]) -> list[float]:
    """Give the figures asked for; infinity for false positives per case that are never enough."""
    least = (_least_fps(curve, wanted) for wanted in sensitivities)
    return [*(curve.at(fps) for fps in fps_per_case), *(np.inf if fps is None else fps for fps in least)]


def _finite(figure: float) -> float | None:
    return float(figure) if np.isfinite(figure) else None


def _least_fps(curve: FrocCurve, sensitivity: float) -> float | None:
    if not 0 <= sensitivity <= 1:
        raise EvaluationError(f"a sensitivity of {sensitivity} makes no sense; give a number from 0 to 1")
    reached = int(np.searchsorted(curve.sensitivity, sensitivity, side="left"))
    if reached == len(curve.sensitivity):
        return None
    if reached == 0:
        return 0.0
    segment = slice(reached - 1, reached + 1)
    return float(np.interp(sensitivity, curve.sensitivity[segment], curve.fps_per_case[segment]))
