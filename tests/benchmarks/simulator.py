"""A campaign in virtual time: N workers, each of which gets a new proposal the moment that its training ends.

The noise and the duration of a training follow from the seed, the trial's number and its parameters alone, so two
samplers that propose the same get the same.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import optuna
from optuna.trial import Trial, TrialState

from bohpo.optimizer.sampler import VARIANCE_KEY
from bohpo.trial import Configuration
from tests.benchmarks.tasks import FAILED_REGRET, Task

TRAINING_STREAM = 1_867
"""Sets the trainings' random numbers apart from a sampler's, which may be seeded with seed and number alone."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What came of a simulated campaign.

    Attributes:
        regret: After each training that ended: noise-free regret of the configuration with the best OBSERVED score.
        started: When each of these trainings began, in virtual seconds.
        ended: When each of them ended, in virtual seconds, ascending.
        ask: What each proposal cost, in real seconds, in the order in which they were asked for.
    """

    regret: tuple[float, ...]
    started: tuple[float, ...]
    ended: tuple[float, ...]
    ask: tuple[float, ...]


@dataclass(order=True, frozen=True, slots=True)
class _Training:
    ended: float
    number: int
    started: float = field(compare=False)
    trial: Trial = field(compare=False)
    parameters: Configuration = field(compare=False)
    score: float = field(compare=False)


def simulate(task: Task, sampler: optuna.samplers.BaseSampler, *, workers: int, trials: int, seed: int) -> Trace:
    """Run a campaign.

    Args:
        task: What to tune.
        sampler: Who proposes.
        workers: Trainings at a time.
        trials: Trainings in all.
        seed: Of the trainings' noise and durations.
    """
    study = optuna.create_study(direction="maximize", sampler=sampler)
    running: list[_Training] = []
    ended: list[_Training] = []
    ask: list[float] = []
    clock = 0.0
    while len(ended) < trials:
        while len(ask) < trials and len(running) < workers:
            began = time.perf_counter()
            trial = study.ask()
            parameters = task.suggest(trial)
            ask.append(time.perf_counter() - began)
            heapq.heappush(running, _train(task, trial, parameters, clock, seed))
        ended.append(heapq.heappop(running))
        clock = ended[-1].ended
        _tell(study, task, ended[-1])
    return Trace(
        tuple(_regrets(task, ended)),
        tuple(training.started for training in ended),
        tuple(training.ended for training in ended),
        tuple(ask),
    )


def _train(task: Task, trial: Trial, parameters: Configuration, clock: float, seed: int) -> _Training:
    score, seconds = task.evaluate(parameters, np.random.default_rng([TRAINING_STREAM, seed, trial.number]))
    return _Training(clock + seconds, trial.number, clock, trial, parameters, score)


def _tell(study: optuna.Study, task: Task, training: _Training) -> None:
    if math.isnan(training.score):
        study.tell(training.trial, state=TrialState.FAIL)
        return
    variance = task.variance(training.parameters)
    if variance is not None:
        training.trial.set_user_attr(VARIANCE_KEY, variance)
    study.tell(training.trial, training.score)


def _regrets(task: Task, ended: Iterable[_Training]) -> Iterable[float]:
    best, regret = -math.inf, FAILED_REGRET
    for training in ended:
        if training.score > best:
            best, regret = training.score, task.regret(training.parameters)
        yield regret
