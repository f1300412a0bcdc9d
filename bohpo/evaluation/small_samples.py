"""Variances and intervals of scores in [0, 1] that stay honest when few patients are measured.

A bootstrap can only repeat what it was given. Two patients whose lesions are all found look alike in every resample,
so the plain bootstrap reports a variance of 0 and an interval of width 0. Both are wrong: two patients prove little.

symbol  meaning
------  -------------------------------------------------------------------------------------------------
p       the score, a mean over patients of something in [0, 1]: sensitivity, partial AUC, area under the ROC
v       its bootstrap variance
n       effective number of patients that it rests on
k       weight of what is assumed before any patient is seen, in patients: `PRIOR_PATIENTS`

Variance. The variance between patients, n v, is pooled with the greatest one possible, p (1 - p), which counts like k
patients. Then k patients are added, half of them with score 1 and half with 0: the posterior variance of a Dirichlet
process. For a plain share, v = p (1 - p) / n, the result is q (1 - q) / (n + k) with q = (n p + k / 2) / (n + k). The
effect falls as 1 / n, and the variance never falls below v.

Interval. The percentile interval of the bootstrap is extended to the Jeffreys interval of a plain share, of as many
patients as a share of this variance would rest on. Where all or nothing is found, that is to the interval of
Clopper and Pearson for n patients.

Source:
    Ferguson, Annals of Statistics 1 (1973): the Dirichlet process. With k = 1 a share has Jeffreys' prior.
    Brown, Cai and DasGupta, Statistical Science 16 (2001): the Jeffreys interval, modified at the ends.
    Korn and Graubard, Survey Methodology 24 (1998): intervals of a share at an effective sample size.
    Kish, Survey Sampling (1965): the effective sample size of unequal weights.
    Birnbaum and Klose, Annals of Mathematical Statistics 28 (1957): the variance of an area under the ROC is at most
    p (1 - p) / min(abnormal, normal), so n is the smaller of the two numbers.
    Garwood, Biometrika 28 (1936): the interval of a Poisson rate.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bohpo.evaluation.case import Floats

FloatsOrFloat: TypeAlias = Floats | float

PRIOR_PATIENTS = 1.0

FEWEST_LESIONS = 20
"""Below it even a perfect detector may miss one lesion in six: the 95% interval of 20 found among 20 begins at 0.83."""

TYPICAL_SCORE = 0.8


def effective_count(sizes: NDArray[np.int64]) -> float:
    """Compute how many patients of equal weight a mean over unequal ones is worth.

    Args:
        sizes: (p,) lesions or cases of each patient, not all of them 0.

    Returns:
        (sum of the sizes)^2 / (sum of their squares), from 1 to the number of patients that have any.
    """
    return float(sizes.sum() ** 2 / (sizes.astype(np.float64) ** 2).sum())


def smoothed_variance(score: FloatsOrFloat, variance: FloatsOrFloat, n: float) -> Floats:
    """Compute a variance that never falls to 0, however alike the patients are.

    Args:
        score: (...) scores in [0, 1].
        variance: (...) their bootstrap variances.
        n: Effective number of patients, > 0.

    Returns:
        (...) variances, at least the bootstrap's; see the module for the formula.
    """
    return np.maximum(variance, _posterior_variance(score, variance, n))


def score_interval(
    score: FloatsOrFloat, variance: FloatsOrFloat, n: float, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Compute an interval that holds the score, lies within [0, 1] and is never of width 0.

    Args:
        score: (...) scores in [0, 1].
        variance: (...) their bootstrap variances.
        n: Effective number of patients, > 0.
        confidence: Coverage, between 0 and 1.

    Returns:
        (...) lower and (...) upper ends; see the module for the formula.
    """
    score, tail, half = np.asarray(score, np.float64), (1 - confidence) / 2, PRIOR_PATIENTS / 2
    prior_mean = (n * score + half) / (n + PRIOR_PATIENTS)
    patients = prior_mean * (1 - prior_mean) / _posterior_variance(score, variance, n) - PRIOR_PATIENTS
    # A variance above that of any share would leave no patient. One remains: its interval is nearly all of [0, 1].
    patients = np.maximum(patients, min(n, 1.0))
    found, missed = patients * score + half, patients * (1 - score) + half
    low = np.where(score >= 1, tail ** (1 / n), special.betaincinv(found, missed, tail))
    high = np.where(score <= 0, 1 - tail ** (1 / n), special.betaincinv(found, missed, 1 - tail))
    return np.where(score <= 0, 0.0, np.minimum(low, score)), np.where(score >= 1, 1.0, np.maximum(high, score))


def rate_interval(rate: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Compute the interval of a number per case, such as false positives; never of width 0.

    Args:
        rate: Number per case, >= 0.
        n: Effective number of cases, > 0.
        confidence: Coverage, between 0 and 1.

    Returns:
        Lower and upper end of the exact Poisson interval; from 0 to 3.7 / n at a rate of 0.
    """
    tail, count = (1 - confidence) / 2, rate * n
    low = special.gammaincinv(count, tail) / n if count > 0 else 0.0
    return min(float(low), rate), max(float(special.gammaincinv(count + 1, 1 - tail)) / n, rate)


def expected_half_width(n: float, score: float = TYPICAL_SCORE) -> float:
    """Compute half the width of the 95% interval that a score will have.

    Args:
        n: Effective number of patients that it will rest on, > 0.
        score: The score; about that of a good detector by default.

    Returns:
        Half the width for a plain share, which is the widest that independent patients give.
    """
    low, high = score_interval(score, score * (1 - score) / n, n)
    return float(high - low) / 2


def describe_few(count: int, n: float, *, noun: str = "lesion", split: str = "validation") -> str | None:
    """Build the warning about a score that rests on few lesions.

    Args:
        count: Number of lesions, or of cases of the rarer kind.
        n: Effective number of patients that have them, > 0.
        noun: What is counted.
        split: Which cases they are.

    Returns:
        One sentence without a full stop; None from `FEWEST_LESIONS` on.
    """
    if count >= FEWEST_LESIONS:
        return None
    half = expected_half_width(n)
    return (
        f"{count} {noun}{'s' * (count != 1)} in the {split} cases: the 95% interval of a score of {TYPICAL_SCORE:g} is "
        f"about ±{half:.2f} wide; add cases, and do not trust smaller differences"
    )


def _posterior_variance(score: FloatsOrFloat, variance: FloatsOrFloat, n: float) -> Floats:
    score, k = np.asarray(score, np.float64), PRIOR_PATIENTS
    seen = n / (n + k)
    between_patients = seen * n * np.asarray(variance, np.float64) + (1 - seen) * score * (1 - score)
    of_all = seen * between_patients + (1 - seen) / 4 + seen * (1 - seen) * (score - 0.5) ** 2
    return np.asarray(of_all / (n + k))
