"""Marks hit lesions by the rule of LUNA16; every expectation is worked out by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from bohpo.evaluation import Case, MatchedCase, match
from bohpo.evaluation.case import Floats

MISSED = -np.inf


Pairs = Sequence[tuple[float, float]]


def _match(lesions: Pairs, marks: Pairs, excluded: Pairs = ()) -> MatchedCase:
    """Match on the x axis: lesions and excluded findings are (x, diameter), marks are (x, score)."""
    return match(Case("on the x axis", *_on_x_axis(lesions), *_on_x_axis(marks), *_on_x_axis(excluded)))


def _on_x_axis(pairs: Pairs) -> tuple[Floats, Floats]:
    points = np.array([[x, 0.0, 0.0] for x, _ in pairs]).reshape(-1, 3)
    return points, np.array([figure for _, figure in pairs])


def _as_lists(matched: MatchedCase) -> tuple[list[float], list[float]]:
    return matched.lesion_scores.tolist(), matched.false_positive_scores.tolist()


def test_a_mark_inside_the_radius_hits() -> None:
    assert _as_lists(_match([(0, 6)], [(2.9, 0.5)])) == ([0.5], [])


def test_a_mark_exactly_at_the_radius_misses_and_is_a_false_positive() -> None:
    assert _as_lists(_match([(0, 6)], [(3.0, 0.5)])) == ([MISSED], [0.5])


def test_distance_is_taken_in_three_dimensions() -> None:
    # 3^2 + 4^2 + 12^2 = 13^2: outside a diameter of 26, inside one of 26.01.
    for diameter, expected in ((26.0, MISSED), (26.01, 0.5)):
        case = Case("3-4-12", np.zeros((1, 3)), np.array([diameter]), np.array([[3.0, 4.0, 12.0]]), np.array([0.5]))
        assert match(case).lesion_scores.tolist() == [expected]


@pytest.mark.parametrize("diameter", [-1.0, -42.0])
def test_a_negative_diameter_counts_as_ten_millimetres(diameter: float) -> None:
    assert _as_lists(_match([(0, diameter)], [(4.99, 0.5), (5.0, 0.4)])) == ([0.5], [0.4])


def test_a_lesion_takes_the_highest_score_and_its_other_marks_count_as_nothing() -> None:
    matched = _match([(0, 10)], [(1, 0.2), (0, 0.9), (-1, 0.4)])
    assert _as_lists(matched) == ([0.9], [])
    assert matched.marks_on_lesions == 3


def test_a_mark_in_two_touching_lesions_hits_both() -> None:
    # Centres 8 mm apart, radii 5 mm: x = 4 is 4 mm from both, x = 7 is on the second lesion only.
    matched = _match([(0, 10), (8, 10)], [(4, 0.6), (7, 0.8)])
    assert _as_lists(matched) == ([0.6, 0.8], [])
    assert matched.marks_on_lesions == 2


def test_a_mark_on_an_excluded_finding_is_dropped() -> None:
    matched = _match([(0, 6)], [(50, 0.9), (99, 0.3)], excluded=[(52, -1)])
    assert _as_lists(matched) == ([MISSED], [0.3])
    assert matched.marks_on_excluded == 1


def test_a_mark_on_a_lesion_and_on_an_excluded_finding_hits_the_lesion() -> None:
    matched = _match([(0, 6)], [(1, 0.9)], excluded=[(2, 6)])
    assert _as_lists(matched) == ([0.9], [])
    assert (matched.marks_on_lesions, matched.marks_on_excluded) == (1, 0)


def test_every_mark_in_a_lesion_free_case_is_a_false_positive() -> None:
    assert _as_lists(_match([], [(1, 0.2), (0, 0.9)])) == ([], [0.2, 0.9])


def test_a_case_without_marks_misses_all_its_lesions() -> None:
    assert _as_lists(_match([(0, 6), (20, 6)], [])) == ([MISSED, MISSED], [])
