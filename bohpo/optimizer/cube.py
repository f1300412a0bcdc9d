"""Many configurations at a time as rows of numbers: points of the unit cube, and features for the surrogate.

| symbol   | meaning                                                                               | shape  |
| -------- | ------------------------------------------------------------------------------------- | ------ |
| points   | coordinates as in `bohpo.space`; 1/2 where a parameter is inactive                    | (m, d) |
| active   | whether each parameter is active at each point                                        | (m, d) |
| features | numeric parameters scaled so that their first and last values lie at 0 and 1, then    | (m, f) |
|          | one column per choice of every categorical parameter: sqrt(1/2) at the active choice  |        |

Two different choices are therefore at squared distance 1 (Hamming), an inactive parameter at the centre of its choices.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bohpo.optimizer.covariance import Layout
from bohpo.space import CategoricalParameter, IntParameter, Parameter, Space
from bohpo.space.parameters import identity
from bohpo.trial import Configuration, Scalar

Points = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_NEIGHBOURS = 16
"""A numeric parameter of more values than this is searched along its gradient, not value by value."""

SAME = 1e-9
"""Coordinates that differ by less are one value."""

FINEST = 6
"""Decimals of a coordinate that a gradient moved: more would tell how many threads the linear algebra had."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter as a coordinate of the cube.

    Attributes:
        parameter: The parameter.
        parents: Column of each parent, with the coordinates at which it makes this parameter active.
        values: Coordinates of all values of a parameter that is searched value by value, else empty.
        choices: Coordinate of each choice of a categorical parameter, by its identity.
    """

    parameter: Parameter
    parents: tuple[tuple[int, Points], ...]
    values: Points
    choices: Mapping[tuple[str, Scalar], float]

    @property
    def is_categorical(self) -> bool:
        """Whether the values have no order."""
        return isinstance(self.parameter, CategoricalParameter)

    @property
    def is_continuous(self) -> bool:
        """Whether the parameter is searched along its gradient."""
        return not len(self.values)

    def can_be(self, value: Scalar) -> bool:
        """Whether a value has a place on the axis: a choice that is known, or any number."""
        if self.is_categorical:
            return identity(value) in self.choices
        return isinstance(value, int | float) and not isinstance(value, bool)

    def encode(self, values: Sequence[Scalar]) -> Points:
        """Give the coordinates of values, shape (m,); numbers outside the interval go to its edge."""
        parameter = self.parameter
        if isinstance(parameter, CategoricalParameter):
            return np.array([self.choices[identity(value)] for value in values])
        inside = np.clip(np.array(values, dtype=float), parameter.low, parameter.last)
        if isinstance(parameter, IntParameter) and parameter.log:
            left, right = math.log(parameter.low - 0.5), math.log(parameter.high + 0.5)
            return np.asarray((np.log(inside) - left) / (right - left))
        if not math.isinf(parameter.count):
            return np.asarray((np.round((inside - parameter.low) / (parameter.step or 1.0)) + 0.5) / parameter.count)
        low, high = (math.log(end) if parameter.log else end for end in (parameter.low, parameter.high))
        return np.asarray(((np.log(inside) if parameter.log else inside) - low) / (high - low))

    def is_active(self, points: Points, active: Mask) -> Mask:
        """Whether the parameter is active at each point, given whether its parents are."""
        mask = np.ones(len(points), dtype=bool)
        for column, coordinates in self.parents:
            named = np.abs(points[:, column, None] - coordinates).min(axis=1) < SAME
            mask &= active[:, column] & named
        return mask


class Cube:
    """The unit cube of a space."""

    def __init__(self, space: Space) -> None:
        """Lay out the coordinates and the features of a space."""
        self.space = space
        columns = {name: column for column, name in enumerate(space.names)}
        self.axes = tuple(_axis(space, columns, parameter) for parameter in space.parameters)
        numeric = [j for j, axis in enumerate(self.axes) if not axis.is_categorical]
        categorical = [j for j, axis in enumerate(self.axes) if axis.is_categorical]
        self._conditional = [j for j, axis in enumerate(self.axes) if axis.parents]
        self.numeric_axes = np.array(numeric, dtype=int)
        """Axis of every numeric feature; these come before the others."""
        ends = [_ends(space.parameters[j]) for j in numeric]
        self._first = np.array([first for first, _ in ends])
        self._span = np.array([last - first or 1.0 for first, last in ends])
        self._choice_axes = np.array([j for j in categorical for _ in self.axes[j].values], dtype=int)
        self._choices = np.concatenate([np.empty(0), *(self.axes[j].values for j in categorical)])
        self.feature_axes = np.concatenate([self.numeric_axes, self._choice_axes])
        """Axis of every feature, shape (f,)."""
        self.continuous_features = np.array([k for k, j in enumerate(numeric) if self.axes[j].is_continuous], dtype=int)
        """Columns of the features that a gradient moves."""
        self.layout = Layout(self.feature_axes, len(numeric), len(self.axes))
        self._grid = _Grid(space)
        self._size = space.size()
        stepped = [(j, value) for j, axis in enumerate(self.axes) for value in axis.values]
        self._step_axes = np.array([j for j, _ in stepped], dtype=int)
        self._step_values = np.array([value for _, value in stepped])

    def __len__(self) -> int:
        """Count the coordinates."""
        return len(self.axes)

    def encode(self, configurations: Sequence[Configuration]) -> tuple[Points, Mask]:
        """Place configurations in the cube; values from outside the space go to its edge.

        Returns:
            points, active: A parameter is active where the configuration has it with a value that the space knows.
        """
        points = np.full((len(configurations), len(self)), 0.5)
        active = np.zeros(points.shape, dtype=bool)
        for column, axis in enumerate(self.axes):
            name = axis.parameter.name
            given = [(row, known[name]) for row, known in enumerate(configurations) if name in known]
            usable = [(row, value) for row, value in given if axis.can_be(value)]
            if usable:
                rows, values = zip(*usable, strict=True)
                points[list(rows), column] = axis.encode(values)
                active[list(rows), column] = True
        return points, active

    def activity(self, points: Points) -> Mask:
        """Say which parameters are active at each point."""
        active = np.ones(points.shape, dtype=bool)
        for column in self._conditional:
            active[:, column] = self.axes[column].is_active(points, active)
        return active

    def snap(self, points: Points) -> Points:
        """Move points to those that stand for configurations."""
        return self._pin(self._grid.snap(points))

    def _pin(self, points: Points) -> Points:
        """Put the coordinates of inactive parameters at 1/2, in place."""
        points[~self.activity(points)] = 0.5
        return points

    def features(self, points: Points, active: Mask | None = None) -> Points:
        """Give the features of points; `active` follows from the conditions where it is not given."""
        active = self.activity(points) if active is None else active
        at = points[:, self.numeric_axes]
        scaled = np.where(active[:, self.numeric_axes], (at - self._first) / self._span, 0.5)
        chosen = np.abs(points[:, self._choice_axes] - self._choices) < SAME
        return np.hstack([scaled, math.sqrt(0.5) * (chosen & active[:, self._choice_axes])])

    def move(self, points: Points, features: Points) -> Points:
        """Take the coordinates of the continuous parameters from features, and snap."""
        moved = points.copy()
        columns = self.continuous_features
        at = self._first[columns] + features[:, columns] * self._span[columns]
        moved[:, self.numeric_axes[columns]] = np.round(at, FINEST)
        return self.snap(moved)

    def neighbours(self, points: Points) -> tuple[Points, NDArray[np.intp]]:
        """Give the points that differ from one in the value of one non-continuous parameter.

        Args:
            points: Shape (k, d).

        Returns:
            neighbours, owner: Shape (m, d); and the row of `points` that each is a neighbour of, shape (m,).
        """
        at = points[:, self._step_axes]
        owner, step = np.nonzero(self.activity(points)[:, self._step_axes] & (np.abs(at - self._step_values) > SAME))
        neighbours = points[owner]
        neighbours[np.arange(len(owner)), self._step_axes[step]] = self._step_values[step]
        return self._pin(neighbours), owner

    def every_point(self, limit: int) -> Points | None:
        """List all points of a space that has at most `limit`; None where it has more."""
        if self._size > limit:
            return None
        points = np.full((1, len(self)), 0.5)
        for column, axis in enumerate(self.axes):
            active = self.activity(points)[:, column]
            grid = axis.values if len(axis.values) else _grid(axis.parameter)
            branches = np.repeat(points[active], len(grid), axis=0)
            branches[:, column] = np.tile(grid, int(active.sum()))
            points = np.vstack([points[~active], branches])
        return points

    def keys(self, points: Points) -> list[bytes]:
        """Give what tells one configuration from another, per point."""
        return [row.tobytes() for row in np.round(points, 9) + 0.0]


class _Grid:
    """Where in the cube the values of a space's parameters lie: in cells of equal width, or whole numbers on a log."""

    def __init__(self, space: Space) -> None:
        parameters = list(enumerate(space.parameters))
        logs = [(j, p) for j, p in parameters if isinstance(p, IntParameter) and p.log]
        even = [(j, p) for j, p in parameters if not math.isinf(p.count) and (j, p) not in logs]
        self._even = np.array([j for j, _ in even], dtype=int)
        self._counts = np.array([p.count for _, p in even])
        self._log = np.array([j for j, _ in logs], dtype=int)
        self._low = np.array([float(p.low) for _, p in logs])
        self._high = np.array([float(p.high) for _, p in logs])
        self._left, self._right = np.log(self._low - 0.5), np.log(self._high + 0.5)

    def snap(self, points: Points) -> Points:
        """Move coordinates to those of the values that they decode to; shape (m, d) in and out."""
        snapped = np.clip(points, 0.0, 1.0)
        if len(self._even):
            cell = np.minimum(np.floor(snapped[:, self._even] * self._counts), self._counts - 1)
            snapped[:, self._even] = (cell + 0.5) / self._counts
        if len(self._log):
            at = self._left + snapped[:, self._log] * (self._right - self._left)
            value = np.clip(np.round(np.exp(at)), self._low, self._high)
            snapped[:, self._log] = (np.log(value) - self._left) / (self._right - self._left)
        return snapped


def _axis(space: Space, columns: Mapping[str, int], parameter: Parameter) -> Axis:
    parents = tuple(
        (columns[name], np.array([space.parameters[columns[name]].encode(value) for value in values]))
        for name, values in parameter.when.items()
    )
    by_value = isinstance(parameter, CategoricalParameter) or parameter.count <= MOST_NEIGHBOURS
    choices = parameter.choices if isinstance(parameter, CategoricalParameter) else ()
    coordinates = {identity(choice): parameter.encode(choice) for choice in choices}
    return Axis(parameter, parents, _grid(parameter) if by_value else np.empty(0), coordinates)


def _grid(parameter: Parameter) -> Points:
    if isinstance(parameter, CategoricalParameter):
        return np.array([parameter.encode(choice) for choice in parameter.choices])
    return np.array([parameter.encode(value) for value in parameter.grid or (parameter.low,)])


def _ends(parameter: Parameter) -> tuple[float, float]:
    assert not isinstance(parameter, CategoricalParameter)
    return parameter.encode(parameter.low), parameter.encode(parameter.last)
