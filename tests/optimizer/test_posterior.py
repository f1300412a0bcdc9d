"""The posterior: equal to BoTorch's, right gradients, and a factor that grows to the same bits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.linalg import LinAlgError
from scipy.optimize import approx_fprime

from bohpo.optimizer import posterior as posterior_module
from bohpo.optimizer.covariance import Array, Layout
from bohpo.optimizer.cube import Cube
from bohpo.optimizer.fit import Hyperparameters, fit
from bohpo.optimizer.posterior import Posterior
from bohpo.optimizer.recipe import BOWL, TRENDS, View
from tests.optimizer.test_fit import BOTH, SPACE, numeric_layout, some_data

CUBE = Cube(SPACE)


def make_posterior(view: View = BOTH, n: int = 25) -> Posterior:
    data = some_data(n)
    return Posterior(data[0], fit(*data, view), *data[1:])


def elsewhere(count: int, seed: int = 9) -> Array:
    return CUBE.features(CUBE.snap(np.random.default_rng(seed).random((count, len(SPACE)))))


@pytest.mark.parametrize("view", [TRENDS, BOWL, BOTH], ids=["trends", "bowl", "both"])
def test_the_posterior_is_that_of_botorch(view: View) -> None:
    import torch

    from bohpo.optimizer.reference import as_botorch

    ours, at = make_posterior(view), elsewhere(40)
    with torch.no_grad():
        theirs = as_botorch(ours).posterior(torch.from_numpy(at))
    mean, sd = ours.moments(at)
    np.testing.assert_allclose(mean, theirs.mean[:, 0].numpy(), atol=1e-8, rtol=0.0)
    np.testing.assert_allclose(np.square(sd), theirs.variance[:, 0].numpy(), atol=1e-8, rtol=0.0)
    joint_mean, covariance = ours.joint(at)
    np.testing.assert_allclose(joint_mean, mean)
    with torch.no_grad():
        expected = as_botorch(ours)(torch.from_numpy(at)).covariance_matrix.numpy()
    np.testing.assert_allclose(covariance, expected, atol=1e-8, rtol=0.0)


@pytest.mark.parametrize("view", [TRENDS, BOWL, BOTH], ids=["trends", "bowl", "both"])
@pytest.mark.parametrize("running", [0, 4])
def test_the_bounds_gradient_agrees_with_finite_differences(view: View, running: int) -> None:
    posterior = make_posterior(view).believing(elsewhere(running, seed=3))
    at, q = elsewhere(6), CUBE.layout.numeric
    at[:, :q] = np.random.default_rng(2).random((6, q))
    bound, gradient = posterior.bound(at, 1.8)
    mean, sd = posterior.moments(at)
    np.testing.assert_allclose(bound, mean + 1.8 * sd)
    for row, point in enumerate(at):

        def along(numeric: Array, point: Array = point) -> float:
            moved = np.concatenate([numeric, point[q:]])[None]
            mean, sd = posterior.moments(moved)
            return float(mean[0] + 1.8 * sd[0])

        np.testing.assert_allclose(gradient[row], approx_fprime(point[:q], along, 1e-7), atol=1e-5)


def test_believing_pending_points_keeps_the_mean_and_shrinks_the_deviation() -> None:
    posterior, pending, at = make_posterior(), elsewhere(5, seed=3), elsewhere(40)
    believing = posterior.believing(pending)
    mean, sd = posterior.moments(at)
    believed_mean, believed_sd = believing.moments(at)
    np.testing.assert_allclose(believed_mean, mean, atol=1e-12)
    assert (believed_sd < sd + 1e-12).all()
    assert (believing.moments(pending)[1] < 0.7 * posterior.moments(pending)[1]).all()


def test_believing_is_conditioning_on_the_mean() -> None:
    posterior, pending, at = make_posterior(), elsewhere(3, seed=3), elsewhere(10)
    conditioned = Posterior(
        posterior.layout,
        posterior.hyperparameters,
        np.vstack([posterior.features, pending]),
        np.concatenate([posterior.values, posterior.moments(pending)[0]]),
        np.concatenate([posterior.variances, np.zeros(3)]),
    )
    for believed, expected in zip(posterior.believing(pending).moments(at), conditioned.moments(at), strict=True):
        np.testing.assert_allclose(believed, expected, atol=1e-9)


def test_believing_nothing_changes_nothing() -> None:
    posterior = make_posterior()
    assert posterior.believing(np.empty((0, posterior.features.shape[1]))) is posterior


def test_the_mean_of_the_values_is_the_mean_at_their_points() -> None:
    posterior = make_posterior()
    np.testing.assert_allclose(posterior.mean_of_values(), posterior.moments(posterior.features)[0], atol=1e-10)


@pytest.mark.parametrize("changed", [None, 0, 9, 17])
def test_a_factor_that_grew_has_the_same_bits_as_one_made_at_once(
    monkeypatch: pytest.MonkeyPatch, changed: int | None
) -> None:
    monkeypatch.setattr(posterior_module, "BLOCK", 4)
    layout, features, values, variances = some_data(23)
    theta = fit(layout, features, values, variances, TRENDS)
    before = features[:18].copy()
    if changed is not None:
        before[changed, 0] += 0.01
    earlier = Posterior(layout, theta, before, values[:18], variances[:18])
    grown = Posterior(layout, theta, features, values, variances, grown_from=earlier)
    at_once = Posterior(layout, theta, features, values, variances)
    at = elsewhere(9)
    for ours, expected in zip(grown.moments(at), at_once.moments(at), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_a_factor_is_not_used_with_other_hyperparameters() -> None:
    layout, features, values, variances = some_data(23)
    theta = fit(layout, features, values, variances, TRENDS)
    other = dataclasses.replace(theta, log_signal=theta.log_signal + 0.5)
    earlier = Posterior(layout, other, features, values, variances)
    fresh = Posterior(layout, theta, features, values, variances)
    again = Posterior(layout, theta, features, values, variances, grown_from=earlier)
    np.testing.assert_array_equal(again.moments(features)[1], fresh.moments(features)[1])


def test_a_value_with_a_larger_measured_variance_counts_for_less() -> None:
    layout: Layout = numeric_layout(1)
    features, values = np.array([[0.5], [0.5]]), np.array([1.0, -1.0])
    theta = Hyperparameters(np.zeros(1), curvature=0.0)
    mean, _ = Posterior(layout, theta, features, values, np.array([0.1, 5.0])).moments(features[:1])
    equal, _ = Posterior(layout, theta, features, values, np.array([5.0, 5.0])).moments(features[:1])
    assert equal[0] == pytest.approx(0.0, abs=1e-12)
    assert mean[0] > 0.5


def test_a_covariance_that_is_none_is_an_error() -> None:
    layout, features, values, variances = some_data(10)
    theta = fit(layout, features, values, variances, TRENDS)
    with pytest.raises((LinAlgError, ValueError)):
        Posterior(layout, theta, features, values, np.full(10, -10.0 * np.exp(-theta.log_share)))
