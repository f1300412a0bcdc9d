"""Climbing from several points at once: against scipy, at bounds, and within the evaluations allowed."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize

from bohpo.optimizer.ascent import Array, ascend

COUNT, DIMENSION = 6, 5


class Counted:
    """A function that knows how often it was asked."""

    def __init__(self, function: Callable[[Array], tuple[Array, Array]]) -> None:
        """Wrap a function."""
        self.function, self.evaluations = function, 0

    def __call__(self, points: Array) -> tuple[Array, Array]:
        """Ask the function, within the cube."""
        self.evaluations += 1
        assert points.min() >= 0.0
        assert points.max() <= 1.0
        return self.function(points)


def ridge(peak: Array) -> Callable[[Array], tuple[Array, Array]]:
    """Give a concave function whose axes differ a hundredfold and are turned against the coordinates."""
    rng = np.random.default_rng(3)
    turned = np.linalg.qr(rng.standard_normal((DIMENSION, DIMENSION)))[0]
    hessian = turned @ np.diag(np.geomspace(0.1, 10.0, DIMENSION)) @ turned.T

    def function(points: Array) -> tuple[Array, Array]:
        away = points - peak
        return -0.5 * np.einsum("ki,ij,kj->k", away, hessian, away), -away @ hessian

    return function


def begin() -> Array:
    return np.random.default_rng(0).random((COUNT, DIMENSION))


EVERYTHING = np.ones((COUNT, DIMENSION), dtype=bool)


def test_every_point_finds_the_peak_inside() -> None:
    peak = np.full(DIMENSION, 0.4)
    found = ascend(ridge(peak), begin(), EVERYTHING, evaluations=60, tolerance=1e-12)
    assert found == pytest.approx(np.tile(peak, (COUNT, 1)), abs=1e-4)


def test_a_peak_outside_is_met_at_the_bounds_as_lbfgsb_meets_it() -> None:
    function = ridge(np.array([1.5, -0.2, 0.5, 0.3, 1.1]))
    found = function(ascend(function, begin(), EVERYTHING, evaluations=80, tolerance=1e-12))[0]

    def descend(x: Array) -> tuple[float, Array]:
        value, gradient = function(x[None])
        return -float(value[0]), -gradient[0]

    best = minimize(descend, begin()[0], jac=True, method="L-BFGS-B", bounds=[(0.0, 1.0)] * DIMENSION)
    assert found == pytest.approx(np.full(COUNT, -best.fun), abs=1e-4)


def test_what_is_not_free_stays() -> None:
    free = EVERYTHING.copy()
    free[:, 1] = False
    free[2] = False
    found = ascend(ridge(np.full(DIMENSION, 0.4)), begin(), free, evaluations=30, tolerance=1e-12)
    assert (found[~free] == begin()[~free]).all()
    assert (found[0] != begin()[0]).sum() == DIMENSION - 1


def test_no_point_ends_lower_than_it_began() -> None:
    def waves(points: Array) -> tuple[Array, Array]:
        return np.sin(40.0 * points).sum(axis=1), 40.0 * np.cos(40.0 * points)

    began = waves(begin())[0]
    for evaluations in range(1, 12):
        ended = waves(ascend(waves, begin(), EVERYTHING, evaluations=evaluations, tolerance=0.0))[0]
        assert (ended >= began).all()
    assert (ended > began).any()


def test_it_ends_early_where_nothing_is_to_be_gained_and_in_time_where_much_is() -> None:
    flat = Counted(lambda points: (np.zeros(len(points)), np.zeros_like(points)))
    ascend(flat, begin(), EVERYTHING, evaluations=20, tolerance=1e-6)
    assert flat.evaluations == 1
    steep = Counted(lambda points: (points.sum(axis=1) * 1e9, np.full_like(points, 1e9)))
    assert (ascend(steep, begin(), EVERYTHING, evaluations=20, tolerance=1e-6) == 1.0).all()
    assert steep.evaluations <= 20
    ridged = Counted(ridge(np.full(DIMENSION, 0.4)))
    ascend(ridged, begin(), EVERYTHING, evaluations=7, tolerance=0.0)
    assert ridged.evaluations == 7


def test_a_point_climbs_the_same_way_alone_and_in_company() -> None:
    function = ridge(np.array([0.2, 0.9, 1.2, 0.4, 0.5]))
    together = ascend(function, begin(), EVERYTHING, evaluations=25, tolerance=0.0)
    alone = ascend(function, begin()[:1], EVERYTHING[:1], evaluations=25, tolerance=0.0)
    assert together[0] == pytest.approx(alone[0], abs=1e-9)
