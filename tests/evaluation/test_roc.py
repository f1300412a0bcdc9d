"""ROC curves of whole cases: against pairs counted one by one, against a plain loop, and at their edges."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from scipy import stats

from bohpo.errors import EvaluationError
from bohpo.evaluation import ScoredCase, bootstrap_roc, roc, roc_operating_intervals
from bohpo.evaluation.case import Floats
from bohpo.evaluation.small_samples import score_interval, smoothed_variance


def _cases(abnormal: list[float], normal: list[float]) -> list[ScoredCase]:
    return [
        *(ScoredCase(f"abnormal-{number}", score, is_abnormal=True) for number, score in enumerate(abnormal)),
        *(ScoredCase(f"normal-{number}", score, is_abnormal=False) for number, score in enumerate(normal)),
    ]


def _drawn(seed: int, n_abnormal: int, n_normal: int, decimals: int = 1) -> list[ScoredCase]:
    """Draw overlapping scores; few decimals make ties."""
    rng = np.random.default_rng(seed)
    abnormal, normal = rng.normal(1.0, 1.0, n_abnormal), rng.normal(0.0, 1.0, n_normal)
    return _cases(np.round(abnormal, decimals).tolist(), np.round(normal, decimals).tolist())


def _pairs_won(cases: list[ScoredCase]) -> float:
    """Count pairs of an abnormal and a normal case: won 1, tied a half."""
    abnormal = [case.score for case in cases if case.is_abnormal]
    normal = [case.score for case in cases if not case.is_abnormal]
    won = [1.0 if a > n else 0.5 if a == n else 0.0 for a, n in product(abnormal, normal)]
    return sum(won) / len(won)


@pytest.mark.parametrize("seed", range(5))
def test_the_area_is_the_share_of_pairs_in_their_right_order(seed: int) -> None:
    cases = _drawn(seed, 22, 16)
    assert roc(cases).area == pytest.approx(_pairs_won(cases), abs=1e-12)
    scores = [[case.score for case in cases if case.is_abnormal is kind] for kind in (True, False)]
    assert roc(cases).area == pytest.approx(stats.mannwhitneyu(*scores).statistic / (22 * 16), abs=1e-12)


def test_the_curve_has_a_point_per_distinct_score() -> None:
    curve = roc(_cases([0.9, 0.6, 0.6, 0.2], [0.6, 0.1]))
    assert curve.thresholds.tolist() == [np.inf, 0.9, 0.6, 0.2, 0.1]
    assert curve.sensitivity.tolist() == [0.0, 0.25, 0.75, 1.0, 1.0]
    assert curve.false_positive_rate.tolist() == [0.0, 0.0, 0.5, 0.5, 1.0]
    assert (curve.n_abnormal, curve.n_normal) == (4, 2)
    assert curve.at(0.25) == pytest.approx(0.5), "between points the curve is straight"
    assert curve.at(0.5) == 1.0, "the greater one where the curve jumps"


def test_perfect_reversed_and_constant_scores_have_areas_1_0_and_one_half() -> None:
    assert roc(_cases([2.0, 3.0], [0.0, 1.0])).area == 1.0
    assert roc(_cases([0.0, 1.0], [2.0, 3.0])).area == 0.0
    assert roc(_cases([1.0] * 3, [1.0] * 7)).area == 0.5


def test_many_odd_counts_end_the_curve_at_exactly_1() -> None:
    for n_normal in range(1, 60):
        curve = roc(_drawn(n_normal, 7, n_normal, decimals=6))
        assert (curve.false_positive_rate[-1], curve.sensitivity[-1]) == (1.0, 1.0)


def test_youdens_threshold_separates_best() -> None:
    curve = roc(_cases([5.0, 4.0, 1.0], [3.0, 2.0, 0.0]))
    assert curve.youden_threshold == 4.0  # sensitivity 2/3, specificity 1


def test_the_bootstrap_equals_a_plain_loop() -> None:
    cases = _drawn(3, 9, 12)
    result = bootstrap_roc(cases, resamples=80, seed=11, confidence=0.9)
    rng, curves = np.random.default_rng(11), []
    for row in rng.integers(len(cases), size=(80, len(cases))):
        curves.append(roc([cases[index] for index in row]))
    aucs = [curve.area for curve in curves]
    assert result.estimate == roc(cases).area
    plain, variance = np.quantile(aucs, [0.05, 0.95]), float(np.var(aucs, ddof=1))
    least = score_interval(result.estimate, variance, 9, 0.9)  # 9 abnormal cases, 12 normal ones
    assert (result.low, result.high) == pytest.approx((min(plain[0], least[0]), max(plain[1], least[1])), abs=1e-12)
    assert result.variance == pytest.approx(smoothed_variance(result.estimate, variance, 9), abs=1e-12)
    grid = np.linspace(0, 1, 101)
    on_grid = [[curve.at(rate) for rate in grid] for curve in curves]
    assert result.false_positive_rate.tolist() == grid.tolist()
    edges = score_interval(result.sensitivity, np.var(on_grid, axis=0, ddof=1), 9, 0.9)
    lower, upper = np.quantile(on_grid, [0.05, 0.95], axis=0)
    assert result.lower[:-1] == pytest.approx(np.minimum(lower, edges[0])[:-1], abs=1e-9)
    assert result.upper[:-1] == pytest.approx(np.maximum(upper, edges[1])[:-1], abs=1e-9)
    assert (result.lower[-1], result.upper[-1]) == (1.0, 1.0), "where all cases are called abnormal"


def test_operating_points_are_read_off_the_curve_in_both_directions() -> None:
    cases = _cases([0.9, 0.7, 0.5, 0.3], [0.8, 0.4, 0.2, 0.1])
    at = roc_operating_intervals(cases, specificities=(0.75, 1.0), sensitivities=(0.25, 0.75, 1.0))
    # With one of the four normal cases called, three of the four abnormal ones are found; with none, one of them.
    assert [each.figure for each in at] == [0.75, 0.25, 1.0, 0.75, 0.5]
    assert all(0 <= each.low <= each.figure <= each.high <= 1 for each in at)


def test_intervals_of_operating_points_equal_a_plain_loop() -> None:
    cases = _drawn(3, 9, 12)
    [by_specificity, by_sensitivity] = roc_operating_intervals(
        cases, specificities=(0.9,), sensitivities=(0.8,), resamples=80, seed=11, confidence=0.9
    )
    drawn = np.random.default_rng(11).integers(len(cases), size=(80, len(cases)))
    curves = [roc([cases[index] for index in row]) for row in drawn]
    sensitivities = [curve.at(0.1) for curve in curves]
    assert by_specificity[1:] == pytest.approx(_widened(by_specificity.figure, sensitivities), abs=1e-12)
    fine = np.linspace(0, 1, 20001)
    reached = [
        fine[np.argmax(np.array([curve.at(rate) for rate in fine[::20]]) >= 0.8 - 1e-9) * 20] for curve in curves
    ]
    assert by_sensitivity[1:] == pytest.approx(_widened(by_sensitivity.figure, 1 - np.array(reached)), abs=2e-3)


def _widened(figure: float, resampled: Sequence[float] | Floats) -> tuple[float, float]:
    """Compute the 90% interval of a figure that rests on 9 patients."""
    low, high = np.quantile(resampled, [0.05, 0.95])
    least, most = score_interval(figure, float(np.var(resampled, ddof=1)), 9, 0.9)
    return float(min(low, least)), float(max(high, most))


@pytest.mark.parametrize("n", [2, 10])
def test_a_perfect_classifier_is_not_known_for_certain(n: int) -> None:
    cases = _cases([float(9 + number) for number in range(n)], [float(-number) for number in range(3 * n)])
    result = bootstrap_roc(cases, resamples=50)
    # The smaller group decides: 0.025^(1/n), Clopper and Pearson.
    assert (result.estimate, result.low, result.high) == pytest.approx((1.0, 0.025 ** (1 / n), 1.0))
    share = (n + 0.5) / (n + 1)
    assert result.variance == pytest.approx(share * (1 - share) / (n + 1), rel=1e-12)
    assert result.lower[:-1].tolist() == pytest.approx([0.025 ** (1 / n)] * 100)
    points = roc_operating_intervals(cases, specificities=(0.9, 0), sensitivities=(0.9, 0), resamples=50)
    at_specificity, at_none, at_sensitivity, at_nothing = points
    for point in (at_specificity, at_sensitivity):
        assert tuple(point) == pytest.approx((1.0, 0.025 ** (1 / n), 1.0))
    assert tuple(at_none) == tuple(at_nothing) == (1.0, 1.0, 1.0), "by definition"


def test_cases_of_one_patient_are_drawn_together() -> None:
    cases = _drawn(5, 15, 20)
    of_patients = [dataclasses.replace(case, patient=case.name) for case in cases]
    alone, together, apart = (
        bootstrap_roc(each, resamples=400) for each in (cases, [*of_patients, *of_patients], [*cases, *cases])
    )
    assert together.estimate == pytest.approx(apart.estimate)
    assert together.variance == pytest.approx(alone.variance, rel=1e-9)
    assert apart.variance < 0.7 * together.variance
    [point], [of_both] = (
        roc_operating_intervals(each, specificities=(0.9,)) for each in (cases, [*of_patients, *of_patients])
    )
    assert tuple(of_both) == pytest.approx(tuple(point), abs=1e-9)


def test_one_patient_with_both_kinds_among_others_is_scored_and_alone_is_refused() -> None:
    both = [ScoredCase("a", 2.0, is_abnormal=True, patient="p"), ScoredCase("b", 1.0, is_abnormal=False, patient="p")]
    result = bootstrap_roc([*both, ScoredCase("c", 0.0, is_abnormal=False)], resamples=50)
    assert 0 <= result.low < result.estimate <= result.high <= 1
    with pytest.raises(EvaluationError, match="all 2 cases are of one patient"):
        bootstrap_roc(both)


def test_the_variance_is_near_what_hanley_and_mcneil_give() -> None:
    """Their formula assumes exponential scores; with normal ones it is a little too wide."""
    cases = _drawn(0, 300, 300, decimals=6)
    area = roc(cases).area
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    expected = (area * (1 - area) + 299 * (q1 - area**2) + 299 * (q2 - area**2)) / 300**2
    assert bootstrap_roc(cases).variance == pytest.approx(expected, rel=0.3)


def test_a_resample_without_both_kinds_is_drawn_again() -> None:
    result = bootstrap_roc(_cases([1.0], [0.0, 2.0]), resamples=200)
    assert 0 <= result.low <= result.estimate <= result.high <= 1


def test_what_has_no_curve_is_refused_with_a_remedy() -> None:
    with pytest.raises(EvaluationError, match=r"^all 2 cases are abnormal.*add cases of both kinds"):
        roc(_cases([1.0, 2.0], []))
    with pytest.raises(EvaluationError, match=r"^all 1 cases are normal"):
        bootstrap_roc(_cases([], [1.0]))
    with pytest.raises(EvaluationError, match=r"^normal-0: its score is nan; give a finite number"):
        roc(_cases([1.0], [float("nan")]))
    with pytest.raises(EvaluationError, match=r"false positive rate of 1\.5 makes no sense"):
        roc(_cases([1.0], [0.0])).at(1.5)
    with pytest.raises(EvaluationError, match=r"an operating point at 88 makes no sense"):
        roc_operating_intervals(_cases([1.0], [0.0]), specificities=(88,))
    with pytest.raises(EvaluationError, match="1 resamples tell no variance"):
        bootstrap_roc(_cases([1.0], [0.0]), resamples=1)
