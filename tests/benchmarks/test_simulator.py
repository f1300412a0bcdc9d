"""The virtual cluster keeps to its workers and its clock."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import BaseTrial, FrozenTrial, TrialState

from bohpo.optimizer.sampler import VARIANCE_KEY
from bohpo.trial import Configuration
from tests.benchmarks.simulator import Trace, simulate
from tests.benchmarks.tasks import FAILED_REGRET


class Scripted:
    """A task whose scores and durations were written down; trial n gets the n-th."""

    def __init__(self, scores: Sequence[float], seconds: Sequence[float], variance: float | None = None) -> None:
        """Write down the script."""
        self.scores, self.durations, self.measured = scores, seconds, variance

    def suggest(self, trial: BaseTrial) -> Configuration:
        """Ask for one float."""
        return {"number": trial.number, "x": trial.suggest_float("x", 0.0, 1.0)}

    def evaluate(self, parameters: Configuration, rng: np.random.Generator) -> tuple[float, float]:
        """Look up."""
        number = parameters["number"]
        assert isinstance(number, int)
        return self.scores[number], self.durations[number]

    def variance(self, parameters: Configuration) -> float | None:
        """Measure what was written down."""
        return self.measured

    def regret(self, parameters: Configuration) -> float:
        """Give the number, so that a test sees whose regret it is."""
        number = parameters["number"]
        assert isinstance(number, int)
        return float(number)


class Watching(RandomSampler):
    """A sampler that notes what is running when it is asked, and what it is told."""

    def __init__(self) -> None:
        """Watch."""
        super().__init__(seed=0)
        self.running: list[int] = []
        self.told: dict[int, tuple[TrialState, Sequence[float] | None, dict[str, Any]]] = {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Count the running trials."""
        self.running.append(len(study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))))
        return super().sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Note what came of it."""
        self.told[trial.number] = state, values, dict(trial.user_attrs)


def run(task: Scripted, workers: int, sampler: RandomSampler | None = None) -> Trace:
    return simulate(task, sampler or RandomSampler(seed=0), workers=workers, trials=len(task.scores), seed=0)


def test_two_workers_by_hand() -> None:
    trace = run(Scripted([0.1, 0.4, 0.3, 0.9], [10.0, 4.0, 4.0, 5.0]), workers=2)
    # 0 runs from 0 to 10; 1 from 0 to 4; then 2 from 4 to 8; then 3 from 8 to 13
    assert trace.started == (0.0, 4.0, 0.0, 8.0)
    assert trace.ended == (4.0, 8.0, 10.0, 13.0)
    assert trace.regret == (1.0, 1.0, 1.0, 3.0)
    assert len(trace.ask) == 4


@settings(max_examples=30, deadline=None)
@given(
    seconds=st.lists(st.floats(0.1, 100.0), min_size=1, max_size=12),
    workers=st.integers(1, 6),
)
def test_never_more_trainings_than_workers_and_none_idle(seconds: list[float], workers: int) -> None:
    trace = run(Scripted([0.0] * len(seconds), seconds), workers)
    assert list(trace.ended) == sorted(trace.ended)
    assert sorted(round(e - s, 6) for s, e in zip(trace.started, trace.ended, strict=True)) == sorted(
        round(duration, 6) for duration in seconds
    )
    for start in trace.started:
        running = sum(s <= start < e for s, e in zip(trace.started, trace.ended, strict=True))
        assert running <= workers
        assert start == 0.0 or start in trace.ended
    assert sum(start == 0.0 for start in trace.started) == min(workers, len(seconds))


def test_the_sampler_sees_what_is_running() -> None:
    sampler = Watching()
    run(Scripted([0.0] * 6, [1.0] * 6), workers=3, sampler=sampler)
    assert sampler.running == [1, 2, 3, 3, 3, 3]  # the one that is asked for runs, too


def test_failures_are_told_and_cost_the_same() -> None:
    sampler = Watching()
    trace = run(Scripted([math.nan, 0.2, math.nan], [1.0, 2.0, 3.0]), workers=1, sampler=sampler)
    assert [sampler.told[number][0] for number in range(3)] == [TrialState.FAIL, TrialState.COMPLETE, TrialState.FAIL]
    assert trace.regret == (FAILED_REGRET, 1.0, 1.0)
    assert trace.ended == (1.0, 3.0, 6.0)


def test_regret_is_that_of_the_best_observed_score() -> None:
    """Not of the configuration that is truly best, which nobody knows."""
    assert run(Scripted([0.5, 0.4, 0.6], [1.0] * 3), workers=1).regret == (0.0, 0.0, 2.0)


@pytest.mark.parametrize("variance", [None, 0.04])
def test_measured_variance_travels_with_the_value(variance: float | None) -> None:
    sampler = Watching()
    run(Scripted([0.5], [1.0], variance), workers=1, sampler=sampler)
    _, values, attributes = sampler.told[0]
    assert values == [0.5]
    assert attributes.get(VARIANCE_KEY) == variance
