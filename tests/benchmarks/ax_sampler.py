"""Ax behind Optuna's interface, as a further peer; needs ax-platform, which bohpo does not.

Ax gets the whole search space ahead, conditional parameters flat, and hears of every training that ended or failed.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from bohpo.errors import UsageError
from tests.benchmarks.tasks import Task

SCORE = "score"

RANDOM_TRIALS = 300
"""So many random trials show every parameter of a task, but for one that is active in under one of a hundred."""


class AxSampler(BaseSampler):
    """Ax's `Client` as it comes, asked for one trial at a time; greater scores are better."""

    def __init__(self, space: Mapping[str, BaseDistribution], seed: int) -> None:
        """Make a client.

        Args:
            space: All parameters that a trial may ask for; others are drawn at random.
            seed: Of all that is random.

        Raises:
            UsageError: If ax-platform is not installed.
        """
        api, configs = import_ax()
        importlib.import_module("ax.utils.common.logger").set_stderr_log_level(logging.ERROR)
        self._client = api.Client(random_seed=seed)
        self._client.configure_experiment([_parameter(configs, name, space[name]) for name in space])
        self._client.configure_optimization(objective=SCORE)
        # otherwise Ax refuses to propose while more workers wait than its start is long
        self._client.configure_generation_strategy(allow_exceeding_initialization_budget=True)
        self._space = dict(space)
        self._random = RandomSampler(seed=seed)
        self._index: dict[int, int] = {}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Give the whole space."""
        return self._space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Take Ax's next trial."""
        ((index, parameters),) = self._client.get_next_trials(max_trials=1).items()
        self._index[trial.number] = index
        return dict(parameters)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw a parameter that the space lacks."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Tell Ax what came of a trial."""
        index = self._index.pop(trial.number)
        if state is TrialState.COMPLETE and values:
            self._client.complete_trial(index, raw_data={SCORE: values[0]})
        else:
            self._client.mark_trial_failed(index)


def whole_space(task: Task) -> dict[str, BaseDistribution]:
    """Find out which parameters a task may ask for."""
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    for _ in range(RANDOM_TRIALS):
        task.suggest(study.ask())
    return {name: trial.distributions[name] for trial in study.trials for name in trial.distributions}


def import_ax() -> tuple[Any, Any]:
    """Give Ax's modules of the client and of its configuration.

    Raises:
        UsageError: If ax-platform is not installed.
    """
    try:
        return importlib.import_module("ax.api.client"), importlib.import_module("ax.api.configs")
    except ModuleNotFoundError as error:
        raise UsageError(f"Ax needs {error.name}, which is not installed; run: pip install ax-platform") from error


def _parameter(configs: Any, name: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        choices = list(distribution.choices)
        kind = {bool: "bool", int: "int", float: "float"}.get(type(choices[0]), "str")
        return configs.ChoiceParameterConfig(name, values=choices, parameter_type=kind, is_ordered=False)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    kind = "int" if isinstance(distribution, IntDistribution) else "float"
    if distribution.step not in (None, 1):
        grid = [distribution.low + step * distribution.step for step in range(_steps(distribution) + 1)]
        return configs.ChoiceParameterConfig(name, values=grid, parameter_type=kind, is_ordered=True)
    scaling = "log" if distribution.log else "linear"
    bounds = (distribution.low, distribution.high)
    return configs.RangeParameterConfig(name, bounds=bounds, parameter_type=kind, scaling=scaling)


def _steps(distribution: FloatDistribution | IntDistribution) -> int:
    assert distribution.step is not None
    return round((distribution.high - distribution.low) / distribution.step)
