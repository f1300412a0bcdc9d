"""The bootstrap over cases: against a plain loop, deterministic, and honest at its edges."""

from typing import Any

import numpy as np
import pytest

from bohpo.errors import EvaluationError
from bohpo.evaluation import Bootstrap, MatchedCase, bootstrap, froc, partial_auc
from bohpo.evaluation.resampling import draw_resamples

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
    assert result.estimate == partial_auc(froc(cases), limit)
    assert (result.low, result.high) == tuple(np.quantile(aucs, [(1 - 0.9) / 2, (1 + 0.9) / 2]))
    assert result.variance == aucs.var(ddof=1)
    assert result.fps_per_case.tolist() == grid.tolist()
    assert result.sensitivity.tolist() == [froc(cases).at(fps) for fps in grid]
    band = np.quantile(on_grid, [(1 - 0.9) / 2, (1 + 0.9) / 2], axis=0)
    assert [result.lower.tolist(), result.upper.tolist()] == band.tolist()


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


def test_a_detector_that_never_varies_has_no_variance() -> None:
    result = bootstrap([MatchedCase(np.array([0.9]), np.empty(0))] * 8, 3.0, resamples=30)
    assert (result.estimate, result.low, result.high, result.variance) == (1.0, 1.0, 1.0, 0.0)


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


def test_a_limit_beyond_all_reason_is_no_overflow() -> None:
    cases = [MatchedCase(np.array([0.5]), np.array([0.6]))] * 3
    assert bootstrap(cases, 1e308, resamples=5).estimate == 1.0
