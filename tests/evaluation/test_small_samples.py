"""Scores of few patients: intervals and variances against closed forms, and how often intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator
from scipy import stats

from bohpo.evaluation import MatchedCase, ScoredCase, bootstrap, bootstrap_roc, froc, partial_auc
from bohpo.evaluation.resampling import draw_resamples
from bohpo.evaluation.small_samples import (
    describe_few,
    effective_count,
    expected_half_width,
    rate_interval,
    score_interval,
    smoothed_variance,
)


@pytest.mark.parametrize("n", [1, 2, 5, 20, 100])
def test_the_interval_of_a_share_is_that_of_jeffreys_and_at_the_ends_that_of_clopper_and_pearson(n: int) -> None:
    for found in range(n + 1):
        share = found / n
        low, high = score_interval(share, share * (1 - share) / n, n)
        if found in (0, n):
            exact = stats.binomtest(found, n).proportion_ci(0.95, method="exact")
            assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-9)
        else:
            assert (low, high) == pytest.approx(stats.beta.ppf([0.025, 0.975], found + 0.5, n - found + 0.5), abs=1e-9)


@pytest.mark.parametrize("n", [1.0, 2.0, 7.3, 50.0, 1e4])
def test_no_interval_has_width_0_and_each_holds_its_score(n: float) -> None:
    scores = np.linspace(0, 1, 201)
    for variance in (0.0, 1e-12, 0.01, 0.25, 1.0):
        low, high = score_interval(scores, np.full(201, variance), n)
        assert np.isfinite(low).all()
        assert np.isfinite(high).all()
        assert ((low >= 0) & (low <= scores) & (scores <= high) & (high <= 1)).all()
        assert (high - low).min() > 0


def test_the_variance_of_a_share_is_that_of_its_posterior() -> None:
    for n, share in ((2, 1.0), (2, 0.0), (5, 0.6), (40, 0.75)):
        centre = (n * share + 0.5) / (n + 1)
        expected = max(share * (1 - share) / n, centre * (1 - centre) / (n + 1))
        assert smoothed_variance(share, share * (1 - share) / n, n) == pytest.approx(expected, rel=1e-12)


def test_the_variance_falls_with_every_patient_and_comes_near_the_bootstraps() -> None:
    counts = (1, 2, 3, 5, 10, 20, 50, 100, 1000, 10_000)
    for score, of_one in ((1.0, 0.0), (0.5, 0.0), (0.8, 0.04), (0.8, 0.16)):
        smoothed = [float(smoothed_variance(score, of_one / n, n)) for n in counts]
        assert smoothed == sorted(smoothed, reverse=True)
        assert smoothed[-1] > 0
        assert all(each >= of_one / n for each, n in zip(smoothed, counts, strict=True))
        if of_one:
            assert smoothed[-1] == pytest.approx(of_one / counts[-1], rel=0.002)
            assert smoothed[counts.index(100)] == pytest.approx(of_one / 100, rel=0.15)


def test_unequal_patients_count_for_fewer() -> None:
    assert effective_count(np.array([3, 3, 3, 3])) == 4
    assert effective_count(np.array([0, 5, 0])) == 1
    assert effective_count(np.array([10, 1, 1])) == pytest.approx(144 / 102)


def test_the_interval_of_a_rate_is_that_of_poisson() -> None:
    low, high = rate_interval(0.5, 20)
    assert (low, high) == pytest.approx((stats.chi2.ppf(0.025, 20) / 40, stats.chi2.ppf(0.975, 22) / 40))
    assert rate_interval(0.0, 20) == pytest.approx((0.0, -np.log(0.025) / 20))


def test_few_lesions_are_told_with_the_width_of_the_interval() -> None:
    assert describe_few(20, 20.0) is None
    # Jeffreys' interval of 9.6 found among 12: 0.53 to 0.95.
    assert describe_few(12, 12.0) == (
        "12 lesions in the validation cases: the 95% interval of a score of 0.8 is about ±0.21 wide; "
        "add cases, and do not trust smaller differences"
    )
    assert str(describe_few(1, 1.0, noun="abnormal case", split="test")).startswith("1 abnormal case in the test cases")
    assert expected_half_width(100) == pytest.approx(0.078, abs=0.001)


def _patient(rng: Generator, sensitivity: float, fps_per_case: float) -> MatchedCase:
    scores = rng.normal(1.5, 1.0, rng.integers(1, 3) if rng.random() < 0.7 else 0)
    found = np.where(rng.random(len(scores)) < sensitivity, scores, -np.inf)
    return MatchedCase(found, rng.normal(0.0, 1.0, rng.poisson(fps_per_case)))


def _patients(rng: Generator, n: int, sensitivity: float, fps_per_case: float) -> list[MatchedCase]:
    """Draw n patients, again while none of them has a lesion."""
    cases = [_patient(rng, sensitivity, fps_per_case) for _ in range(n)]
    if any(len(case.lesion_scores) for case in cases):
        return cases
    return _patients(rng, n, sensitivity, fps_per_case)


@pytest.mark.parametrize(("n", "samples"), [(2, 400), (5, 400), (20, 200), (100, 100)])
@pytest.mark.parametrize(("sensitivity", "fps_per_case"), [(0.9, 3.0), (0.97, 0.3)], ids=["middling", "near perfect"])
def test_the_interval_of_a_partial_area_holds_the_truth(
    n: int, samples: int, sensitivity: float, fps_per_case: float
) -> None:
    rng = np.random.default_rng(99)
    truth = partial_auc(froc([_patient(rng, sensitivity, fps_per_case) for _ in range(20_000)]), 3.0)
    results = [bootstrap(_patients(rng, n, sensitivity, fps_per_case), 3.0, resamples=100) for _ in range(samples)]
    assert np.mean([result.low <= truth <= result.high for result in results]) >= 0.9


@pytest.mark.parametrize(("n", "most"), [(2, 0.5), (5, 0.8)])
def test_the_plain_percentile_interval_does_not(n: int, most: float) -> None:
    rng = np.random.default_rng(7)
    truth = partial_auc(froc([_patient(rng, 0.9, 3.0) for _ in range(20_000)]), 3.0)
    held = []
    for seed in range(100):
        cases = _patients(rng, n, 0.9, 3.0)
        drawn = draw_resamples(np.array([len(case.lesion_scores) for case in cases]), 50, seed)
        aucs = [partial_auc(froc([cases[index] for index in row]), 3.0) for row in drawn]
        low, high = np.quantile(aucs, [0.025, 0.975])
        held.append(low <= truth <= high)
    assert np.mean(held) <= most


@pytest.mark.parametrize(("n", "samples"), [(2, 400), (5, 400), (20, 200), (100, 100)])
def test_the_interval_of_an_area_under_the_roc_holds_the_truth(n: int, samples: int) -> None:
    # Normal scores two standard deviations apart: an area of Phi(2 / sqrt(2)).
    truth, rng = float(stats.norm.cdf(np.sqrt(2))), np.random.default_rng(n)
    abnormal, normal = rng.normal(2.0, 1.0, (samples, n)), rng.normal(0.0, 1.0, (samples, n))
    results = [
        bootstrap_roc(
            [
                *(ScoredCase("abnormal", score, is_abnormal=True) for score in scores),
                *(ScoredCase("normal", score, is_abnormal=False) for score in others),
            ],
            resamples=100,
        )
        for scores, others in zip(abnormal.tolist(), normal.tolist(), strict=True)
    ]
    assert np.mean([result.low <= truth <= result.high for result in results]) >= 0.9
