"""Operating points are read off the curve in both directions."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from bohpo.errors import EvaluationError
from bohpo.evaluation import (
    CPM_FPS_PER_CASE,
    FrocCurve,
    MatchedCase,
    OperatingPoint,
    froc,
    operating_intervals,
    operating_points,
)


@pytest.fixture
def curve() -> FrocCurve:
    """Points (0, 0), (0, 0.25), (1, 0.25), (3, 0.75) of one case with four lesions."""
    return froc([MatchedCase(np.array([0.9, 0.7, 0.7, -np.inf]), np.array([0.8, 0.7, 0.7]))])


def test_sensitivity_is_given_at_false_positives_per_case(curve: FrocCurve) -> None:
    assert operating_points(curve, fps_per_case=[0, 2, 9]) == (
        OperatingPoint(0, 0.25),
        OperatingPoint(2, 0.5),
        OperatingPoint(9, 0.75),
    )


def test_the_least_false_positives_are_given_at_a_sensitivity(curve: FrocCurve) -> None:
    assert operating_points(curve, fps_per_case=[], sensitivities=[0, 0.2, 0.25, 0.5, 0.75]) == (
        OperatingPoint(0.0, 0),
        OperatingPoint(0.0, 0.2),
        OperatingPoint(0.0, 0.25),
        OperatingPoint(2.0, 0.5),
        OperatingPoint(3.0, 0.75),
    )


def test_a_sensitivity_that_is_never_reached_has_no_false_positives(curve: FrocCurve) -> None:
    assert operating_points(curve, fps_per_case=[], sensitivities=[0.76]) == (OperatingPoint(None, 0.76),)


def test_the_seven_points_of_luna16_are_given_unasked(curve: FrocCurve) -> None:
    assert tuple(point.fps_per_case for point in operating_points(curve)) == CPM_FPS_PER_CASE


@pytest.mark.parametrize("sensitivity", [-0.1, 1.1, np.nan])
def test_a_sensitivity_out_of_range_is_refused(curve: FrocCurve, sensitivity: float) -> None:
    with pytest.raises(EvaluationError, match="give a number from 0 to 1"):
        operating_points(curve, sensitivities=[sensitivity])


def _binomial_cases(hits: int, misses: int) -> list[MatchedCase]:
    """Cases of one lesion and one false positive each; the lesion is found first, or not at all."""
    found = [MatchedCase(np.array([2.0]), np.array([1.0])) for _ in range(hits)]
    return found + [MatchedCase(np.array([-np.inf]), np.array([1.0])) for _ in range(misses)]


def test_intervals_are_those_of_the_binomial_where_cases_are_hit_or_not() -> None:
    [at_one] = operating_intervals(_binomial_cases(30, 10), fps_per_case=[1], resamples=4000)
    assert at_one.point == OperatingPoint(1, 0.75)
    # Resamples are binomial(40, 3 / 4) / 40: its 2.5% and 97.5% quantiles.
    assert at_one.low == pytest.approx(binom.ppf(0.025, 40, 0.75) / 40, abs=0.026)
    assert at_one.high == pytest.approx(binom.ppf(0.975, 40, 0.75) / 40, abs=0.026)


def test_a_sensitivity_that_many_samples_miss_has_no_upper_end() -> None:
    [seldom, often] = operating_intervals(_binomial_cases(30, 10), fps_per_case=[], sensitivities=[0.9, 0.5])
    assert (seldom.point.fps_per_case, seldom.high) == (None, None)
    assert (often.point.fps_per_case, often.low) == (0, 0)
    # No false positive among 40 cases: a rate of -ln(0.025) / 40 shows none in one of 40 samples.
    assert often.high == pytest.approx(-np.log(0.025) / 40, rel=1e-9)


def test_the_intervals_of_a_perfect_detector_have_a_width() -> None:
    few, many = (
        operating_intervals(_binomial_cases(hits, 0), fps_per_case=[0.5], sensitivities=[0.8]) for hits in (5, 50)
    )
    # Five lesions do not show that 0.8 is reached at all: 0.025^(1/5) is 0.48.
    assert [(each.low, each.high) for each in few] == [(pytest.approx(0.025 ** (1 / 5)), 1.0), (0.0, None)]
    at_half, at_sensitivity = many
    assert (at_half.low, at_half.high) == pytest.approx((0.025 ** (1 / 50), 1.0))
    assert (at_sensitivity.low, at_sensitivity.high) == pytest.approx((0.0, -np.log(0.025) / 50))


def test_operating_points_vary_with_patients_not_with_cases() -> None:
    cases = _binomial_cases(12, 8)
    of_patients = [replace(case, patient=str(index)) for index, case in enumerate(cases)]
    [alone] = operating_intervals(cases, fps_per_case=[1])
    [together] = operating_intervals([*of_patients, *of_patients], fps_per_case=[1])
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high), abs=1e-9)


def test_intervals_need_cases_that_vary() -> None:
    with pytest.raises(EvaluationError, match="give at least 2 cases"):
        operating_intervals(_binomial_cases(1, 0))
