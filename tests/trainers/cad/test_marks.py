"""The outcome says what the marks are worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bohpo.errors import EvaluationError
from bohpo.evaluation import Case as MarkedCase
from bohpo.evaluation import froc
from bohpo.trainer import Outcome
from trainers.cad.candidates import Peaks
from trainers.cad.case import Case
from trainers.cad.marks import mark, quick_partial_auc, score


def _marked(hits: int, false_positives: int, cases: int = 6) -> list[MarkedCase]:
    """Cases with one aneurysm; in the first `hits` the best mark is on it."""
    rng, marked = np.random.default_rng(0), []
    volume = np.zeros((40, 40, 40), np.float32)
    for number in range(cases):
        case = Case(f"case-{number}", volume, 0.5, np.array([[10.0, 11.0, 12.0]]), np.array([4.0]))
        points, heights = rng.uniform(0, 10, size=(false_positives, 3)), rng.uniform(0, 1, size=false_positives)
        if number < hits:
            points, heights = np.vstack([[[24.0, 22.0, 20.0]], points]), np.concatenate([[2.0], heights])
        marked.append(mark(case, Peaks(points, heights)))
    return marked


def test_a_detector_that_finds_everything_first_scores_one() -> None:
    outcome = score(_marked(hits=6, false_positives=4), 3.0)
    assert outcome.value == pytest.approx(1)
    # Six cases prove little: (6.5 / 7) (0.5 / 7) / 7 with half a lesion found and half a lesion missed beside them.
    assert outcome.variance == pytest.approx(6.5 * 0.5 / 7**3)
    assert outcome.metrics["partial_auc_low"] == pytest.approx(0.025 ** (1 / 6))
    assert outcome.metrics["sensitivity_at_3"] == 1


def test_a_detector_that_finds_half_scores_a_half_and_varies_from_sample_to_sample() -> None:
    outcome = score(_marked(hits=3, false_positives=4), 3.0)
    assert outcome.value == outcome.metrics["partial_auc"] == pytest.approx(0.5)
    assert outcome.metrics["partial_area"] == pytest.approx(1.5)
    assert outcome.variance is not None
    # Six cases that are hit or not, drawn with replacement: variance p (1 - p) / 6.
    assert outcome.variance == pytest.approx(0.25 / 6, rel=0.15)


def test_the_curve_keeps_the_shape_in_few_points() -> None:
    marked = _marked(hits=4, false_positives=15)
    curve, whole = score(marked, 3.0).curves["froc"], froc(marked)
    assert len(curve.x) <= 200
    assert (curve.x[0], curve.x[-1]) == (0, 10)
    assert list(curve.x) == sorted(set(curve.x))
    assert np.array(curve.y) == pytest.approx([whole.at(fps) for fps in curve.x])
    assert (np.array(curve.lower) <= np.array(curve.y) + 1e-12).all()
    assert (np.array(curve.upper) >= np.array(curve.y) - 1e-12).all()


def test_two_cases_of_one_patient_count_once() -> None:
    marked = _marked(hits=3, false_positives=4)
    of_patients = [replace(case, patient=case.name) for case in marked]
    once, twice = score(marked, 3.0), score([*of_patients, *of_patients], 3.0)
    assert (once.value, once.variance) == pytest.approx((twice.value, twice.variance))
    for name in ("partial_auc_low", "partial_auc_high", "sensitivity_at_1_low", "sensitivity_at_1_high"):
        assert once.metrics[name] == pytest.approx(twice.metrics[name])


def test_the_outcome_survives_json() -> None:
    outcome = score(_marked(hits=3, false_positives=4), 3.0)
    assert Outcome.from_json(outcome.to_json()) == outcome


def test_cases_without_any_aneurysm_cannot_be_scored_but_can_be_reported_on() -> None:
    none = [MarkedCase("free", np.empty((0, 3)), np.empty(0), np.zeros((1, 3)), np.ones(1)) for _ in range(2)]
    assert quick_partial_auc(none, 3.0) == 0
    with pytest.raises(EvaluationError):
        score(none, 3.0)


def test_operating_points_come_with_their_intervals_and_without_what_is_never_reached() -> None:
    metrics = score(_marked(hits=4, false_positives=4), 3.0).metrics
    assert metrics["sensitivity_at_3"] == metrics["sensitivity_at_1"] == pytest.approx(4 / 6)
    assert metrics["sensitivity_at_3_low"] < 4 / 6 < metrics["sensitivity_at_3_high"]
    assert not [name for name in metrics if name.startswith("fps_per_case_at_sensitivity_0.8")]
    perfect = score(_marked(hits=6, false_positives=4), 3.0).metrics
    assert perfect["fps_per_case_at_sensitivity_0.9"] == perfect["fps_per_case_at_sensitivity_0.9_low"] == 0
    assert "fps_per_case_at_sensitivity_0.9_high" not in perfect, "six lesions do not show that 0.9 is reached"
