"""How far a score would move on other patients: the bootstrap over patients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bohpo.errors import EvaluationError
from bohpo.evaluation.area import areas, check_limit
from bohpo.evaluation.case import Case, Floats
from bohpo.evaluation.matching import MatchedCase, match_all
from bohpo.evaluation.patients import check_patients, number_patients, sum_by_patient
from bohpo.evaluation.ranking import Integers, Ranking
from bohpo.evaluation.small_samples import effective_count, score_interval, smoothed_variance

GRID_POINTS = 101

BLOCK_ELEMENTS = 100_000
"""Counts per block of resamples: some arrays of this size stay in a core's cache, and memory stays bounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """The normalised partial area with its uncertainty, and the curve with its band.

    Attributes:
        estimate: Normalised partial area on the cases themselves.
        low: Lower end of the interval of the area, see `small_samples`.
        high: Upper end of it; always above `low`.
        variance: Variance of the area, the bootstrap's and that of what few patients leave open; never 0.
        confidence: Coverage that the interval and the band aim at.
        fps_per_case: (g,) grid of false positives per case, 0 to the limit.
        sensitivity: (g,) sensitivity of the curve itself at the grid.
        lower: (g,) lower edge of the pointwise band, made like the interval.
        upper: (g,) upper edge of it.
    """

    estimate: float
    low: float
    high: float
    variance: float
    confidence: float
    fps_per_case: Floats
    sensitivity: Floats
    lower: Floats
    upper: Floats


def bootstrap(
    cases: Sequence[Case] | Sequence[MatchedCase],
    limit: float,
    *,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Bootstrap:
    """Measure how much the normalised partial area varies from sample to sample of the patients.

    Patients are drawn with replacement, each with all cases, lesions and marks, since those of one patient are not
    independent. A resample without any lesion has no sensitivity and is drawn again, so the result holds for samples
    with a lesion.

    Args:
        cases: c cases, lesion-free ones included, matched or not; at least 2.
        limit: Upper bound of the integral, in false positives per case, > 0.
        resamples: Number of resamples, at least 2.
        seed: Seed of the draws, >= 0; the same seed gives the same result.
        confidence: Coverage of the interval and of the band, between 0 and 1.

    Returns:
        Estimate, interval, variance and band.

    Raises:
        EvaluationError: If there is no lesion, there are fewer than 2 patients, or an argument is out of its range.

    Source:
        Percentile bootstrap, Efron and Tibshirani 1993, chapter 13; over cases as in the evaluation of LUNA16. For
        few patients it is widened, see `small_samples`.
    """
    check_limit(limit)
    matched = match_all(cases)
    patients = number_patients([case.patient for case in matched])
    check_resampling(patients, resamples, seed, confidence)
    ranking = Ranking.of(matched)
    grid = np.linspace(0, limit, GRID_POINTS)
    [(estimate, curve)] = _score(ranking, np.ones((1, len(matched)), dtype=np.int64), grid)
    scored = list(_score(ranking, draw_weights(ranking, patients, resamples, seed), grid))
    n = effective_count(sum_by_patient(ranking.lesions_per_case, patients))
    aucs = np.array([auc for auc, _ in scored])
    low, high = interval_of(estimate, aucs, n, confidence)
    lower, upper = interval_of(curve, np.array([sensitivity for _, sensitivity in scored]), n, confidence)
    return Bootstrap(
        estimate=estimate,
        low=float(low),
        high=float(high),
        variance=float(smoothed_variance(estimate, aucs.var(ddof=1), n)),
        confidence=confidence,
        fps_per_case=grid,
        sensitivity=curve,
        lower=lower,
        upper=upper,
    )


def interval_of(score: Floats | float, resampled: Floats, n: float, confidence: float) -> tuple[Floats, Floats]:
    """Compute the interval of a score from its resamples, never narrower than few patients allow.

    Args:
        score: (...) scores on the cases themselves, in [0, 1].
        resampled: (r, ...) the same on each resample.
        n: Effective number of patients.
        confidence: Coverage, between 0 and 1.

    Returns:
        (...) lower and (...) upper ends.
    """
    low, high = np.quantile(resampled, tails(confidence), axis=0)
    least, most = score_interval(score, resampled.var(axis=0, ddof=1), n, confidence)
    return np.minimum(low, least), np.maximum(high, most)


def draw_weights(ranking: Ranking, patients: Integers, resamples: int, seed: int) -> Integers:
    """Draw how often each case counts in each resample of the patients.

    Args:
        ranking: Of the c cases.
        patients: (c,) number of each case's patient.
        resamples: Number of resamples r.
        seed: Seed of the draws.

    Returns:
        (r, c) counts, equal in all cases of a patient; each row has a lesion.
    """
    lesions_per_patient = sum_by_patient(ranking.lesions_per_case, patients)
    return times_drawn(draw_resamples(lesions_per_patient, resamples, seed))[:, patients]


def draw_resamples(lesions_per_patient: Integers, resamples: int, seed: int) -> Integers:
    """Draw the patients of each resample.

    Args:
        lesions_per_patient: (p,) number of lesions, at least one of them > 0.
        resamples: Number of resamples r.
        seed: Seed of the draws.

    Returns:
        (r, p) indices of patients; each row has a lesion.
    """
    n_patients = len(lesions_per_patient)
    return draw_until(lambda drawn: lesions_per_patient[drawn].sum(axis=1) > 0, n_patients, resamples, seed)


def draw_until(
    is_usable: Callable[[Integers], NDArray[np.bool_]], n_patients: int, resamples: int, seed: int
) -> Integers:
    """Draw the patients of each resample, and draw those resamples again that cannot be scored.

    Args:
        is_usable: Returns (r,) which of the resamples (r, p) can be scored; some resample must be.
        n_patients: Number of patients p.
        resamples: Number of resamples r.
        seed: Seed of the draws.

    Returns:
        (r, p) indices of patients.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.integers(n_patients, size=(resamples, n_patients))
    while (useless := ~is_usable(drawn)).any():
        drawn[useless] = rng.integers(n_patients, size=(np.count_nonzero(useless), n_patients))
    return drawn


def tails(confidence: float) -> tuple[float, float]:
    """Return the levels of the quantiles that a percentile interval lies between."""
    return (1 - confidence) / 2, (1 + confidence) / 2


def times_drawn(drawn: Integers) -> Integers:
    """Count how often each resample (r, p) has each patient, (r, p)."""
    resamples, n_patients = drawn.shape
    cells = drawn + n_patients * np.arange(resamples)[:, np.newaxis]
    return np.bincount(cells.ravel(), minlength=drawn.size).reshape(drawn.shape)


def _score(ranking: Ranking, weights: Integers, grid: Floats) -> Iterator[tuple[float, Floats]]:
    """Give the normalised partial area up to the grid's end, and the sensitivity on the grid, for each weighting."""
    limit = float(grid[-1])
    ranking = ranking.up_to(limit, weights)
    rows = max(1, BLOCK_ELEMENTS // len(ranking.thresholds))
    for start in range(0, len(weights), rows):
        fps_per_case, sensitivity = ranking.curves(weights[start : start + rows])
        aucs = areas(fps_per_case, sensitivity, limit) / limit
        for auc, *curve in zip(aucs, fps_per_case, sensitivity, strict=True):
            yield float(auc), np.interp(grid, *curve)


def check_resampling(patients: Integers, resamples: int, seed: int, confidence: float) -> None:
    """Check that a bootstrap can be made.

    Raises:
        EvaluationError: If all cases are of one patient, or an argument is out of its range.
    """
    check_patients(patients)
    if resamples < 2:
        raise EvaluationError(f"{resamples} resamples tell no variance; give at least 2, better 1000")
    if seed < 0:
        raise EvaluationError(f"the seed is {seed}; give a whole number >= 0")
    if not 0 < confidence < 1:
        raise EvaluationError(f"the confidence is {confidence}; give a number between 0 and 1, such as 0.95")
