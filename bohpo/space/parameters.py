"""Parameters: what values there are, and where each lies in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, TypeAlias

from bohpo.space.checks import SIGNIFICANT_DIGITS, choices_mistakes, float_mistakes, int_mistakes, refuse, rounded
from bohpo.trial import Scalar

Condition: TypeAlias = Mapping[str, tuple[Scalar, ...]]
"""Name of another parameter -> the values of it for which a parameter is active."""


@dataclass(frozen=True, slots=True)
class FloatParameter:
    """A real number in [low, high], on a grid from `low` where `step` is given."""

    kind: ClassVar[str] = "float"

    name: str
    low: float
    high: float
    log: bool = False
    step: float | None = None
    when: Condition = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an interval that holds nothing to search.

        Raises:
            SpaceError: If the bounds, `log` and `step` contradict each other.
        """
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))
        object.__setattr__(self, "step", None if self.step is None else float(self.step))
        refuse(float_mistakes(self.name, self.low, self.high, log=self.log, step=self.step))

    @property
    def domain(self) -> str:
        """The values in words."""
        return _interval(self.low, self.high, log=self.log, step=self.step)

    @property
    def count(self) -> float:
        """How many values there are; infinite for a continuous parameter."""
        if self.low == self.high:
            return 1
        if self.step is None:
            return math.inf
        return self._steps + 1

    @property
    def grid(self) -> tuple[float, ...]:
        """The values of a stepped parameter, ascending; empty for a continuous one."""
        return () if self.step is None else tuple(self._at(index) for index in range(self._steps + 1))

    @property
    def last(self) -> float:
        """The greatest value that there is: `high`, or the last one of the grid."""
        return self.high if self.step is None else self._at(self._steps)

    @property
    def default(self) -> float:
        """The middle of the interval."""
        return self.decode(0.5)

    def contains(self, value: Scalar) -> bool:
        """Whether the value is one that the parameter may take."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        return self.step is None or math.isclose(value, self._at(self._nearest(value)), abs_tol=1e-9 * self.step)

    def canonical(self, value: Scalar) -> float:
        """Round a value to the digits that are kept."""
        assert isinstance(value, int | float)
        if self.step is not None:
            return self._at(self._nearest(value))
        near = _significant(value) if self.log else rounded(float(value), max(abs(self.low), abs(self.high)))
        return min(max(near, self.low), self.high)

    def encode(self, value: Scalar) -> float:
        """Give the value's coordinate in [0, 1]."""
        assert isinstance(value, int | float)
        if self.low == self.high:
            return 0.5
        if self.step is not None:
            return (self._nearest(value) + 0.5) / (self._steps + 1)
        low, high, at = self._axis(self.low), self._axis(self.high), self._axis(value)
        return min(max((at - low) / (high - low), 0.0), 1.0)

    def decode(self, coordinate: float) -> float:
        """Give the value at a coordinate in [0, 1]."""
        if self.step is not None:
            return self._at(_cell(coordinate, self._steps + 1))
        if not 0 < coordinate < 1:  # the logarithm of a bound does not lead back to its last bit
            return self.canonical(self.low if coordinate <= 0 else self.high)
        low, high = self._axis(self.low), self._axis(self.high)
        at = low + coordinate * (high - low)
        return self.canonical(math.exp(at) if self.log else at)

    @property
    def _steps(self) -> int:
        return int((Decimal(repr(self.high)) - Decimal(repr(self.low))) // Decimal(repr(self.step)))

    def _at(self, index: int) -> float:
        return float(Decimal(repr(self.low)) + index * Decimal(repr(self.step)))

    def _nearest(self, value: float) -> int:
        assert self.step is not None
        return min(max(round((value - self.low) / self.step), 0), self._steps)

    def _axis(self, value: float) -> float:
        return math.log(value) if self.log else value


@dataclass(frozen=True, slots=True)
class IntParameter:
    """A whole number in [low, high], on a grid from `low` where `step` is greater than 1."""

    kind: ClassVar[str] = "int"

    name: str
    low: int
    high: int
    log: bool = False
    step: int = 1
    when: Condition = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an interval that holds nothing to search.

        Raises:
            SpaceError: If the bounds, `log` and `step` contradict each other.
        """
        refuse(int_mistakes(self.name, self.low, self.high, log=self.log, step=self.step))

    @property
    def domain(self) -> str:
        """The values in words."""
        return _interval(self.low, self.high, log=self.log, step=self.step if self.step > 1 else None)

    @property
    def count(self) -> float:
        """How many values there are."""
        return len(self.grid)

    @property
    def grid(self) -> range:
        """The values, ascending."""
        return range(self.low, self.high + 1, self.step)

    @property
    def last(self) -> int:
        """The greatest value that there is."""
        return self.grid[-1]

    @property
    def default(self) -> int:
        """The middle of the interval."""
        return self.decode(0.5)

    def contains(self, value: Scalar) -> bool:
        """Whether the value is one that the parameter may take."""
        return not isinstance(value, bool) and isinstance(value, int) and value in self.grid

    def canonical(self, value: Scalar) -> int:
        """Give the value itself."""
        assert isinstance(value, int)
        return value

    def encode(self, value: Scalar) -> float:
        """Give the value's coordinate in [0, 1]."""
        assert isinstance(value, int)
        if self.log:
            left, right = self._log_edges
            return (math.log(value) - left) / (right - left)
        return ((value - self.low) // self.step + 0.5) / len(self.grid)

    def decode(self, coordinate: float) -> int:
        """Give the value whose cell holds a coordinate in [0, 1]."""
        if self.log:
            left, right = self._log_edges
            return min(max(round(math.exp(left + coordinate * (right - left))), self.low), self.high)
        return self.grid[_cell(coordinate, len(self.grid))]

    @property
    def _log_edges(self) -> tuple[float, float]:
        return math.log(self.low - 0.5), math.log(self.high + 0.5)


@dataclass(frozen=True, slots=True)
class CategoricalParameter:
    """One of several choices without order; a constant is a parameter with a single choice."""

    kind: ClassVar[str] = "categorical"

    name: str
    choices: tuple[Scalar, ...]
    when: Condition = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse choices that are missing or that occur twice.

        Raises:
            SpaceError: If there is no choice, one is not finite, or two are equal.
        """
        refuse(choices_mistakes(self.name, self.choices))

    @property
    def domain(self) -> str:
        """The values in words."""
        return ", ".join(repr(choice) for choice in self.choices)

    @property
    def count(self) -> float:
        """How many values there are."""
        return len(self.choices)

    @property
    def default(self) -> Scalar:
        """The first choice."""
        return self.choices[0]

    def contains(self, value: Scalar) -> bool:
        """Whether the value is one of the choices; 1, 1.0 and true are three different ones."""
        # no two choices are equal, so the one that equals the value decides
        return value in self.choices and type(self.choices[self.choices.index(value)]) is type(value)

    def canonical(self, value: Scalar) -> Scalar:
        """Give the value itself."""
        return value

    def index(self, value: Scalar) -> int:
        """Give the position of a choice."""
        index = self.choices.index(value)
        if type(self.choices[index]) is not type(value):
            raise ValueError(f"{value!r} is none of the choices of {self.name}")
        return index

    def encode(self, value: Scalar) -> float:
        """Give the middle of the choice's cell in [0, 1]."""
        return (self.index(value) + 0.5) / len(self.choices)

    def decode(self, coordinate: float) -> Scalar:
        """Give the choice whose cell holds a coordinate in [0, 1]."""
        return self.choices[_cell(coordinate, len(self.choices))]


Parameter: TypeAlias = FloatParameter | IntParameter | CategoricalParameter


def identity(value: Scalar) -> tuple[str, Scalar]:
    """Give what tells a value from all others, which == does not for 1, 1.0 and True."""
    return type(value).__name__, value


def _interval(low: float, high: float, *, log: bool, step: float | None) -> str:
    return f"{low:g} .. {high:g}" + (", log" if log else "") + (f", step {step:g}" if step is not None else "")


def _cell(coordinate: float, count: int) -> int:
    return min(max(math.floor(coordinate * count), 0), count - 1)


def _significant(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
