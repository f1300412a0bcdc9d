"""The search space of a define-by-run study, learned from its trials. Imports optuna.

Every trial tells its parameters with their distributions as soon as it has asked for them, and once it has finished,
under which conditions they are active (`presence`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from bohpo.errors import SpaceError
from bohpo.optimizer.presence import Presence
from bohpo.space import CategoricalParameter, Parameter, Space, from_distribution
from bohpo.trial import Configuration, Scalar

MOST_DISTRIBUTIONS = 3
"""A parameter whose bounds changed more often than a user changes them has bounds that follow another parameter."""

SCALARS = (str, int, float, NoneType)
"""Types of the values that a space can hold."""


def infer_space(trials: Iterable[FrozenTrial]) -> Space:
    """Learn a space from all parameters that any trial had; see `Evidence.space`."""
    evidence = Evidence()
    for trial in trials:
        evidence.suggested(trial)
        if trial.state.is_finished():
            evidence.finished(trial, plain(trial.params))
    return evidence.space()


class Evidence:
    """What the trials of a study tell about its space. Adding one costs the same however many came before."""

    def __init__(self) -> None:
        """Begin without trials."""
        self._suggested: dict[str, _Suggested] = {}
        self._presence = Presence()
        self._space = Space(())
        self._is_stale = False

    def suggested(self, trial: FrozenTrial) -> None:
        """Take in the distributions of a trial in any state; twice is as good as once."""
        number = trial.number
        for position, (name, distribution) in enumerate(trial.distributions.items()):
            known = self._suggested.get(name)
            if known is None:
                known = self._suggested[name] = _Suggested(name, (number, position), number, distribution)
            self._is_stale |= known.add((number, position), distribution)

    def finished(self, trial: FrozenTrial, configuration: Configuration) -> None:
        """Take in, once, the configuration that a trial had in the end."""
        if configuration:
            self._presence.add(configuration, is_complete=trial.state is TrialState.COMPLETE)
            self._is_stale = True

    def space(self) -> Space:
        """Learn the space from all parameters that any trial had, in the order in which they were first asked for.

        A parameter whose distribution changed has the latest one; if its bounds never come to rest, the widest ones.
        Those with a single value are left out, as are those that a space cannot hold; Optuna samples these on their
        own.

        Returns:
            The very same object as the last time, where nothing has changed.
        """
        if self._is_stale:
            space, self._is_stale = self._learn(), False
            self._space = self._space if space == self._space else space
        return self._space

    def _learn(self) -> Space:
        ordered = sorted(self._suggested.values(), key=lambda suggested: suggested.first)
        known = [parameter for parameter in (suggested.parameter() for suggested in ordered) if parameter is not None]
        conditions = self._presence.conditions(known)
        return Space(tuple(dataclasses.replace(parameter, when=conditions[parameter.name]) for parameter in known))


@dataclass(slots=True)
class _Suggested:
    """The distributions that a parameter was suggested from.

    Attributes:
        name: Of the parameter.
        first: Number of the first trial that had it, and its place among that trial's parameters.
        last: Number of the last trial that had it.
        latest: The distribution there.
        variants: Different distributions, up to one more than a user's changes account for.
        bounds: Least and greatest bound of a numeric parameter, by the kind of its distribution.
    """

    name: str
    first: tuple[int, int]
    last: int
    latest: BaseDistribution
    variants: list[BaseDistribution] = dataclasses.field(default_factory=list)
    bounds: dict[tuple[str, bool], tuple[float, float]] = dataclasses.field(default_factory=dict)
    _made: Parameter | None = None
    _is_made: bool = False

    def add(self, place: tuple[int, int], distribution: BaseDistribution) -> bool:
        """Take in a distribution, in any order of the trials; say whether it is news."""
        is_news = not self.variants or place < self.first or not _is_equal(distribution, self.latest)
        self.first = min(self.first, place)
        if place[0] >= self.last:
            self.last, self.latest = place[0], distribution
        if is_news:
            self._is_made = False
            self._widen(distribution)
            if len(self.variants) <= MOST_DISTRIBUTIONS and distribution not in self.variants:
                self.variants.append(distribution)
        return is_news

    def parameter(self) -> Parameter | None:
        """Give the parameter; None if it has a single value, or one that a space cannot hold."""
        if not self._is_made:
            made = _parameter(self.name, self.latest)
            if made and len(self.variants) > MOST_DISTRIBUTIONS:
                made = _widened(made, self.bounds.get(_kind(self.latest)))
            self._made, self._is_made = made if made and made.count > 1 else None, True
        return self._made

    def _widen(self, distribution: BaseDistribution) -> None:
        if not isinstance(distribution, CategoricalDistribution):
            low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
            least, greatest = self.bounds.get(_kind(distribution), (low, high))
            self.bounds[_kind(distribution)] = min(low, least), max(high, greatest)


def plain(values: Mapping[str, Any]) -> Configuration:
    """Keep the values that a space can hold; NumPy's, which users enqueue, as Python's own."""
    if all(isinstance(value, SCALARS) for value in values.values()):
        return values
    unpacked = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    return {name: value for name, value in unpacked.items() if isinstance(value, SCALARS)}


def _is_equal(one: BaseDistribution, other: BaseDistribution) -> bool:
    """Compare as Optuna does, which takes most of the time that a trial costs."""
    return type(one) is type(other) and one.__dict__ == other.__dict__


def _kind(distribution: BaseDistribution) -> tuple[str, bool]:
    return type(distribution).__name__, bool(getattr(distribution, "log", False))


def _parameter(name: str, distribution: BaseDistribution) -> Parameter | None:
    choices: tuple[Scalar, ...] = distribution.choices if isinstance(distribution, CategoricalDistribution) else ()
    if not all(isinstance(choice, SCALARS) for choice in choices):
        return None
    try:
        return from_distribution(name, distribution)
    except SpaceError:
        return None


def _widened(parameter: Parameter, bounds: tuple[float, float] | None) -> Parameter | None:
    if bounds is None or isinstance(parameter, CategoricalParameter):
        return parameter
    try:
        return dataclasses.replace(parameter, low=bounds[0], high=bounds[1])  # type: ignore[arg-type]
    except SpaceError:
        return None
