"""Operating points are read off the curve in both directions."""

import numpy as np
import pytest

from bohpo.errors import EvaluationError
from bohpo.evaluation import CPM_FPS_PER_CASE, FrocCurve, MatchedCase, OperatingPoint, froc, operating_points


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
