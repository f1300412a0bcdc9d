"""The first points: the centre, then a Sobol sequence that any process can continue."""

from __future__ import annotations

import numpy as np
import pytest

from bohpo.optimizer.cube import Cube
from bohpo.optimizer.startup import fresh_point, sobol, startup_point
from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space

SPACE = Space((FloatParameter("x", 0.0, 1.0), IntParameter("n", 1, 9), CategoricalParameter("c", ("usual", "other"))))


def test_the_first_point_is_the_centre_with_the_first_choices() -> None:
    assert SPACE.decode(startup_point(Cube(SPACE), 0, 3, set())) == {"x": 0.5, "n": 5, "c": "usual"}


def test_later_points_fill_the_space_evenly() -> None:
    cube = Cube(SPACE)
    points = np.array([startup_point(cube, index, 0, set()) for index in range(1, 17)])
    assert np.histogram(points[:, 0], bins=16, range=(0, 1))[0].tolist() == [1] * 16
    assert (points[:, 2] < 0.5).sum() == 8


def test_a_sobol_sequence_continues_where_it_was_left() -> None:
    np.testing.assert_array_equal(sobol(3, 8, seed=5)[5:], sobol(3, 3, seed=5, start=5))
    assert not np.array_equal(sobol(3, 8, seed=5), sobol(3, 8, seed=6))


def test_a_space_without_parameters_has_one_point() -> None:
    assert startup_point(Cube(Space(())), 4, 0, set()).shape == (0,)


@pytest.mark.parametrize("left", range(3))
def test_the_last_free_point_of_a_full_space_is_found(left: int) -> None:
    cube = Cube(Space((IntParameter("n", 1, 3000, log=True),)))
    everything = cube.every_point(3000)
    assert everything is not None
    taken = set(cube.keys(np.delete(everything, left, axis=0)))
    np.testing.assert_array_equal(fresh_point(cube, np.random.default_rng(0), taken), everything[left])
