"""The outcome: area under the ROC curve of the cases' worst patches."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bohpo.errors import EvaluationError
from trainers.head_ct_anomaly.anomaly import Examined
from trainers.head_ct_anomaly.scoring import best_threshold, quick_area, score


def _examined(abnormal: list[float], normal: list[float]) -> list[Examined]:
    found = [True, None, False]
    return [
        *(Examined(f"a{n}", s, is_abnormal=True, is_on_finding=found[n % 3]) for n, s in enumerate(abnormal)),
        *(Examined(f"n{n}", s, is_abnormal=False, is_on_finding=None) for n, s in enumerate(normal)),
    ]


def test_the_value_is_the_share_of_pairs_in_their_right_order() -> None:
    outcome = score(_examined([9.0, 5.0, 7.0], [6.0, 4.0]))
    assert outcome.value == outcome.metrics["roc_auc"] == pytest.approx(5 / 6)
    assert outcome.variance is not None and outcome.variance > 0
    assert outcome.metrics["roc_auc_low"] <= outcome.value <= outcome.metrics["roc_auc_high"]
    assert outcome.metrics["cases"] == 5
    assert outcome.metrics["abnormal_cases"] == 3
    assert outcome.metrics["worst_on_finding"] == 0.5


def test_a_threshold_that_was_chosen_on_some_cases_is_judged_on_others() -> None:
    chosen = best_threshold(_examined([9.0, 5.0, 7.0], [6.0, 4.0]))
    assert chosen == 7.0
    metrics = score(_examined([8.0, 7.0, 6.0, 6.5], [5.0, 7.5]), chosen).metrics
    assert metrics["threshold_hu"] == 7.0
    assert metrics["sensitivity_at_threshold"] == 0.5
    assert metrics["specificity_at_threshold"] == 0.5


def test_two_cases_of_one_patient_count_once() -> None:
    examined = _examined([9.0, 5.0, 7.0, 6.5], [6.0, 4.0, 8.0, 3.0])
    of_patients = [replace(each, patient=each.name) for each in examined]
    once, twice = score(examined), score([*of_patients, *of_patients])
    assert (once.value, once.variance) == pytest.approx((twice.value, twice.variance))
    for name in ("roc_auc_low", "roc_auc_high", "sensitivity_at_specificity_0.88_low"):
        assert once.metrics[name] == pytest.approx(twice.metrics[name])


def test_two_cases_that_are_told_apart_prove_little() -> None:
    outcome = score(_examined([9.0, 8.0], [6.0, 4.0]))
    assert outcome.value == 1
    assert (outcome.metrics["roc_auc_low"], outcome.metrics["roc_auc_high"]) == pytest.approx((0.025 ** (1 / 2), 1))
    assert outcome.variance == pytest.approx(2.5 * 0.5 / 3**3)
    assert outcome.curves["roc"].lower[50] == pytest.approx(0.025 ** (1 / 2))


def test_without_a_threshold_nothing_is_said_of_one() -> None:
    assert not [name for name in score(_examined([9.0], [6.0])).metrics if "threshold" in name]


def test_operating_points_come_in_both_directions_with_their_intervals() -> None:
    metrics = score(_examined([9.0, 5.0, 7.0], [6.0, 4.0])).metrics
    assert metrics["sensitivity_at_specificity_0.88"] == pytest.approx(2 / 3)
    assert metrics["specificity_at_sensitivity_0.9"] == 0.5
    assert metrics["specificity_at_sensitivity_0.9_low"] <= 0.5 <= metrics["specificity_at_sensitivity_0.9_high"]


def test_the_curve_comes_with_its_band() -> None:
    curve = score(_examined([9.0, 5.0, 7.0], [6.0, 4.0])).curves["roc"]
    assert (curve.x[0], curve.x[-1], curve.y[-1]) == (0.0, 1.0, 1.0)
    assert all(low <= y <= high for low, y, high in zip(curve.lower, curve.y, curve.upper, strict=True))


def test_without_known_places_nothing_is_said_of_them() -> None:
    examined = [Examined("a", 1.0, is_abnormal=True, is_on_finding=None), *_examined([], [0.0])]
    assert "worst_on_finding" not in score(examined).metrics


def test_reports_on_the_way_do_not_fail_where_cases_are_of_one_kind() -> None:
    assert quick_area(_examined([1.0], [])) == 0.5
    assert quick_area(_examined([1.0], [0.0])) == 1.0
    with pytest.raises(EvaluationError, match="add cases of both kinds"):
        score(_examined([1.0, 2.0], []))
