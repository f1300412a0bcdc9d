"""Which outcomes lie in the space that is searched now; the bounds and choices of a define-by-run study may change."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from bohpo.space import CategoricalParameter, FloatParameter, Parameter, Space
from bohpo.space.conditions import holds
from bohpo.space.parameters import identity
from bohpo.trial import Configuration, Observation, Scalar

Outcome: TypeAlias = Observation | Configuration
"""What a finished trial came to: an observation, or a configuration that failed."""

T = TypeVar("T")

ROUNDING = 1e-9
"""A value this far beyond a bound, in intervals, is the bound: the last digits of a grid differ from Optuna's."""


class Admitted:
    """The outcomes in a space, in the order of their trials' numbers."""

    def __init__(self, space: Space) -> None:
        """Begin without outcomes."""
        self.space = space
        self._ranges = {parameter.name: _range(parameter) for parameter in space.parameters}
        self._completed = _InOrder[Observation]()
        self._failed = _InOrder[Configuration]()

    def moved_to(self, space: Space, outcomes: Mapping[int, Outcome]) -> Admitted:
        """Admit to another space.

        Args:
            space: The same object as before costs nothing, and other conditions alone cost little.
            outcomes: All that there are, by the number of the trial.
        """
        if space is self.space:
            return self
        moved = Admitted(space)
        if moved._ranges == self._ranges:
            moved._completed, moved._failed = self._completed, self._failed
            return moved
        for number, outcome in outcomes.items():
            moved.add(number, outcome)
        return moved

    @property
    def completed(self) -> tuple[Observation, ...]:
        """The observations."""
        return tuple(self._completed.things)

    @property
    def failed(self) -> tuple[Configuration, ...]:
        """The configurations that failed."""
        return tuple(self._failed.things)

    def add(self, number: int, outcome: Outcome) -> None:
        """Take in an outcome if it lies in the space: it has a parameter of it, and no value beyond it."""
        configuration = outcome.configuration if isinstance(outcome, Observation) else outcome
        values = [(self._ranges[name], value) for name, value in configuration.items() if name in self._ranges]
        if not values or not all(value in allowed for allowed, value in values):
            return
        if isinstance(outcome, Observation):
            self._completed.add(number, outcome)
        else:
            self._failed.add(number, outcome)

    def known(self, values: Configuration) -> Configuration:
        """Keep the values that the space has, of parameters that are active as far as is known."""
        active: dict[str, Scalar] = {}
        for parameter in self.space.parameters:
            name = parameter.name
            if name in values and values[name] in self._ranges[name] and holds(parameter.when, active):
                active[name] = values[name]
        return active


@dataclass(frozen=True, slots=True)
class _Choices:
    """The values of a categorical parameter."""

    identities: frozenset[tuple[str, Scalar]]

    def __contains__(self, value: Scalar) -> bool:
        return identity(value) in self.identities


@dataclass(frozen=True, slots=True)
class _Interval:
    """Where the values of a numeric parameter lie. A value between those of a grid stands for the nearest."""

    low: float
    high: float
    is_whole: bool

    def __contains__(self, value: Scalar) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.is_whole else int | float):
            return False
        margin = ROUNDING * (self.high - self.low)
        return self.low - margin <= value <= self.high + margin


@dataclass(slots=True)
class _InOrder(Generic[T]):
    """Things in the order of their trials' numbers, in whichever order they come."""

    numbers: list[int] = field(default_factory=list)
    things: list[T] = field(default_factory=list)

    def add(self, number: int, thing: T) -> None:
        """Put a thing in its place."""
        at = bisect.bisect(self.numbers, number)
        self.numbers.insert(at, number)
        self.things.insert(at, thing)


def _range(parameter: Parameter) -> _Choices | _Interval:
    if isinstance(parameter, CategoricalParameter):
        return _Choices(frozenset(identity(choice) for choice in parameter.choices))
    return _Interval(parameter.low, parameter.high, is_whole=not isinstance(parameter, FloatParameter))
