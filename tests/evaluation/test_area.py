"""Partial areas and CPM of small sets of cases, worked out by hand."""

import numpy as np
import pytest

from bohpo.errors import EvaluationError
from bohpo.evaluation import FrocCurve, MatchedCase, cpm, froc, partial_area, partial_auc

MISSED = -np.inf


def _curve(*cases: tuple[list[float], list[float]]) -> FrocCurve:
    return froc([MatchedCase(np.array(lesions), np.array(false_positives)) for lesions, false_positives in cases])


@pytest.mark.parametrize("limit", [0.1, 3.0, 10.0])
def test_a_perfect_detector_scores_one(limit: float) -> None:
    assert partial_auc(_curve(([0.9], []), ([0.8, 0.9], [])), limit) == 1.0


def test_rounding_never_lifts_a_perfect_detector_above_one() -> None:
    # Two false positives in 84 cases: in floating point 1/84 + (2/84 - 1/84) + (0.3 - 2/84) is more than 0.3.
    curve = _curve(([0.9], [0.2]), ([0.9], [0.1]), *[([0.9], [])] * 82)
    assert partial_auc(curve, 0.3) == 1.0


def test_a_detector_without_marks_scores_zero() -> None:
    curve = _curve(([MISSED, MISSED], []), ([], []))
    assert (partial_auc(curve, 3.0), cpm(curve)) == (0.0, 0.0)


def test_a_detector_with_false_positives_only_scores_zero() -> None:
    assert partial_auc(_curve(([MISSED], [0.9, 0.8])), 3.0) == 0.0


def test_tied_scores_make_a_straight_line() -> None:
    # (0, 0) to (2, 2/3): a triangle of 2/3 up to 2, then flat at 2/3 up to 3: 4/3 in all, 4/9 on average.
    # Up to 1 the line has climbed to 1/3: a triangle of 1/6.
    curve = _curve(([0.5, 0.5], [0.5]), ([MISSED], [0.5, 0.5, 0.5]))
    assert partial_area(curve, 3.0) == pytest.approx(4 / 3, abs=1e-15)
    assert partial_auc(curve, 3.0) == pytest.approx(4 / 9, abs=1e-15)
    assert partial_area(curve, 1.0) == pytest.approx(1 / 6, abs=1e-15)


def test_a_curve_that_ends_early_is_extended_flat() -> None:
    # One lesion of two is found, then one false positive in one case: (0, 0.5), (1, 0.5); flat at 0.5 to any limit.
    curve = _curve(([0.9, MISSED], [0.1]))
    assert [partial_area(curve, limit) for limit in (0.5, 1.0, 4.0)] == [0.25, 0.5, 2.0]


def test_the_area_is_cut_inside_a_segment() -> None:
    # Points (0, 0), (0, 1/2) at 0.9, (1, 1/2) at 0.8, (3, 1) at 0.7. Up to 2: 1/2 + the trapezoid from 1/2 to 3/4,
    # 5/8 wide 1: 9/8 in all.
    curve = _curve(([0.9, 0.7], [0.8, 0.7, 0.7]))
    assert partial_area(curve, 2.0) == 9 / 8
    assert partial_auc(curve, 2.0) == 9 / 16


def test_hits_below_the_limit_do_not_count() -> None:
    curve = _curve(([0.5], [0.9, 0.8, 0.7]))
    assert partial_auc(curve, 3.0) == 0.0
    assert partial_area(curve, 4.0) == 1.0


@pytest.mark.parametrize("limit", [0.0, -1.0, np.nan, np.inf])
def test_a_limit_that_bounds_nothing_is_refused(limit: float) -> None:
    with pytest.raises(EvaluationError, match=f"the limit is {limit}; give a positive finite number"):
        partial_auc(_curve(([0.9], [])), limit)


def test_cpm_is_the_mean_of_the_seven_sensitivities() -> None:
    # One case: the first hit comes before any false positive, the second after two, the third after five, the fourth
    # never. At 1/8, 1/4, 1/2 and 1 it is 1/4, at 2 it has jumped to 2/4, at 4 still 2/4, at 8 it is 3/4.
    curve = _curve(([0.9, 0.6, 0.2, MISSED], [0.8, 0.7, 0.5, 0.4, 0.3, 0.1, 0.05, 0.01]))
    assert cpm(curve) == pytest.approx((4 * 0.25 + 0.5 + 0.5 + 0.75) / 7, abs=1e-15)
