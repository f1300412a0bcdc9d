"""The first points: the centre, then a Sobol sequence that any process can continue."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bohpo.optimizer.cube import Cube
from bohpo.optimizer.recipe import FEW_NUMBERS
from bohpo.optimizer.startup import SPREAD, SPREAD_OF_MANY, fresh_point, sobol, startup_points
from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space

SPACE = Space((FloatParameter("x", 0.0, 1.0), IntParameter("n", 1, 9), CategoricalParameter("c", ("usual", "other"))))


def test_the_first_point_is_the_centre_with_choices_at_random() -> None:
    firsts = [SPACE.decode(startup_points(Cube(SPACE), 0, 1, seed)[0]) for seed in range(12)]
    assert {(first["x"], first["n"]) for first in firsts} == {(0.5, 5)}
    assert {first["c"] for first in firsts} == {"usual", "other"}


def test_the_first_choices_leave_their_dependents_right() -> None:
    space = Space((CategoricalParameter("c", (1, 2)), FloatParameter("x", 0.0, 1.0, when={"c": (1,)})))
    for seed in range(8):
        configuration = space.decode(startup_points(Cube(space), 0, 1, seed)[0])
        assert ("x" in configuration) == (configuration["c"] == 1)


def test_later_points_fill_the_space_evenly() -> None:
    points = startup_points(Cube(SPACE), 1, 16, 0)
    assert np.histogram(points[:, 0], bins=16, range=(0, 1))[0].tolist() == [1] * 16
    assert (points[:, 2] < 0.5).sum() == 8


@pytest.mark.parametrize("centre_first", [True, False])
def test_a_burst_gives_the_points_of_one_at_a_time(centre_first: bool) -> None:
    cube = Cube(SPACE)
    burst = startup_points(cube, 0, 9, 3, centre_first=centre_first)
    single = [startup_points(cube, index, 1, 3, centre_first=centre_first)[0] for index in range(9)]
    np.testing.assert_array_equal(burst, single)


def test_a_sobol_sequence_continues_where_it_was_left() -> None:
    np.testing.assert_array_equal(sobol(3, 8, seed=5)[5:], sobol(3, 3, seed=5, start=5))
    assert not np.array_equal(sobol(3, 8, seed=5), sobol(3, 8, seed=6))


def test_a_space_without_parameters_has_one_point() -> None:
    assert startup_points(Cube(Space(())), 4, 2, 0).shape == (2, 0)


@pytest.mark.parametrize("left", range(3))
def test_the_last_free_point_of_a_full_space_is_found(left: int) -> None:
    cube = Cube(Space((IntParameter("n", 1, 3000, log=True),)))
    everything = cube.every_point(3000)
    assert everything is not None
    free = cube.keys(everything)[left]
    found = fresh_point(cube, np.random.default_rng(0), lambda point: cube.keys(point[None])[0] == free)
    assert found is not None
    np.testing.assert_array_equal(found, everything[left])


def test_where_nothing_may_be_proposed_nothing_is_found() -> None:
    assert fresh_point(Cube(SPACE), np.random.default_rng(0), lambda _: False) is None


MANY_NUMBERS = Space(tuple(FloatParameter(f"x{index}", 0.0, 1.0) for index in range(FEW_NUMBERS + 1)))


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (SPACE, range(SPREAD + 1, 100, 2)),
        (MANY_NUMBERS, [*range(SPREAD_OF_MANY, SPREAD), *range(SPREAD + 1, 100, 2)]),
    ],
    ids=["few", "many"],
)
def test_later_points_are_drawn_towards_the_centre(space: Space, expected: Sequence[int]) -> None:
    cube = Cube(space)
    numeric = [column for column, axis in enumerate(cube.axes) if not axis.is_categorical]
    drawn = startup_points(cube, 1, 99, 5)
    spread = startup_points(cube, 1, 99, 5, draw_in=False)
    changed = np.array([not np.array_equal(a, b) for a, b in zip(drawn, spread, strict=True)])
    late = np.isin(np.arange(1, 100), expected)
    assert not changed[~late].any()
    assert changed[late].all()
    away = np.abs(drawn[:, numeric] - 0.5).max(axis=1)
    assert away[late].max() < 0.5 * away[~late].max()
    others = [column for column, axis in enumerate(cube.axes) if axis.is_categorical]
    assert (drawn[:, others] == spread[:, others]).all()
