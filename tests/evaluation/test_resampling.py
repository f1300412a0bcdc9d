"""The bootstrap over cases: against a plain loop, deterministic, and honest at its edges."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bohpo.errors import EvaluationError
from bohpo.evaluation import Bootstrap, MatchedCase, bootstrap, froc, partial_auc
from bohpo.evaluation.resampling import draw_resamples
from bohpo.evaluation.small_samples import effective_count, score_interval, smoothed_variance

MISSED = -np.inf


def _detector(seed: int, n_cases: int, fps_per_case: float, *, decimals: int = 2) -> list[MatchedCase]:
    """Make the marks of a middling detector; few decimals make ties."""
    rng = np.random.default_rng(seed)
    cases = []
    for _ in range(n_cases):
        scores = np.round(rng.normal(1.0, 1.0, rng.integers(0, 4)), decimals)
        detected = np.where(rng.random(len(scores)) < 0.8, scores, MISSED)
        cases.append(MatchedCase(detected, np.round(rng.normal(0.0, 1.0, rng.poisson(fps_per_case)), decimals)))
    return cases


def _fields(result: Bootstrap) -> list[object]:
    scalars = [result.estimate, result.low, result.high, result.variance, result.confidence]
    return [*scalars, *(a.tolist() for a in (result.fps_per_case, result.sensitivity, result.lower, result.upper))]


@pytest.mark.parametrize(
    ("n_cases", "fps_per_case", "limit", "resamples"),
    [(12, 4.0, 3.0, 60), (30, 1.0, 10.0, 60), (5, 200.0, 0.3, 60), (25, 60.0, 10.0, 700)],
    ids=["middling", "ends early", "far more marks than the limit", "more than one block"],
)
def test_the_vectorised_bootstrap_equals_a_plain_loop_to_the_last_bit(
    n_cases: int, fps_per_case: float, limit: float, resamples: int
) -> None:
    cases = _detector(3, n_cases, fps_per_case)
    result = bootstrap(cases, limit, resamples=resamples, seed=11, confidence=0.9)
    drawn = draw_resamples(np.array([len(case.lesion_scores) for case in cases]), resamples, seed=11)
    curves = [froc([cases[index] for index in row]) for row in drawn]
    aucs = np.array([partial_auc(curve, limit) for curve in curves])
    grid = np.linspace(0, limit, 101)
    on_grid = np.array([[curve.at(fps) for fps in grid] for curve in curves])
    n = effective_count(np.array([len(case.lesion_scores) for case in cases]))
    plain = np.quantile(aucs, [(1 - 0.9) / 2, (1 + 0.9) / 2])
    least = score_interval(result.estimate, aucs.var(ddof=1), n, 0.9)
    assert result.estimate == partial_auc(froc(cases), limit)
    assert (result.low, result.high) == (min(plain[0], least[0]), max(plain[1], least[1]))
    assert result.variance == smoothed_variance(result.estimate, aucs.var(ddof=1), n)
    assert result.fps_per_case.tolist() == grid.tolist()
    assert result.sensitivity.tolist() == [froc(cases).at(fps) for fps in grid]
    band = np.quantile(on_grid, [(1 - 0.9) / 2, (1 + 0.9) / 2], axis=0)
    edges = score_interval(result.sensitivity, on_grid.var(axis=0, ddof=1), n, 0.9)
    assert result.lower.tolist() == np.minimum(band[0], edges[0]).tolist()
    assert result.upper.tolist() == np.maximum(band[1], edges[1]).tolist()


def test_the_same_seed_gives_the_same_result_and_another_seed_another() -> None:
    cases = _detector(0, 20, 3.0)
    first, again, other = (bootstrap(cases, 3.0, resamples=50, seed=seed) for seed in (5, 5, 6))
    assert _fields(first) == _fields(again)
    assert first.variance != other.variance


def test_the_variance_is_near_that_of_fresh_samples_of_cases() -> None:
    # 200 fresh samples of 40 cases; the bootstrap estimates their variance from each of 20. The band of a factor 1.5
    # was chosen with room: the mean of 20 such estimates has a standard error of some 5 %.
    samples = [_detector(seed, 40, 3.0) for seed in range(200)]
    true_variance = np.var([partial_auc(froc(cases), 3.0) for cases in samples], ddof=1)
    estimates = [bootstrap(cases, 3.0, resamples=200).variance for cases in samples[:20]]
    assert 1 / 1.5 < np.mean(estimates) / true_variance < 1.5


@pytest.mark.parametrize("n_cases", [2, 8, 100])
@pytest.mark.parametrize("score", [0.9, MISSED], ids=["all found", "nothing found"])
def test_a_detector_that_never_varies_is_not_known_for_certain(n_cases: int, score: float) -> None:
    result = bootstrap([MatchedCase(np.array([score]), np.empty(0))] * n_cases, 3.0, resamples=30)
    # Clopper and Pearson: the chance 0.025^(1/n) of finding one lesion finds all n in one of 40 samples.
    width = 1 - 0.025 ** (1 / n_cases)
    interval = (1 - width, 1.0) if score == 0.9 else (0.0, width)
    assert result.estimate == (1.0 if score == 0.9 else 0.0)
    assert (result.low, result.high) == pytest.approx(interval, abs=1e-12)
    # Jeffreys' prior adds half a lesion found and half a lesion missed.
    share = (n_cases + 0.5) / (n_cases + 1)
    assert result.variance == pytest.approx(share * (1 - share) / (n_cases + 1), rel=1e-12)
    assert (result.upper - result.lower).tolist() == pytest.approx([width] * 101, abs=1e-12)


def test_the_interval_holds_the_score_and_stays_a_share() -> None:
    for seed in range(20):
        result = bootstrap(_detector(seed, 3, 2.0), 3.0, resamples=50)
        assert 0 <= result.low <= result.estimate <= result.high <= 1
        assert result.high - result.low > 0.3, "three cases prove little"
        assert (result.lower <= result.sensitivity).all()
        assert (result.upper >= result.sensitivity).all()
        assert (result.upper - result.lower).min() > 0.3


def test_cases_of_one_patient_are_drawn_together() -> None:
    cases = _detector(4, 30, 3.0)
    twice = [*cases, *cases]
    names = [f"patient-{index}" for index in range(30)] * 2
    of_patients = [replace(case, patient=name) for case, name in zip(twice, names, strict=True)]
    alone, together, apart = (bootstrap(each, 3.0, resamples=400) for each in (cases, of_patients, twice))
    # A copy of a patient's case tells nothing new. Taken for a patient of its own it would halve the variance.
    assert together.estimate == apart.estimate
    assert together.variance == pytest.approx(alone.variance, rel=1e-9)
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high), abs=1e-9)
    assert apart.variance < 0.7 * together.variance


def test_lesions_of_one_patient_do_not_make_a_score_certain() -> None:
    found = np.full(40, 0.9)
    many = bootstrap([MatchedCase(found, np.empty(0), patient=name) for name in ("a", "a", "b")], 3.0, resamples=50)
    # Two patients, one with twice the lesions of the other, are worth (80 + 40)^2 / (80^2 + 40^2) = 1.8 equal ones.
    assert many.low == pytest.approx(0.025 ** (1 / 1.8), abs=1e-12)


def test_a_resample_with_more_cases_than_there_are_keeps_its_curve() -> None:
    # Patient a has 12 cases, so a resample of a twice has 24, and the curve must reach 24 false positives per limit.
    rng = np.random.default_rng(0)
    cases = [MatchedCase(rng.normal(1, 1, 2), rng.normal(0, 1, 4), patient="a") for _ in range(12)]
    cases.append(MatchedCase(rng.normal(1, 1, 2), rng.normal(0, 1, 4), patient="b"))
    drawn = draw_resamples(np.array([24, 2]), 60, seed=0)
    by_patient = (cases[:12], cases[12:])
    aucs = [partial_auc(froc([case for index in row for case in by_patient[index]]), 3.0) for row in drawn]
    plain = float(np.var(aucs, ddof=1))
    result = bootstrap(cases, 3.0, resamples=60)
    assert result.variance == pytest.approx(smoothed_variance(result.estimate, plain, 26**2 / (24**2 + 4)), rel=1e-12)


def test_a_resample_without_lesions_is_drawn_again() -> None:
    # One case of six has a lesion: a third of the plain resamples would have none.
    lesions_per_case = np.array([0, 0, 0, 2, 0, 0])
    drawn = draw_resamples(lesions_per_case, resamples=300, seed=0)
    plain = np.random.default_rng(0).integers(6, size=(300, 6))
    assert lesions_per_case[drawn].sum(axis=1).min() > 0
    has_lesion = lesions_per_case[plain].sum(axis=1) > 0
    assert 0 < has_lesion.sum() < 300
    assert drawn[has_lesion].tolist() == plain[has_lesion].tolist()


def test_cases_with_one_lesion_among_them_are_scored() -> None:
    cases = [MatchedCase(np.array([0.9]), np.array([0.95]))] + [MatchedCase(np.empty(0), np.array([0.5]))] * 9
    result = bootstrap(cases, 3.0, resamples=100)
    assert 0 < result.low <= result.estimate <= result.high <= 1


def test_a_narrower_confidence_gives_a_narrower_interval() -> None:
    cases = _detector(1, 30, 3.0)
    wide, narrow = (bootstrap(cases, 3.0, resamples=200, confidence=confidence) for confidence in (0.95, 0.5))
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"limit": 0.0}, "the limit is 0.0; give a positive finite number"),
        ({"resamples": 1}, "1 resamples tell no variance; give at least 2"),
        ({"seed": -1}, "the seed is -1; give a whole number >= 0"),
        ({"confidence": 1.0}, "the confidence is 1.0; give a number between 0 and 1"),
    ],
    ids=["limit", "resamples", "seed", "confidence"],
)
def test_an_argument_out_of_range_is_refused(changed: dict[str, Any], message: str) -> None:
    arguments = {"limit": 3.0, "resamples": 100, **changed}
    with pytest.raises(EvaluationError, match=message):
        bootstrap([MatchedCase(np.array([0.5]), np.empty(0))] * 4, **arguments)


@pytest.mark.parametrize(("n_cases", "remedy"), [(0, "add cases with lesions"), (1, "give at least 2 cases")])
def test_too_few_cases_are_refused(n_cases: int, remedy: str) -> None:
    with pytest.raises(EvaluationError, match=remedy):
        bootstrap([MatchedCase(np.array([0.5]), np.empty(0))] * n_cases, 3.0)


def test_cases_of_one_patient_only_are_refused() -> None:
    with pytest.raises(EvaluationError, match=r"all 3 cases are of one patient.*give cases of at least 2 patients"):
        bootstrap([MatchedCase(np.array([0.5]), np.empty(0), patient="a")] * 3, 3.0)


def test_a_limit_beyond_all_reason_is_no_overflow() -> None:
    cases = [MatchedCase(np.array([0.5]), np.array([0.6]))] * 3
    assert bootstrap(cases, 1e308, resamples=5).estimate == 1.0
