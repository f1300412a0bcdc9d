"""A case refuses what cannot be scored, and names itself and the remedy."""

from typing import Any

import numpy as np
import pytest

from bohpo.errors import EvaluationError
from bohpo.evaluation import Case
from bohpo.evaluation.case import Floats


def _case(**arrays: object) -> Case:
    nothing: dict[str, object] = {"lesions": [], "diameters": [], "marks": [], "scores": []}
    given: dict[str, Any] = {name: np.array(values) for name, values in {**nothing, **arrays}.items()}
    return Case("case-7", **given)


def test_a_case_without_lesions_or_marks_is_whole() -> None:
    case = _case()
    assert case.lesions.shape == case.marks.shape == case.excluded.shape == (0, 3)
    assert case.diameters.shape == case.scores.shape == case.excluded_diameters.shape == (0,)


def test_whole_numbers_become_floating_point() -> None:
    assert _case(lesions=[[1, 2, 3]], diameters=[4]).lesions.dtype == np.float64


def test_changing_the_callers_array_does_not_change_the_case() -> None:
    scores: Floats = np.array([0.5])
    case = Case("case-7", np.empty((0, 3)), np.empty(0), np.zeros((1, 3)), scores)
    scores[0] = 0.9
    assert case.scores[0] == 0.5


def test_the_arrays_of_a_case_are_read_only() -> None:
    case = _case(lesions=[[1.0, 2.0, 3.0]], diameters=[4.0])
    with pytest.raises(ValueError, match="read-only"):
        case.lesions[0, 0] = 9.0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"lesions": [[0.0, 0.0]], "diameters": [5.0]}, r"lesions has shape \(1, 2\); give \(n, 3\)"),
        ({"marks": [1.0, 2.0, 3.0], "scores": [0.5]}, r"marks has shape \(3,\); give \(n, 3\)"),
        ({"marks": [[0.0, 0.0, 0.0]], "scores": [[0.5]]}, r"scores has shape \(1, 1\); give \(n,\)"),
        ({"lesions": [[0.0, 0.0, 0.0]]}, "1 lesions but 0 diameters; give one of diameters for each of lesions"),
        ({"scores": [0.5]}, "0 marks but 1 scores; give one"),
        ({"excluded": [[0.0, 0.0, 0.0]]}, "1 excluded but 0 excluded_diameters; give one"),
        ({"lesions": [[0.0, 0.0, np.nan]], "diameters": [5.0]}, r"lesions\[0\] is not finite; drop it"),
        ({"marks": np.zeros((2, 3)), "scores": [0.5, np.inf]}, r"scores\[1\] is not finite; drop it"),
        ({"scores": float("nan")}, r"scores\[0\] is not finite"),
        ({"lesions": np.zeros((2, 3)), "diameters": [5.0, 0.0]}, r"diameters\[1\] is 0, .* -1 where it is unknown"),
        ({"excluded": np.zeros((1, 3)), "excluded_diameters": [0.0]}, r"excluded_diameters\[0\] is 0"),
        ({"scores": ["high"]}, "scores is not an array of numbers"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else str(value)[:24],
)
def test_what_cannot_be_scored_is_refused_by_name(arrays: dict[str, object], message: str) -> None:
    with pytest.raises(EvaluationError, match=f"case-7: {message}"):
        _case(**arrays)


def test_a_score_of_zero_is_a_score() -> None:
    assert _case(marks=[[0.0, 0.0, 0.0]], scores=[0.0]).scores.tolist() == [0.0]
