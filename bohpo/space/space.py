"""A search space as a whole: which configurations there are, and where each lies in the unit cube."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bohpo.errors import SpaceError
from bohpo.space.checks import did_you_mean, refuse
from bohpo.space.conditions import condition_mistakes, holds, parents_first
from bohpo.space.counting import Count, count_configurations
from bohpo.space.optuna_distributions import from_distribution, to_distribution
from bohpo.space.parameters import Parameter
from bohpo.trial import Configuration, Scalar

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


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
        by_name = {parameter.name: parameter for parameter in self.parameters}
        if len(by_name) < len(self.parameters):
            twice = Counter(parameter.name for parameter in self.parameters).most_common(1)[0][0]
            raise SpaceError(f"{twice}: two parameters have this name; rename one")
        conditions = {parameter.name: parameter.when for parameter in self.parameters}
        refuse(condition_mistakes(conditions, by_name))
        ordered = [_with_canonical_condition(by_name[name], by_name) for name in parents_first(conditions)[0]]
        object.__setattr__(self, "parameters", tuple(ordered))

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
            if holds(parameter.when, active):
                active[parameter.name] = parameter.canonical(values[parameter.name])
        return active

    def check(self, configuration: Configuration) -> dict[str, Scalar]:
        """Give a configuration in the order and to the digits that are kept.

        Raises:
            SpaceError: If a parameter is missing, unknown, inactive, or has a value that it cannot take.
        """
        names = frozenset(self.names)
        for name in configuration:
            if name not in names:
                known = f"the space has {', '.join(self.names)}"
                raise SpaceError(f"{name}: no such parameter; {did_you_mean(name, self.names, known)}")
        checked: dict[str, Scalar] = {}
        for parameter in self.parameters:
            if not holds(parameter.when, checked):
                if parameter.name in configuration:
                    raise SpaceError(f"{parameter.name}: is not active in this configuration; leave it out")
                continue
            if parameter.name not in configuration:
                raise SpaceError(f"{parameter.name}: has no value; give one")
            if not parameter.contains(configuration[parameter.name]):
                raise SpaceError(
                    f"{parameter.name}: cannot be {configuration[parameter.name]!r}; it takes {parameter.domain}"
                )
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

    def count(self) -> Count:
        """Count the configurations in bounded work; see `bohpo.space.counting`."""
        return count_configurations(self.parameters)

    def size(self) -> float:
        """Return the number of configurations, or an upper bound of it; infinite if an active one is continuous."""
        return self.count().number

    def distributions(self, configuration: Configuration) -> dict[str, BaseDistribution]:
        """Give Optuna's distribution of each active parameter."""
        return {name: to_distribution(self[name]) for name in configuration}

    @classmethod
    def from_distributions(cls, distributions: Mapping[str, BaseDistribution]) -> Space:
        """Make a space without conditions from Optuna's distributions."""
        return cls(tuple(from_distribution(name, distribution) for name, distribution in distributions.items()))

    def to_json(self) -> list[dict[str, Any]]:
        """Give the space as a list that JSON can hold, for keeping beside a campaign."""
        return [{"kind": parameter.kind, **dataclasses.asdict(parameter)} for parameter in self.parameters]


def _with_canonical_condition(parameter: Parameter, parents: Mapping[str, Parameter]) -> Parameter:
    when = {name: tuple(parents[name].canonical(value) for value in values) for name, values in parameter.when.items()}
    return dataclasses.replace(parameter, when=when)
