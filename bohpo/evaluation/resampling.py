"""How far a score would move on other cases: the bootstrap over cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bohpo.errors import EvaluationError
from bohpo.evaluation.area import areas, check_limit
from bohpo.evaluation.case import Case, Floats
from bohpo.evaluation.matching import MatchedCase, match_all
from bohpo.evaluation.ranking import Integers, Ranking

GRID_POINTS = 101

BLOCK_ELEMENTS = 100_000
"""Counts per block of resamples: some arrays of this size stay in a core's cache, and memory stays bounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """The normalised partial area with its uncertainty, and the curve with its band.

    Attributes:
        estimate: Normalised partial area on the cases themselves.
        low: Lower end of the percentile interval of the area.
        high: Upper end of it.
        variance: Sample variance of the area over the resamples; 0 for a detector that never varies.
        confidence: Coverage that the interval and the band aim at.
        fps_per_case: (g,) grid of false positives per case, 0 to the limit.
        sensitivity: (g,) sensitivity of the curve itself at the grid.
        lower: (g,) lower edge of the pointwise percentile band.
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
    """Measure how much the normalised partial area varies from sample to sample of the cases.

    Cases are drawn with replacement, each with all its lesions and marks, since the marks of one case are not
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
        EvaluationError: If there is no lesion, there are fewer than 2 cases, or an argument is out of its range.

    Source:
        Percentile bootstrap, Efron and Tibshirani 1993, chapter 13; over cases as in the evaluation of LUNA16.
    """
    check_limit(limit)
    check_resampling(len(cases), resamples, seed, confidence)
    ranking = Ranking.of(match_all(cases))
    grid = np.linspace(0, limit, GRID_POINTS)
    [(estimate, curve)] = _score(ranking, np.ones((1, len(cases)), dtype=np.int64), grid)
    drawn = draw_resamples(ranking.lesions_per_case, resamples, seed)
    scored = list(_score(ranking, times_drawn(drawn), grid))
    aucs = np.array([auc for auc, _ in scored])
    low, high = np.quantile(aucs, tails(confidence))
    lower, upper = np.quantile(np.array([sensitivity for _, sensitivity in scored]), tails(confidence), axis=0)
    return Bootstrap(
        estimate=estimate,
        low=float(low),
        high=float(high),
        variance=float(aucs.var(ddof=1)),
        confidence=confidence,
        fps_per_case=grid,
        sensitivity=curve,
        lower=lower,
        upper=upper,
    )


def draw_resamples(lesions_per_case: Integers, resamples: int, seed: int) -> Integers:
    """Draw the cases of each resample.

    Args:
        lesions_per_case: (c,) number of lesions, at least one of them > 0.
        resamples: Number of resamples r.
        seed: Seed of the draws.

    Returns:
        (r, c) indices of cases; each row has a lesion.
    """
    return draw_until(lambda drawn: lesions_per_case[drawn].sum(axis=1) > 0, len(lesions_per_case), resamples, seed)


def draw_until(is_usable: Callable[[Integers], NDArray[np.bool_]], n_cases: int, resamples: int, seed: int) -> Integers:
    """Draw the cases of each resample, and those again of which nothing can be measured.

    Args:
        is_usable: Tells (r,) of which of the resamples (r, c) something can be; it must be so of some.
        n_cases: Number of cases c.
        resamples: Number of resamples r.
        seed: Seed of the draws.

    Returns:
        (r, c) indices of cases.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.integers(n_cases, size=(resamples, n_cases))
    while (useless := ~is_usable(drawn)).any():
        drawn[useless] = rng.integers(n_cases, size=(np.count_nonzero(useless), n_cases))
    return drawn


def tails(confidence: float) -> tuple[float, float]:
    """Give the levels of the quantiles that a percentile interval lies between."""
    return (1 - confidence) / 2, (1 + confidence) / 2


def times_drawn(drawn: Integers) -> Integers:
    """Count how often each resample (r, c) has each case, (r, c)."""
    resamples, n_cases = drawn.shape
    cells = drawn + n_cases * np.arange(resamples)[:, np.newaxis]
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


def check_resampling(n_cases: int, resamples: int, seed: int, confidence: float) -> None:
    """Refuse what no bootstrap can be made of.

    Raises:
        EvaluationError: If there is one case only, or an argument is out of its range.
    """
    if n_cases == 1:
        raise EvaluationError("one case cannot tell how cases vary; give at least 2 cases")
    if resamples < 2:
        raise EvaluationError(f"{resamples} resamples tell no variance; give at least 2, better 1000")
    if seed < 0:
        raise EvaluationError(f"the seed is {seed}; give a whole number >= 0")
    if not 0 < confidence < 1:
        raise EvaluationError(f"the confidence is {confidence}; give a number between 0 and 1, such as 0.95")
