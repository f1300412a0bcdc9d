"""What a task is, and the base of those that are made up here."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from optuna.trial import BaseTrial

from bohpo.space import FloatParameter, IntParameter, Parameter, Space
from bohpo.trial import Configuration, Scalar

FAILED_REGRET = 2.0
"""Regret of a configuration whose training fails, and of a campaign without a result so far."""

RANDOM_CONFIGURATIONS = 2000
"""So many random configurations have the median that is regret 1."""


class Task(Protocol):
    """Something to tune; greater scores are better."""

    def suggest(self, trial: BaseTrial) -> Configuration:
        """Ask a trial for the parameters, define-by-run: only those that are active."""
        ...

    def evaluate(self, parameters: Configuration, rng: np.random.Generator) -> tuple[float, float]:
        """Train once.

        Returns:
            The noisy score, nan where the training failed, and its duration in seconds.
        """
        ...

    def variance(self, parameters: Configuration) -> float | None:
        """Give the variance that a training measures of its own score, None where it measures none."""
        ...

    def regret(self, parameters: Configuration) -> float:
        """Give the noise-free regret: 0 = the best known configuration, 1 = the median random one."""
        ...


class SyntheticTask(ABC):
    """A task whose best configuration is known because it was made so.

    Attributes:
        space: What is searched, with its conditions.
        optimum: The best configuration, or one of several.
        noise_sd: Standard deviation of a score, in the score's unit.
        minutes: Typical duration of a training.
    """

    space: ClassVar[Space]
    noise_sd: ClassVar[float] = 0.0
    minutes: ClassVar[float] = 10.0

    @property
    @abstractmethod
    def optimum(self) -> Configuration:
        """Give the best configuration, or one of several."""

    @abstractmethod
    def score(self, parameters: Configuration) -> float:
        """Give the noise-free score, nan where the training fails."""

    def sd(self, parameters: Configuration) -> float:
        """Give the standard deviation of a training's score."""
        return self.noise_sd

    def variance(self, parameters: Configuration) -> float | None:
        """Measure no variance."""
        return None

    def seconds(self, parameters: Configuration, rng: np.random.Generator) -> float:
        """Draw the duration of a training."""
        return 60 * self.minutes * float(rng.lognormal(0.0, 0.3))

    def suggest(self, trial: BaseTrial) -> Configuration:
        """Ask a trial for the parameters that are active."""
        chosen: dict[str, Scalar] = {}
        for parameter in self.space.parameters:
            if all(chosen.get(parent) in values for parent, values in parameter.when.items()):
                chosen[parameter.name] = suggest_value(trial, parameter)
        return chosen

    def evaluate(self, parameters: Configuration, rng: np.random.Generator) -> tuple[float, float]:
        """Train once; see `Task.evaluate`."""
        return self.score(parameters) + self.sd(parameters) * float(rng.normal()), self.seconds(parameters, rng)

    def regret(self, parameters: Configuration) -> float:
        """Give the noise-free regret, at most that of a failed training; see `Task.regret`."""
        score = self.score(parameters)
        best, median = self.scale
        return FAILED_REGRET if math.isnan(score) else min((best - score) / (best - median), FAILED_REGRET)

    @cached_property
    def scale(self) -> tuple[float, float]:
        """The best score, and the median score of random configurations that do not fail."""
        scores = [self.score(drawn) for drawn in random_configurations(self.space, RANDOM_CONFIGURATIONS, seed=0)]
        return self.score(self.optimum), float(np.nanmedian(scores))


def suggest_value(trial: BaseTrial, parameter: Parameter) -> Scalar:
    """Ask a trial for one parameter, as an objective would."""
    if isinstance(parameter, FloatParameter):
        return trial.suggest_float(
            parameter.name, parameter.low, parameter.high, log=parameter.log, step=parameter.step
        )
    if isinstance(parameter, IntParameter):
        return trial.suggest_int(parameter.name, parameter.low, parameter.high, log=parameter.log, step=parameter.step)
    return trial.suggest_categorical(parameter.name, parameter.choices)


def random_configurations(space: Space, count: int, seed: int) -> list[Configuration]:
    """Draw configurations as random search does."""
    rng = np.random.default_rng(seed)
    return [space.decode(point) for point in rng.random((count, len(space)))]


def number(parameters: Configuration, name: str) -> float:
    """Give a numeric parameter's value."""
    value = parameters[name]
    assert isinstance(value, int | float)
    return float(value)


def vector(parameters: Configuration, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Give the values of numeric parameters, shape (len(names),)."""
    return np.array([number(parameters, name) for name in names])
