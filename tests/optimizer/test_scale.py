"""Scores: standardised, drawn together below the median, and back."""

from __future__ import annotations

import numpy as np
import pytest

from bohpo.optimizer.scale import Scale

OBJECTIVE = np.array([0.1, 0.8, 0.82, 0.85, 0.9, -40.0])


@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize("compress", [True, False])
def test_scores_are_standardised_ordered_and_lead_back(maximize: bool, compress: bool) -> None:
    scale = Scale.of(OBJECTIVE, 6, maximize=maximize, compress=compress)
    scores = scale.score(OBJECTIVE)
    assert scores.mean() == pytest.approx(0.0)
    assert scores.std() == pytest.approx(1.0)
    order = np.argsort(OBJECTIVE if maximize else -OBJECTIVE)
    np.testing.assert_array_equal(np.argsort(scores), order)
    np.testing.assert_allclose([scale.objective(float(score)) for score in scores], OBJECTIVE)


def test_without_compression_scores_are_linear() -> None:
    scale = Scale.of(OBJECTIVE, 6, maximize=True, compress=False)
    expected = (OBJECTIVE - OBJECTIVE.mean()) / OBJECTIVE.std()
    np.testing.assert_allclose(scale.score(OBJECTIVE), expected)


def test_a_run_that_diverged_does_not_hide_the_difference_between_good_ones() -> None:
    plain, drawn = (Scale.of(OBJECTIVE, 6, maximize=True, compress=compress) for compress in (False, True))
    good = OBJECTIVE[[2, 4]]
    assert np.ptp(drawn.score(good)) > 5.0 * np.ptp(plain.score(good))


@pytest.mark.parametrize("compress", [True, False])
def test_deviations_change_with_the_slope(compress: bool) -> None:
    scale = Scale.of(OBJECTIVE, 6, maximize=False, compress=compress)
    step = 1e-6
    slope = np.abs(scale.score(OBJECTIVE + step) - scale.score(OBJECTIVE - step)) / (2 * step)
    np.testing.assert_allclose(scale.score_variances(OBJECTIVE, np.full(6, 0.04)), 0.04 * slope**2, rtol=1e-4)
    for score, along in zip(scale.score(OBJECTIVE), slope, strict=True):
        assert scale.objective_sd(float(score), 0.2) == pytest.approx(0.2 / along, rel=1e-4)


def test_equal_values_have_the_score_zero() -> None:
    scale = Scale.of(np.full(4, 7.0), 4, maximize=True, compress=True)
    np.testing.assert_array_equal(scale.score(np.full(4, 7.0)), np.zeros(4))
    assert scale.objective(0.0) == 7.0


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("huge", [1e300, -1e300])
def test_values_whose_squares_fit_no_number_have_scores(compress: bool, huge: float) -> None:
    objective = np.array([0.1, 0.5, 0.9, huge])
    scores = Scale.of(objective, 4, maximize=True, compress=compress).score(objective)
    assert np.isfinite(scores).all()
    assert int(np.argmax(np.sign(huge) * scores)) == 3
