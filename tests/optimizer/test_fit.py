"""The most probable hyperparameters: right gradients, a true maximum, and what it learns from data."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.optimize import approx_fprime, check_grad
from scipy.stats import gamma, multivariate_normal, norm

from bohpo.optimizer.covariance import Array, Layout
from bohpo.optimizer.cube import Cube
from bohpo.optimizer.fit import Hyperparameters, Loss, bowl, fit
from bohpo.optimizer.posterior import Posterior
from bohpo.optimizer.recipe import BOWL, TRENDS, View
from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space

SPACE = Space(
    (
        FloatParameter("x", 0.0, 1.0),
        IntParameter("n", 1, 5),
        CategoricalParameter("c", ("a", "b", "d")),
        FloatParameter("z", 0.0, 1.0, when={"c": ("a",)}),
    )
)
BOTH = dataclasses.replace(TRENDS, bowl=True)
VIEWS = [TRENDS, BOWL, BOTH]


def some_data(n: int = 25, seed: int = 0) -> tuple[Layout, Array, Array, Array]:
    rng = np.random.default_rng(seed)
    cube = Cube(SPACE)
    features = cube.features(cube.snap(rng.random((n, len(SPACE)))))
    values = np.sin(5.0 * features[:, 0]) + features[:, 1] ** 2 + 0.3 * rng.standard_normal(n)
    return cube.layout, features, (values - values.mean()) / values.std(), 0.1 * rng.random(n)


def numeric_layout(dimension: int) -> Layout:
    return Layout(np.arange(dimension), dimension, dimension)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view.name}-{view.trend}-{view.bowl}")
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_agrees_with_finite_differences(view: View, seed: int) -> None:
    loss = Loss(*some_data(seed=seed), view)
    vector = Hyperparameters(np.zeros(len(SPACE))).to_vector()
    vector += 0.5 * np.random.default_rng(seed).standard_normal(len(vector))
    numerical = approx_fprime(vector, lambda x: loss(x)[0], 1e-6)
    np.testing.assert_allclose(loss(vector)[1], numerical, rtol=1e-4, atol=1e-4)
    assert check_grad(lambda x: loss(x)[0], lambda x: loss(x)[1], vector) < 1e-3


def test_the_loss_is_minus_the_log_posterior_density() -> None:
    layout, features, values, variances = some_data()
    loss = Loss(layout, features, values, variances, BOTH)

    def density(theta: Hyperparameters) -> float:
        covariance = theta.covariance(layout)
        rows = covariance.rows(features)
        mean = -theta.curvature * bowl(layout, features)
        normal = multivariate_normal(mean, covariance(rows, rows) + np.diag(theta.noise(variances)))
        w = np.exp(theta.log_w)
        prior = -0.3 * (w + 1 / w).sum() + norm.logpdf(theta.log_w[2], math.log(0.3))
        prior += gamma(2.0).logpdf(math.exp(theta.log_signal))
        prior += norm.logpdf(theta.log_trend, math.log(0.1)) + norm.logpdf(theta.curvature, 1.0)
        prior += norm.logpdf(theta.log_noise, -4.0) + norm.logpdf(theta.log_share, math.log(0.1))
        return float(normal.logpdf(values) + prior)

    rng = np.random.default_rng(1)
    thetas = [Hyperparameters.from_vector(0.5 * rng.standard_normal(len(SPACE) + 5)) for _ in range(4)]
    differences = [loss(theta.to_vector())[0] + density(theta) for theta in thetas]
    np.testing.assert_allclose(differences, differences[0], atol=1e-8)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view.name}-{view.trend}-{view.bowl}")
def test_a_fit_is_a_maximum(view: View) -> None:
    data = some_data()
    found = fit(*data, view).to_vector()
    loss = Loss(*data, view)
    absent = [] if view.trend else [len(SPACE) + 1]
    absent += [] if view.bowl else [len(SPACE) + 2]
    for index in set(range(len(found))) - set(absent):
        for change in (-0.2, 0.2):
            elsewhere = found.copy()
            elsewhere[index] += change
            assert loss(elsewhere)[0] > loss(found)[0]


def test_a_fit_finds_which_parameters_matter() -> None:
    features = np.random.default_rng(0).random((40, 3))
    values = np.sin(5.0 * features[:, 1])
    theta = fit(numeric_layout(3), features, (values - values.mean()) / values.std(), np.zeros(40), BOWL)
    assert theta.log_w[1] > theta.log_w[0] + math.log(5.0)
    assert theta.log_w[1] > theta.log_w[2] + math.log(5.0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_bowl_learns_which_way_it_bends(sign: float) -> None:
    features = np.random.default_rng(0).random((60, 3))
    values = -sign * np.square(2.0 * features - 1.0).sum(axis=1)
    theta = fit(numeric_layout(3), features, (values - values.mean()) / values.std(), np.zeros(60), BOWL)
    assert sign * theta.curvature > 1.5 if sign > 0 else theta.curvature < 0.5


def test_parts_that_a_view_lacks_are_not_there() -> None:
    layout, features, values, variances = some_data()
    assert fit(layout, features, values, variances, BOWL).covariance(layout).trend == 0.0
    assert fit(layout, features, values, variances, TRENDS).curvature == 0.0


def test_a_space_without_numbers_has_no_bowl() -> None:
    cube = Cube(Space((CategoricalParameter("a", (1, 2, 3)), CategoricalParameter("b", (1, 2)))))
    features = cube.features(cube.snap(np.random.default_rng(0).random((12, 2))))
    values = np.random.default_rng(1).standard_normal(12)
    theta = fit(cube.layout, features, values, np.zeros(12), BOWL)
    assert theta.curvature == 0.0
    np.testing.assert_array_equal(bowl(cube.layout, features), np.zeros(12))


def test_variance_that_all_trials_share_is_not_taken_for_noise_between_them() -> None:
    features = np.random.default_rng(0).random((40, 2))
    values = np.sin(5.0 * features[:, 0]) + features[:, 1]
    values = (values - values.mean()) / values.std()
    layout, variances = numeric_layout(2), np.ones(40)
    theta = fit(layout, features, values, variances, TRENDS)
    mean, _ = Posterior(layout, theta, features, values, variances).moments(features)
    assert np.abs(mean - values).max() < 0.2


def test_a_start_shortens_the_way_and_changes_little() -> None:
    data = some_data(60)
    cold = fit(*data, TRENDS)
    warm = fit(*data, TRENDS, start=cold)
    loss = Loss(*data, TRENDS)
    assert loss(warm.to_vector())[0] <= loss(cold.to_vector())[0] + 1e-9
    np.testing.assert_allclose(warm.to_vector(), cold.to_vector(), atol=0.1)


def test_numbers_out_of_hand_are_an_error() -> None:
    layout, features, values, variances = some_data()
    with pytest.raises((ArithmeticError, ValueError)):
        fit(layout, features, np.full_like(values, np.nan), variances, TRENDS)
