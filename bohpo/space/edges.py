"""Parameters of a configuration that lie at an end of their range: the best may lie beyond it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bohpo.space.parameters import CategoricalParameter, FloatParameter, IntParameter
from bohpo.space.space import Space
from bohpo.trial import Scalar

Bound: TypeAlias = Literal["lower", "upper"]

NEAR = 0.01
"""Share of the range, on the parameter's own scale, that counts as its end: few proposals hit a bound exactly."""

FEWEST_VALUES = 3
"""A parameter of two values is always at an end."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A parameter at an end of its range.

    Attributes:
        parameter: Its name.
        bound: Which end.
        limit: The value at that end.
        value: The value of the configuration.
    """

    parameter: str
    bound: Bound
    limit: float
    value: float

    @property
    def is_natural(self) -> bool:
        """Whether the end may be one of the quantity itself: 0, or a share of 1."""
        return self.limit == 0 if self.bound == "lower" else self.limit == 1

    @property
    def words(self) -> str:
        """The finding with its remedy, a sentence without a full stop."""
        where = f"is at its {self.bound} bound {self.limit:.4g}"
        if self.value != self.limit:
            where = f"is {self.value:.4g}, close to its {self.bound} bound {self.limit:.4g}"
        remedy = "widen it, if values beyond it make sense" if self.is_natural else "widen it"
        return f"{self.parameter} {where}; {remedy}"


def find_edges(space: Space, configuration: Mapping[str, Scalar]) -> tuple[Edge, ...]:
    """Find the active numeric parameters of a configuration that lie at an end of their range.

    Args:
        space: What is searched.
        configuration: Name -> value; None for what is not active.

    Returns:
        The edges in the order of the space. Parameters with fewer than three values have none, nor have categorical
        ones.
    """
    found = []
    for parameter in space.parameters:
        value = configuration.get(parameter.name)
        if isinstance(parameter, CategoricalParameter) or parameter.count < FEWEST_VALUES:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        share = _share(parameter, value)
        if share <= NEAR:
            found.append(Edge(parameter.name, "lower", parameter.low, value))
        elif share >= 1 - NEAR:
            found.append(Edge(parameter.name, "upper", parameter.last, value))
    return tuple(found)


def _share(parameter: FloatParameter | IntParameter, value: float) -> float:
    """Return where a value lies between the ends, 0 to 1, on a logarithmic scale if the parameter has one."""
    low, high = float(parameter.low), float(parameter.last)
    if parameter.log:
        low, high, value = math.log(low), math.log(high), math.log(value) if value > 0 else -math.inf
    return (value - low) / (high - low)
