"""Where on its curve a detector may be run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bohpo.errors import EvaluationError
from bohpo.evaluation.area import CPM_FPS_PER_CASE
from bohpo.evaluation.case import Case, Floats
from bohpo.evaluation.curve import FrocCurve, froc
from bohpo.evaluation.matching import MatchedCase, match_all
from bohpo.evaluation.patients import number_patients, sum_by_patient
from bohpo.evaluation.ranking import Integers, Ranking
from bohpo.evaluation.resampling import BLOCK_ELEMENTS, check_resampling, draw_weights, tails
from bohpo.evaluation.small_samples import effective_count, rate_interval, score_interval


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
    """An operating point, and how far the figure that was asked for varies between samples of the patients.

    Attributes:
        point: The point on the cases themselves.
        low: Lower end of the interval: of the sensitivity at given false positives per case, or of the false positives
            per case at a given sensitivity.
        high: Upper end of it, always above `low`. Each is None where too many samples never reach the sensitivity.
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
    """Read points off a detector's curve, each with its bootstrap interval over the patients.

    Args:
        cases: c cases, lesion-free ones included, matched or not; of at least 2 patients.
        fps_per_case: False positives per case at which the sensitivity is wanted, >= 0 each.
        sensitivities: Sensitivities whose least false positives per case are wanted, 0 to 1 each.
        resamples: Number of resamples, at least 2.
        seed: Seed of the draws, >= 0; the same resamples as those of `bootstrap`.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        One interval per figure asked for, in that order.

    Raises:
        EvaluationError: If there is no lesion, there are fewer than 2 patients, or an argument is out of its range.

    Source:
        Percentile bootstrap, Efron and Tibshirani 1993, chapter 13; widened for few patients, see `small_samples`.
    """
    matched = match_all(cases)
    patients = number_patients([case.patient for case in matched])
    check_resampling(patients, resamples, seed, confidence)
    ranking, wanted = Ranking.of(matched), {"fps_per_case": fps_per_case, "sensitivities": sensitivities}
    points, weights = operating_points(froc(matched), **wanted), draw_weights(ranking, patients, resamples, seed)
    figures = np.array([_figures(curve, **wanted) for curve in _resampled_curves(ranking, weights)])
    n_lesion_patients = effective_count(sum_by_patient(ranking.lesions_per_case, patients))
    n_patients = effective_count(sum_by_patient(np.ones_like(patients), patients))
    greatest = ranking.greatest_sensitivity
    sure, _ = _sensitivity_interval(greatest, figures[:, 0], n_lesion_patients, confidence)
    intervals = [
        _sensitivity_interval(point.sensitivity, column, n_lesion_patients, confidence)
        if index < len(fps_per_case)
        else _fps_interval(point, column, n_patients, confidence, is_sure=point.sensitivity <= sure)
        for index, (point, column) in enumerate(zip(points, figures[:, 1:].T, strict=True))
    ]
    return tuple(OperatingInterval(point, *interval) for point, interval in zip(points, intervals, strict=True))


def _figures(curve: FrocCurve, fps_per_case: Sequence[float], sensitivities: Sequence[float]) -> list[float]:
    """Return the last sensitivity of a curve, then the figures asked for; infinity for what is never reached."""
    least = (_least_fps(curve, wanted) for wanted in sensitivities)
    at_fps = (curve.at(fps) for fps in fps_per_case)
    return [float(curve.sensitivity[-1]), *at_fps, *(np.inf if fps is None else fps for fps in least)]


def _sensitivity_interval(figure: float, resampled: Floats, n: float, confidence: float) -> tuple[float, float]:
    """Compute the interval of a sensitivity from those of the resamples (r,), n patients having lesions."""
    # An order statistic: resampled sensitivities are shares, and no share lies between two of them.
    low, high = np.quantile(resampled, tails(confidence), method="nearest")
    least, most = score_interval(figure, float(resampled.var(ddof=1)), n, confidence)
    return min(float(low), float(least)), max(float(high), float(most))


def _fps_interval(
    point: OperatingPoint, resampled: Floats, n: float, confidence: float, *, is_sure: bool
) -> tuple[float | None, float | None]:
    """Compute the interval of the least false positives per case at a sensitivity.

    Args:
        point: The point on the cases themselves.
        resampled: (r,) least false positives per case of each resample; infinity where it never reaches the point.
        n: Effective number of patients.
        confidence: Coverage.
        is_sure: Whether the interval of the greatest sensitivity of all lies above that of the point.
    """
    # An order statistic each: between a finite figure and infinity there is nothing to interpolate.
    low, high = np.quantile(resampled, tails(confidence), method="nearest")
    if point.fps_per_case is not None:
        least, most = rate_interval(point.fps_per_case, n, confidence)
        low, high = min(low, least), max(high, most)
    return _finite(low), _finite(high) if is_sure else None


def _resampled_curves(ranking: Ranking, weights: Integers) -> Iterator[FrocCurve]:
    rows = max(1, BLOCK_ELEMENTS // len(ranking.thresholds))
    for start in range(0, len(weights), rows):
        block = weights[start : start + rows]
        counts = zip(block @ ranking.lesions_per_case, block.sum(axis=1), strict=True)
        for fps, sensitivity, (n_lesions, n_cases) in zip(*ranking.curves(block), counts, strict=True):
            yield FrocCurve(fps, sensitivity, ranking.thresholds, int(n_lesions), int(n_cases))


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
