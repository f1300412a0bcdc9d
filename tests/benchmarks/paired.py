"""Statistics of samplers that were raced on the same tasks with the same seeds.

One pair is one task and seed; arrays of one comparison are in the same order of pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TIE = 1e-9
"""Regrets as near as this are the same configuration's."""

RESAMPLES = 4000
"""Bootstrap resamples: the ends of a 90% interval are then good to about a hundredth of its width."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 90% interval.

    Attributes:
        estimate: From all pairs.
        low: Its 5% quantile over bootstrap resamples.
        high: Its 95% quantile.
    """

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its standard error.

    Attributes:
        mean: Of the values.
        error: Sample standard deviation over the root of their number; nan for a single one.
    """

    mean: float
    error: float


def mean_of(values: Sequence[float]) -> Mean:
    """Give the mean and its standard error."""
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return Mean(float(np.mean(values)), error)


def ratio_of_means(values: Sequence[float], reference: Sequence[float], *, seed: int = 0) -> Interval:
    """Divide the mean of the values by the mean of the reference's, with a bootstrap interval over the pairs.

    Args:
        values: Regrets, one for each pair.
        reference: Those of the reference.
        seed: Of the resampling.

    Returns:
        The ratio; nan where the reference's mean is zero.
    """
    pairs = np.array([values, reference])
    drawn = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(_ratio(pairs[:, drawn].mean(axis=2)), [0.05, 0.95])
    return Interval(float(_ratio(pairs.mean(axis=1))), float(low), float(high))


def wins_and_losses(values: Sequence[float], reference: Sequence[float]) -> tuple[int, int]:
    """Count the pairs with less regret than the reference, and those with more; ties are neither."""
    difference = np.asarray(values) - np.asarray(reference)
    return int((difference < -TIE).sum()), int((difference > TIE).sum())


def sign_test(wins: int, losses: int) -> float:
    """Give the two-sided probability of a score as uneven as this between equals.

    Source:
        Dixon and Mood 1946; ties are left out.
    """
    played = wins + losses
    tail = sum(math.comb(played, fewer) for fewer in range(min(wins, losses) + 1))
    return min(1.0, 2.0 * tail / 2.0**played)


def is_worse(values: Sequence[float], reference: Sequence[float]) -> bool:
    """Whether the mean is above the reference's by more than two standard errors of the paired difference."""
    difference = mean_of([value - other for value, other in zip(values, reference, strict=True)])
    return difference.mean > 2.0 * difference.error + TIE


def _ratio(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide the first row by the second; nan for a division by zero."""
    ratio = np.full(means.shape[1:], math.nan)
    np.divide(means[0], means[1], out=ratio, where=means[1] != 0.0)
    return ratio
