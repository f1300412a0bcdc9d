"""The search space: parameters, the conditions between them, and the unit cube that optimizers work in.

A configuration holds the active parameters only. A parameter with a condition is active where every parameter that
the condition names is active and has one of the named values; conditions nest.

Every parameter owns one coordinate of the unit cube, in the order of `Space.parameters`:

| kind        | coordinate                                                                      |
| ----------- | ------------------------------------------------------------------------------- |
| float       | (x - low) / (high - low), of the logarithms where `log`                         |
| int, step   | middle of its cell, cells of equal width (of the logarithms where `log`)        |
| categorical | (index + 1/2) / number of choices                                               |
| inactive    | 1/2                                                                             |
"""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bohpo.errors import SpaceError
from bohpo.trial import Configuration, Scalar

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SIGNIFICANT_DIGITS = 12
"""Floats are kept to so many digits: readable in a study file, and encoding there and back loses nothing."""

Condition: TypeAlias = Mapping[str, tuple[Scalar, ...]]
"""Name of another parameter -> the values of it for which a parameter is active."""


@dataclass(frozen=True, slots=True)
class FloatParameter:
    """A real number in [low, high], on a grid from `low` where `step` is given."""

    name: str
    low: float
    high: float
    log: bool = False
    step: float | None = None
    when: Condition = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an interval that holds nothing to search."""
        _check_interval(self.name, self.low, self.high, log=self.log)
        if self.step is not None and (self.step <= 0 or self.log):
            raise SpaceError(f"{self.name}: step must be positive and goes without log; drop one of the two")

    @property
    def grid(self) -> tuple[float, ...]:
        """The values of a stepped parameter, ascending; empty for a continuous one."""
        if self.step is None:
            return ()
        count = math.floor((self.high - self.low) / self.step * (1 + 1e-12)) + 1
        return tuple(_rounded(self.low + index * self.step, self._scale) for index in range(count))

    @property
    def default(self) -> float:
        """The middle of the interval."""
        return float(self.decode(0.5))

    def contains(self, value: Scalar) -> bool:
        """Whether the value is one that the parameter may take."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        return self.step is None or any(math.isclose(value, known, abs_tol=1e-9 * self.step) for known in self.grid)

    def canonical(self, value: Scalar) -> float:
        """Round a value to the digits that are kept."""
        assert isinstance(value, int | float)
        if self.step is not None:
            return self.grid[_nearest(self.grid, float(value))]
        rounded = _significant(float(value)) if self.log else _rounded(float(value), self._scale)
        return min(max(rounded, self.low), self.high)

    def encode(self, value: Scalar) -> float:
        """Give the value's coordinate in [0, 1]."""
        assert isinstance(value, int | float)
        if self.step is not None:
            return (_nearest(self.grid, float(value)) + 0.5) / len(self.grid)
        if self.low == self.high:
            return 0.5
        low, high, at = self._axis(self.low), self._axis(self.high), self._axis(float(value))
        return min(max((at - low) / (high - low), 0.0), 1.0)

    def decode(self, coordinate: float) -> float:
        """Give the value at a coordinate in [0, 1]."""
        if self.step is not None:
            return self.grid[_cell(coordinate, len(self.grid))]
        low, high = self._axis(self.low), self._axis(self.high)
        at = low + min(max(coordinate, 0.0), 1.0) * (high - low)
        return self.canonical(math.exp(at) if self.log else at)

    @property
    def _scale(self) -> float:
        return max(abs(self.low), abs(self.high))

    def _axis(self, value: float) -> float:
        return math.log(value) if self.log else value


@dataclass(frozen=True, slots=True)
class IntParameter:
    """A whole number in [low, high], on a grid from `low` where `step` is greater than 1."""

    name: str
    low: int
    high: int
    log: bool = False
    step: int = 1
    when: Condition = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an interval that holds nothing to search."""
        _check_interval(self.name, self.low, self.high, log=self.log)
        if self.step < 1 or (self.log and self.step != 1):
            raise SpaceError(f"{self.name}: step must be at least 1 and goes without log; drop one of the two")

    @property
    def grid(self) -> range:
        """The values, ascending."""
        return range(self.low, self.high + 1, self.step)

    @property
    def default(self) -> int:
        """The middle of the interval."""
        return int(self.decode(0.5))

    def contains(self, value: Scalar) -> bool:
        """Whether the value is one that the parameter may take."""
        return not isinstance(value, bool) and isinstance(value, int) and value in self.grid

    def canonical(self, value: Scalar) -> int:
        """Give the value itself."""
        assert isinstance(value, int)
        return value

    def encode(self, value: Scalar) -> float:
        """Give the middle of the value's cell in [0, 1]."""
        assert isinstance(value, int)
        if self.log:
            return (math.log(value) - self._log_edges[0]) / (self._log_edges[1] - self._log_edges[0])
        return ((value - self.low) // self.step + 0.5) / len(self.grid)

    def decode(self, coordinate: float) -> int:
        """Give the value whose cell holds a coordinate in [0, 1]."""
        if self.log:
            at = math.exp(self._log_edges[0] + coordinate * (self._log_edges[1] - self._log_edges[0]))
            return min(max(round(at), self.low), self.high)
        return self.grid[_cell(coordinate, len(self.grid))]

    @property
    def _log_edges(self) -> tuple[float, float]:
        return math.log(self.low - 0.5), math.log(self.high + 0.5)


@dataclass(frozen=True, slots=True)
class CategoricalParameter:
    """One of several choices without order; a constant is a parameter with a single choice."""

    name: str
    choices: tuple[Scalar, ...]
    when: Condition = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse choices that are missing or that occur twice."""
        if not self.choices:
            raise SpaceError(f"{self.name}: there are no choices; list at least one")
        if len({_identity(choice) for choice in self.choices}) != len(self.choices):
            raise SpaceError(f"{self.name}: a choice occurs twice in {list(self.choices)}; list each once")

    @property
    def default(self) -> Scalar:
        """The first choice."""
        return self.choices[0]

    def contains(self, value: Scalar) -> bool:
        """Whether the value is one of the choices; 1, 1.0 and true are three different ones."""
        return _identity(value) in (_identity(choice) for choice in self.choices)

    def canonical(self, value: Scalar) -> Scalar:
        """Give the value itself."""
        return value

    def index(self, value: Scalar) -> int:
        """Give the position of a choice."""
        return [_identity(choice) for choice in self.choices].index(_identity(value))

    def encode(self, value: Scalar) -> float:
        """Give the middle of the choice's cell in [0, 1]."""
        return (self.index(value) + 0.5) / len(self.choices)

    def decode(self, coordinate: float) -> Scalar:
        """Give the choice whose cell holds a coordinate in [0, 1]."""
        return self.choices[_cell(coordinate, len(self.choices))]


Parameter: TypeAlias = FloatParameter | IntParameter | CategoricalParameter


@dataclass(frozen=True, slots=True)
class Space:
    """A search space; parameters come after those that their conditions name.

    Attributes:
        parameters: In the order of the unit cube's coordinates.
    """

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        """Order the parameters by their conditions.

        Raises:
            SpaceError: If two have one name, or a condition names no parameter, a value that its parameter cannot
                take, or goes in a circle.
        """
        names = [parameter.name for parameter in self.parameters]
        for name in names:
            if names.count(name) > 1:
                raise SpaceError(f"{name}: two parameters have this name; rename one")
        object.__setattr__(self, "parameters", _parents_first(self.parameters))

    def __len__(self) -> int:
        """Count the parameters, which is the dimension of the unit cube."""
        return len(self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        """Give a parameter by name."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of the coordinates."""
        return tuple(parameter.name for parameter in self.parameters)

    def activate(self, values: Configuration) -> dict[str, Scalar]:
        """Keep the values of the parameters that are active, given a value for each that may be."""
        active: dict[str, Scalar] = {}
        for parameter in self.parameters:
            if _holds(parameter.when, active):
                active[parameter.name] = parameter.canonical(values[parameter.name])
        return active

    def check(self, configuration: Configuration) -> dict[str, Scalar]:
        """Give a configuration in the order and to the digits that are kept.

        Raises:
            SpaceError: If a parameter is missing, unknown, inactive, or has a value that it cannot take.
        """
        for name in configuration:
            if name not in self.names:
                raise SpaceError(f"{name}: no such parameter; the space has {', '.join(self.names)}")
        checked: dict[str, Scalar] = {}
        for parameter in self.parameters:
            if not _holds(parameter.when, checked):
                if parameter.name in configuration:
                    raise SpaceError(f"{parameter.name}: is not active in this configuration; leave it out")
                continue
            if parameter.name not in configuration:
                raise SpaceError(f"{parameter.name}: has no value; give one")
            if not parameter.contains(configuration[parameter.name]):
                raise SpaceError(f"{parameter.name}: cannot be {configuration[parameter.name]!r}; see {parameter}")
            checked[parameter.name] = parameter.canonical(configuration[parameter.name])
        return checked

    def encode(self, configuration: Configuration) -> NDArray[np.float64]:
        """Place a configuration in the unit cube.

        Args:
            configuration: Active parameters.

        Returns:
            Coordinates, shape (d,), each in [0, 1]; 1/2 where a parameter is inactive.
        """
        return np.array(
            [
                parameter.encode(configuration[parameter.name]) if parameter.name in configuration else 0.5
                for parameter in self.parameters
            ]
        )

    def decode(self, coordinates: Sequence[float] | NDArray[np.float64]) -> dict[str, Scalar]:
        """Give the configuration at a point of the unit cube.

        Args:
            coordinates: Shape (d,), each in [0, 1].

        Returns:
            Active parameters only.
        """
        values = zip(self.parameters, coordinates, strict=True)
        return self.activate({parameter.name: parameter.decode(float(at)) for parameter, at in values})

    @property
    def default(self) -> dict[str, Scalar]:
        """The middle of each interval, and the first of the choices."""
        return self.activate({parameter.name: parameter.default for parameter in self.parameters})

    def size(self) -> float:
        """Count the configurations; infinite where a continuous parameter is."""
        cells = [_values(parameter) for parameter in self.parameters]
        if any(parameter.when for parameter in self.parameters) and math.prod(len(c) or 1 for c in cells) <= 100_000:
            return math.inf if any(not cell for cell in cells) else float(len(self._enumerate()))
        return math.prod(float(len(cell)) if cell else math.inf for cell in cells)

    def _enumerate(self) -> set[tuple[tuple[str, str], ...]]:
        partial: list[dict[str, Scalar]] = [{}]
        for parameter in self.parameters:
            partial = [
                extended
                for active in partial
                for extended in (
                    [{**active, parameter.name: value} for value in _values(parameter)]
                    if _holds(parameter.when, active)
                    else [active]
                )
            ]
        return {tuple((name, repr(value)) for name, value in active.items()) for active in partial}

    def distributions(self, configuration: Configuration) -> dict[str, BaseDistribution]:
        """Give Optuna's distribution of each active parameter."""
        return {name: to_distribution(self[name]) for name in configuration}

    @classmethod
    def from_distributions(cls, distributions: Mapping[str, BaseDistribution]) -> Space:
        """Make a space without conditions from Optuna's distributions."""
        return cls(tuple(from_distribution(name, distribution) for name, distribution in distributions.items()))

    def to_json(self) -> list[dict[str, Any]]:
        """Give the space as a list that JSON can hold, for keeping beside a campaign."""
        return [
            {"kind": type(parameter).__name__.removesuffix("Parameter").lower(), **dataclasses.asdict(parameter)}
            for parameter in self.parameters
        ]


def to_distribution(parameter: Parameter) -> BaseDistribution:
    """Give the distribution by which Optuna knows a parameter."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(parameter, FloatParameter):
        return FloatDistribution(parameter.low, _last(parameter), log=parameter.log, step=parameter.step)
    if isinstance(parameter, IntParameter):
        return IntDistribution(parameter.low, parameter.grid[-1], log=parameter.log, step=parameter.step)
    return CategoricalDistribution(parameter.choices)


def from_distribution(name: str, distribution: BaseDistribution) -> Parameter:
    """Give the parameter that one of Optuna's distributions describes."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, FloatDistribution):
        return FloatParameter(name, distribution.low, distribution.high, distribution.log, distribution.step)
    if isinstance(distribution, IntDistribution):
        return IntParameter(name, distribution.low, distribution.high, distribution.log, distribution.step)
    assert isinstance(distribution, CategoricalDistribution)
    return CategoricalParameter(name, tuple(distribution.choices))


def _check_interval(name: str, low: float, high: float, *, log: bool) -> None:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise SpaceError(f"{name}: low = {low} and high = {high} must be finite; give finite bounds")
    if low > high:
        raise SpaceError(f"{name}: low = {low} is above high = {high}; swap them")
    if log and low <= 0:
        raise SpaceError(f"{name}: low = {low} with log = true; low must be positive, or drop log")


def _identity(value: Scalar) -> tuple[str, Scalar]:
    return type(value).__name__, value


def _holds(when: Condition, active: Configuration) -> bool:
    return all(
        name in active and _identity(active[name]) in (_identity(value) for value in values)
        for name, values in when.items()
    )


def _parents_first(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    by_name = {parameter.name: parameter for parameter in parameters}
    for parameter in parameters:
        for parent, values in parameter.when.items():
            if parent not in by_name:
                raise SpaceError(f"{parameter.name}: its condition names {parent!r}, which is no parameter; define it")
            for value in values:
                if not by_name[parent].contains(value):
                    raise SpaceError(f"{parameter.name}: its condition asks for {parent} = {value!r}, which never is")
    ordered: dict[str, Parameter] = {}
    while len(ordered) < len(parameters):
        ready = [p for p in parameters if p.name not in ordered and all(parent in ordered for parent in p.when)]
        if not ready:
            circle = ", ".join(name for name in by_name if name not in ordered)
            raise SpaceError(f"{circle}: the conditions go in a circle; drop one of them")
        ordered[ready[0].name] = ready[0]
    return tuple(ordered.values())


def _values(parameter: Parameter) -> Sequence[Scalar]:
    return parameter.choices if isinstance(parameter, CategoricalParameter) else parameter.grid


def _last(parameter: FloatParameter) -> float:
    return parameter.grid[-1] if parameter.grid else parameter.high


def _cell(coordinate: float, count: int) -> int:
    return min(max(math.floor(coordinate * count), 0), count - 1)


def _nearest(grid: Sequence[float], value: float) -> int:
    right = bisect.bisect_left(grid, value)
    neighbours = [index for index in (right - 1, right) if 0 <= index < len(grid)]
    return min(neighbours, key=lambda index: abs(grid[index] - value))


def _significant(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def _rounded(value: float, scale: float) -> float:
    """Round to the digits that count at the size of the interval."""
    if scale == 0:
        return 0.0
    return round(value, SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(scale))) + 0.0
