"""Configurations as rows of numbers: the same points as the space's own encoding, and the features of the surrogate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bohpo.optimizer.cube import FINEST, Cube
from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space
from bohpo.trial import Configuration

SPACE = Space(
    (
        FloatParameter("lr", 1e-4, 1.0, log=True),
        FloatParameter("dropout", 0.0, 0.7, step=0.1),
        IntParameter("width", 4, 64, log=True),
        IntParameter("levels", 1, 5),
        CategoricalParameter("optimizer", ("adamw", "sgd", "lion")),
        FloatParameter("momentum", 0.5, 0.99, when={"optimizer": ("sgd",)}),
        CategoricalParameter("nesterov", (False, True), when={"optimizer": ("sgd", "lion"), "levels": (2, 3)}),
    )
)


def random_points(count: int) -> np.ndarray:
    return np.random.default_rng(0).random((count, len(SPACE)))


def test_snapped_points_are_those_that_the_space_encodes() -> None:
    points = random_points(200)
    encoded = np.array([SPACE.encode(SPACE.decode(point)) for point in points])
    np.testing.assert_allclose(Cube(SPACE).snap(points), encoded, atol=1e-10)


def test_encoding_tells_the_active_parameters() -> None:
    cube = Cube(SPACE)
    configurations = [SPACE.decode(point) for point in random_points(100)]
    points, active = cube.encode(configurations)
    np.testing.assert_array_equal(active, [[name in c for name in SPACE.names] for c in configurations])
    np.testing.assert_array_equal(active, cube.activity(points))


def test_values_from_outside_the_space_go_to_its_edge() -> None:
    points, active = Cube(SPACE).encode([{"lr": 50.0, "levels": -3, "optimizer": "adam", "other": 1}])
    assert points[0, SPACE.names.index("lr")] == 1.0
    assert points[0, SPACE.names.index("levels")] == pytest.approx(0.1)  # the cell of the first of five values
    assert active[0].tolist() == [name in ("lr", "levels") for name in SPACE.names]


def test_what_is_no_number_and_no_choice_counts_as_inactive() -> None:
    unusable: list[Configuration] = [{"lr": "fast"}, {"lr": True}, {"lr": None}, {"optimizer": "adam"}]
    for points, active in [Cube(SPACE).encode([configuration]) for configuration in unusable]:
        np.testing.assert_array_equal(points, 0.5)
        assert not active.any()


def test_many_configurations_are_encoded_as_each_alone() -> None:
    cube = Cube(SPACE)
    configurations = [SPACE.decode(point) for point in random_points(60)]
    expected = np.array([SPACE.encode(configuration) for configuration in configurations])
    np.testing.assert_allclose(cube.encode(configurations)[0], expected, atol=1e-12)


def test_numeric_features_reach_from_zero_to_one() -> None:
    cube = Cube(SPACE)
    low: Configuration = {"lr": 1e-4, "dropout": 0.0, "width": 4, "levels": 1, "optimizer": "adamw"}
    high: Configuration = {"lr": 1.0, "dropout": 0.7, "width": 64, "levels": 5, "optimizer": "adamw"}
    features = cube.features(*cube.encode([low, high]))
    np.testing.assert_allclose(features[:, :4], [[0, 0, 0, 0], [1, 1, 1, 1]], atol=1e-12)
    np.testing.assert_allclose(features[:, 4], 0.5)


def test_two_choices_are_at_distance_one_and_an_inactive_one_lies_amid_them() -> None:
    space = Space((CategoricalParameter("a", ("x", "y")), CategoricalParameter("b", (1, 2, 3), when={"a": ("x",)})))
    cube = Cube(space)
    features = cube.features(*cube.encode([{"a": "x", "b": 1}, {"a": "x", "b": 3}, {"a": "y"}]))
    squared = ((features[:, None] - features[None]) ** 2).sum(-1)
    assert squared[0, 1] == pytest.approx(1.0)
    assert squared[0, 2] == pytest.approx(squared[1, 2]) == pytest.approx(1.5)


def test_neighbours_differ_in_one_choice_and_what_depends_on_it() -> None:
    cube = Cube(SPACE)
    sgd: Configuration = {"optimizer": "sgd", "momentum": 0.9, "nesterov": True}
    configuration: Configuration = {"lr": 0.01, "dropout": 0.2, "width": 9, "levels": 2, **sgd}
    points = np.vstack([cube.encode([configuration])[0], cube.snap(random_points(1))])
    neighbours, owner = cube.neighbours(points)
    found = [SPACE.decode(neighbour) for neighbour in neighbours[owner == 0]]
    assert len(found) == 7 + 4 + 2 + 1
    alone, _ = cube.neighbours(points[1:])
    np.testing.assert_array_equal(neighbours[owner == 1], alone)
    for neighbour in found:
        assert neighbour["lr"] == pytest.approx(0.01)
        assert sum(neighbour[name] != configuration[name] for name in ("dropout", "levels", "optimizer")) <= 1
        assert ("momentum" in neighbour) == (neighbour["optimizer"] == "sgd")


def test_every_point_of_a_finite_space_is_listed_once() -> None:
    finite = Space(tuple(parameter for parameter in SPACE.parameters if math.isfinite(parameter.count)))
    cube = Cube(finite)
    points = cube.every_point(10**6)
    assert points is not None
    assert len(points) == len(set(cube.keys(points))) == finite.size()
    np.testing.assert_allclose(cube.snap(points), points)


@pytest.mark.parametrize("space", [SPACE, Space((IntParameter("x", 1, 100),))], ids=["infinite", "too large"])
def test_a_space_beyond_the_limit_is_not_listed(space: Space) -> None:
    assert Cube(space).every_point(99) is None


def test_moving_along_features_leads_to_the_coordinates() -> None:
    cube = Cube(SPACE)
    points = cube.snap(random_points(50))
    moved = cube.move(points, cube.features(points))
    np.testing.assert_allclose(moved, points, atol=10.0**-FINEST)
    np.testing.assert_array_equal(moved, cube.move(points, cube.features(points) + 1e-12))
