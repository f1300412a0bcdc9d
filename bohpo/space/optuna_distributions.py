"""Parameters as Optuna knows them, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bohpo.space.parameters import CategoricalParameter, FloatParameter, IntParameter, Parameter

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def to_distribution(parameter: Parameter) -> BaseDistribution:
    """Give the distribution by which Optuna knows a parameter."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(parameter, FloatParameter):
        return FloatDistribution(parameter.low, parameter.last, log=parameter.log, step=parameter.step)
    if isinstance(parameter, IntParameter):
        return IntDistribution(parameter.low, parameter.last, log=parameter.log, step=parameter.step)
    return CategoricalDistribution(parameter.choices)


def from_distribution(name: str, distribution: BaseDistribution) -> Parameter:
    """Give the parameter that one of Optuna's distributions describes.

    Raises:
        SpaceError: If the distribution's bounds are beyond what a parameter may have.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, FloatDistribution):
        return FloatParameter(name, distribution.low, distribution.high, distribution.log, distribution.step)
    if isinstance(distribution, IntDistribution):
        return IntParameter(name, distribution.low, distribution.high, distribution.log, distribution.step)
    assert isinstance(distribution, CategoricalDistribution)
    return CategoricalParameter(name, tuple(distribution.choices))
