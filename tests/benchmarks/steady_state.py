"""Campaigns in full swing, for timing: many completed, many running, one ends between two proposals."""

from __future__ import annotations

import datetime
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from bohpo.optimizer import History, Memory, propose
from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space, to_distribution
from bohpo.trial import Configuration, Observation

SPACE = Space(
    (
        FloatParameter("dropout", 0.0, 0.7),
        FloatParameter("augmentation", 0.0, 1.0),
        FloatParameter("foreground", 0.05, 0.95),
        FloatParameter("momentum", 0.5, 0.99),
        FloatParameter("learning_rate", 1e-5, 1.0, log=True),
        FloatParameter("weight_decay", 1e-7, 1e-1, log=True),
        FloatParameter("positive_weight", 1.0, 100.0, log=True),
        IntParameter("levels", 1, 6),
        IntParameter("batch", 1, 64, log=True),
        IntParameter("patch", 16, 64, step=8),
        CategoricalParameter("normalization", ("none", "batch", "instance", "group")),
        CategoricalParameter("activation", ("relu", "leaky", "elu")),
    )
)
"""Twelve parameters of all kinds."""


@dataclass(frozen=True, slots=True)
class Size:
    """How far a campaign is.

    Attributes:
        completed: Trials with a value.
        pending: Trials that are running.
    """

    completed: int
    pending: int

    def __str__(self) -> str:
        """Write the size as the command line takes it."""
        return f"{self.completed}/{self.pending}"


class Contender(Protocol):
    """Someone whose proposals are timed; between two of them one trial ends and the proposed one runs."""

    def forget(self) -> None:
        """Start afresh, as after a restart of the driver."""
        ...

    def propose(self) -> float:
        """Propose once and give the real seconds that it took."""
        ...


class StudyContender:
    """A sampler in a study in memory: `study.ask` with the whole search space."""

    def __init__(self, study: optuna.Study, sampler: Callable[[], BaseSampler], size: Size) -> None:
        """Enter a study.

        Args:
            study: What `filled_study` gave.
            sampler: Makes the sampler, fresh.
            size: How far the campaign is.
        """
        self._study = study
        self._sampler = sampler
        self.forget()
        running = drawn(size.completed + size.pending)[size.completed :]
        self._running = deque((number, trial.value) for number, trial in enumerate(running, start=size.completed))

    def forget(self) -> None:
        """Take a new sampler."""
        self._study.sampler = self._sampler()

    def propose(self) -> float:
        """Ask, then let the trial that has run longest end."""
        began = time.perf_counter()
        trial = self._study.ask(_distributions())
        seconds = time.perf_counter() - began
        self._running.append((trial.number, value_of(trial.params)))
        self._study.tell(*self._running.popleft())
        return seconds


class FunctionContender:
    """`bohpo.optimizer.propose` itself, without Optuna around it."""

    def __init__(self, size: Size) -> None:
        """Make a history."""
        trials = drawn(size.completed + size.pending)
        self._completed = trials[: size.completed]
        self._pending = tuple(trial.configuration for trial in trials[size.completed :])
        self._memory = Memory()

    def forget(self) -> None:
        """Take an empty memory."""
        self._memory = Memory()

    def propose(self) -> float:
        """Propose, then let the trial that has run longest end."""
        history = History(self._completed, (), self._pending)
        began = time.perf_counter()
        (proposal,) = propose(SPACE, history, maximize=True, seed=0, memory=self._memory)
        seconds = time.perf_counter() - began
        oldest, *others = *self._pending, proposal.configuration
        self._completed = (*self._completed, Observation(oldest, value_of(oldest)))
        self._pending = tuple(others)
        return seconds


def filled_study(size: Size) -> optuna.Study:
    """Make a study in memory that is so far."""
    study = optuna.create_study(direction="maximize")
    study.add_trials(list(_filling(size)))
    return study


@cache
def drawn(count: int) -> tuple[Observation, ...]:
    """Draw trials with their values, the same ones every time."""
    points = np.random.default_rng(0).random((count, len(SPACE)))
    configurations = [SPACE.decode(point) for point in points]
    return tuple(Observation(configuration, value_of(configuration)) for configuration in configurations)


def value_of(configuration: Configuration) -> float:
    """Give a value that every parameter has a part in, two of them together, and some noise that is always the same."""
    point = np.asarray(SPACE.encode(configuration))
    weights = np.linspace(1.0, 0.1, len(point))
    bowl = float(weights @ (point - 0.3) ** 2) + float(point[4] - point[8]) ** 2
    return -bowl + 0.02 * math.sin(1e4 * float(point.sum()))


def _distributions() -> dict[str, optuna.distributions.BaseDistribution]:
    return {parameter.name: to_distribution(parameter) for parameter in SPACE.parameters}


class _FilledTrial(FrozenTrial):
    """A trial that Optuna's storage takes as it is: its defensive copies are not what is timed."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _FilledTrial:
        return self


def _filling(size: Size) -> Iterator[FrozenTrial]:
    now = datetime.datetime.now()
    for number, trial in enumerate(drawn(size.completed + size.pending)):
        is_complete = number < size.completed
        yield _FilledTrial(
            number=number,
            trial_id=number,
            state=TrialState.COMPLETE if is_complete else TrialState.RUNNING,
            value=trial.value if is_complete else None,
            datetime_start=now,
            datetime_complete=now if is_complete else None,
            params=dict(trial.configuration),
            distributions=_distributions(),
            user_attrs={},
            system_attrs={},
            intermediate_values={},
        )
