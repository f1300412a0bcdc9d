"""The search space of a define-by-run study, learned from its trials. Imports optuna.

Optuna tells which parameters a trial had, not why. A parameter that some trials lack is taken to depend on the value
of another one wherever a single parameter explains all that was seen; values not seen yet are taken to make it
active. A wrong guess corrects itself: the trial then has a parameter, or lacks one, and the explanation falls.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from bohpo.errors import SpaceError
from bohpo.optimizer.cube import MOST_NEIGHBOURS
from bohpo.space import CategoricalParameter, Condition, Parameter, Space, from_distribution
from bohpo.space.parameters import identity
from bohpo.trial import Scalar


def infer_space(trials: Sequence[FrozenTrial]) -> Space:
    """Learn a space from all parameters that any trial had.

    A parameter whose distribution changed has the latest one. Those with a single value are left out, as are those
    that a space cannot hold; Optuna samples these on their own.

    Args:
        trials: In any state, in the order of their numbers.
    """
    distributions: dict[str, BaseDistribution] = {}
    for trial in trials:
        distributions.update(trial.distributions)
    parameters = [_parameter(name, distribution) for name, distribution in distributions.items()]
    known = {parameter.name: parameter for parameter in parameters if parameter is not None}
    seen = [trial.params for trial in _whole(trials)]
    presence = {name: sum(name in params for params in seen) for name in known}
    return Space(
        tuple(dataclasses.replace(known[name], when=_condition(name, known, presence, seen)) for name in known)
    )


def _parameter(name: str, distribution: BaseDistribution) -> Parameter | None:
    choices = distribution.choices if isinstance(distribution, CategoricalDistribution) else ()
    if distribution.single() or not all(choice is None or isinstance(choice, str | int | float) for choice in choices):
        return None
    try:
        return from_distribution(name, distribution)
    except SpaceError:
        return None


def _whole(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Keep the trials that had all their parameters suggested: the completed, and the ended that look like them."""
    completed = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    always = set.intersection(*(set(trial.params) for trial in completed)) if completed else set()
    ended = [trial for trial in trials if trial.state.is_finished() and trial.params]
    return [trial for trial in ended if always <= set(trial.params)]


def _condition(
    name: str,
    known: Mapping[str, Parameter],
    presence: Mapping[str, int],
    seen: Sequence[Mapping[str, Scalar]],
) -> Condition:
    if presence[name] == len(seen):
        return {}
    parents = [
        parent
        for parent in known.values()
        if presence[parent.name] > presence[name] and parent.count <= MOST_NEIGHBOURS
    ]
    for parent in sorted(parents, key=lambda parent: parent.count):
        values = _activating(name, parent, seen)
        if values:
            return {parent.name: values}
    return {}


def _activating(name: str, parent: Parameter, seen: Sequence[Mapping[str, Scalar]]) -> tuple[Scalar, ...]:
    """Give the parent's values that go with the parameter, none if the parent does not explain what was seen."""
    if any(name in params and parent.name not in params for params in seen):
        return ()
    with_it = {identity(params[parent.name]) for params in seen if name in params}
    without = {identity(params[parent.name]) for params in seen if name not in params and parent.name in params}
    if with_it & without:
        return ()
    return tuple(value for value in _values(parent) if identity(value) not in without)


def _values(parameter: Parameter) -> Sequence[Scalar]:
    if isinstance(parameter, CategoricalParameter):
        return parameter.choices
    return parameter.grid
