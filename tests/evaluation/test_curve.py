"""FROC curves of small sets of cases, worked out by hand."""

import numpy as np
import pytest

from bohpo.errors import EvaluationError
from bohpo.evaluation import Case, FrocCurve, MatchedCase, froc

MISSED = -np.inf


def _matched(lesion_scores: list[float], false_positive_scores: list[float]) -> MatchedCase:
    return MatchedCase(np.array(lesion_scores), np.array(false_positive_scores))


def _points(curve: FrocCurve) -> list[tuple[float, float, float]]:
    columns = (curve.thresholds, curve.fps_per_case, curve.sensitivity)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_the_curve_has_one_point_per_distinct_score_and_starts_at_zero() -> None:
    # 2 cases, 4 lesions. From the top: 0.9 a hit; 0.8 a false positive; 0.7 a hit and a false positive; 0.1 a hit.
    curve = froc([_matched([0.9, 0.7, MISSED], [0.8]), _matched([0.1], [0.7])])
    assert _points(curve) == [
        (np.inf, 0.0, 0.0),
        (0.9, 0.0, 0.25),
        (0.8, 0.5, 0.25),
        (0.7, 1.0, 0.50),
        (0.1, 1.0, 0.75),
    ]
    assert (curve.n_lesions, curve.n_cases) == (4, 2)


def test_a_perfect_detector_is_at_full_sensitivity_without_false_positives() -> None:
    assert _points(froc([_matched([0.9], []), _matched([0.8], [])]))[-1] == (0.8, 0.0, 1.0)


def test_scores_that_all_tie_make_one_point() -> None:
    # 2 hits of 3 lesions and 4 false positives in 2 cases, all at once.
    curve = froc([_matched([0.5, 0.5], [0.5]), _matched([MISSED], [0.5, 0.5, 0.5])])
    assert _points(curve) == [(np.inf, 0.0, 0.0), (0.5, 2.0, 2 / 3)]


def test_no_marks_leave_the_first_point_only() -> None:
    assert _points(froc([_matched([MISSED], [])])) == [(np.inf, 0.0, 0.0)]


def test_lesion_free_cases_count_in_the_false_positives_per_case() -> None:
    cases = [_matched([0.9], [0.5]), _matched([], []), _matched([], [0.4]), _matched([], [])]
    assert froc(cases).fps_per_case.tolist() == [0.0, 0.0, 0.25, 0.5]


def test_cases_are_matched_where_they_are_not_yet() -> None:
    marks = np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 0.0]])
    case = Case("one", np.zeros((1, 3)), np.array([6.0]), marks, np.array([0.4, 0.6]))
    assert _points(froc([case])) == [(np.inf, 0.0, 0.0), (0.6, 1.0, 0.0), (0.4, 1.0, 1.0)]


@pytest.mark.parametrize("cases", [[], [_matched([], [0.5])]], ids=["no cases", "no lesions"])
def test_a_curve_without_lesions_is_refused(cases: list[MatchedCase]) -> None:
    with pytest.raises(EvaluationError, match=f"none of the {len(cases)} cases has a lesion.*add cases with lesions"):
        froc(cases)


@pytest.mark.parametrize("score", [np.nan, np.inf])
def test_scores_that_have_no_rank_are_refused(score: float) -> None:
    with pytest.raises(EvaluationError, match="give finite scores"):
        froc([_matched([score], [])])


def test_sensitivity_is_linear_between_points_and_flat_past_the_end() -> None:
    # (0, 0), (0, 0.5) at 0.9, (2, 1) at 0.5: half-way up the second segment 0.75.
    curve = froc([_matched([0.9, 0.5], [0.5, 0.5])])
    assert [curve.at(fps) for fps in (0.0, 1.0, 2.0, 50.0)] == [0.5, 0.75, 1.0, 1.0]


@pytest.mark.parametrize("fps", [-0.1, np.nan, np.inf])
def test_sensitivity_is_not_read_off_where_there_is_no_curve(fps: float) -> None:
    with pytest.raises(EvaluationError, match="give a finite number >= 0"):
        froc([_matched([0.9], [])]).at(fps)
