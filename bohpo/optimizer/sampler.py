"""bohpo's optimizer for any Optuna study. Imports optuna.

    study = optuna.create_study(sampler=BayesianSampler(seed=0))

Running trials are pending. A proposal is written beside its trial (system attribute `bohpo:proposal`) before the
objective asks for its values, so that threads and processes that propose at the same time see each other.
"""

from __future__ import annotations

import math
import threading
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from bohpo.errors import SpaceError
from bohpo.optimizer.cache import FitCache
from bohpo.optimizer.gaussian_process import STARTUP_COMPLETED, propose
from bohpo.optimizer.inference import infer_space
from bohpo.optimizer.protocol import History
from bohpo.space import Space, from_distribution, to_distribution
from bohpo.trial import Configuration, Observation, Scalar

PROPOSAL_KEY = "bohpo:proposal"
"""System attribute of a trial: the configuration proposed for it."""

VARIANCE_KEY = "bohpo:variance"
"""User attribute of a trial: variance of its value as an estimate, where it was measured."""


class BayesianSampler(BaseSampler):
    """Bayesian optimization that knows what is running, for numeric, categorical and conditional parameters.

    The search space is learned from the trials, conditions included, or given. A trial that failed or was pruned
    enters as the worst value seen: the last intermediate value of a pruned trial is no final value, and what was not
    worth finishing is not worth trying again. Proposals follow from the seed, the trial's number and the study's
    trials alone.
    """

    def __init__(
        self, seed: int | None = None, *, space: Space | None = None, startup_completed: int = STARTUP_COMPLETED
    ) -> None:
        """Make a sampler.

        Args:
            seed: Of all that is random; drawn where not given.
            space: The whole search space with its conditions, if it is known ahead; names and bounds must be those
                that the objective suggests.
            startup_completed: The model speaks from so many completed trials on.
        """
        self._seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
        self._space = space
        self._startup_completed = startup_completed
        self._random = RandomSampler(seed=self._seed % 2**32)
        self._cache = FitCache()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what another process makes anew."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_cache", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state and make anew what it leaves out."""
        self.__dict__.update(state, _cache=FitCache(), _lock=threading.Lock())

    def reseed_rng(self) -> None:
        """Give a replica random numbers of its own.

        Proposals need none: they are drawn by the number of their trial, which no two replicas share.
        """
        self._random.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Give the distributions of all parameters known so far.

        Raises:
            ValueError: If the study has several objectives.
        """
        _refuse_several_objectives(study)
        space = self._space or infer_space(_others(study, trial))
        return {parameter.name: to_distribution(parameter) for parameter in space.parameters}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose values for the parameters that are active; see `bohpo.optimizer.propose`."""
        if not search_space:
            return {}
        with self._lock:
            others = _others(study, trial)
            space = self._space or infer_space(others)
            (proposal,) = propose(
                space,
                _history(space, others),
                maximize=study.direction == StudyDirection.MAXIMIZE,
                seed=self._seed,
                startup_completed=self._startup_completed,
                first=trial.number,
                cache=self._cache,
            )
            configuration = {name: value for name, value in proposal.configuration.items() if name in search_space}
            study._storage.set_trial_system_attr(trial._trial_id, PROPOSAL_KEY, configuration)
        return configuration

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw a value for a parameter that was not known before; the very first trial is at the centre.

        Raises:
            ValueError: If the study has several objectives.
        """
        _refuse_several_objectives(study)
        try:
            parameter = from_distribution(param_name, param_distribution)
        except SpaceError:
            return self._random.sample_independent(study, trial, param_name, param_distribution)
        if trial.number == 0 and not isinstance(param_distribution, CategoricalDistribution):
            return parameter.default
        rng = np.random.default_rng([self._seed, trial.number, zlib.crc32(param_name.encode())])
        return parameter.decode(float(rng.random()))


def _refuse_several_objectives(study: Study) -> None:
    if len(study.directions) > 1:
        raise ValueError(
            f"BayesianSampler optimizes one objective, this study has {len(study.directions)}; "
            "combine them into one value, or use optuna.samplers.NSGAIISampler"
        )


def _others(study: Study, trial: FrozenTrial) -> list[FrozenTrial]:
    return [other for other in study.get_trials(deepcopy=False) if other.number != trial.number]


def _history(space: Space, trials: Sequence[FrozenTrial]) -> History:
    completed, failed, pending = [], [], []
    for trial in trials:
        if trial.state is TrialState.RUNNING:
            running = _active(space, {**trial.system_attrs.get(PROPOSAL_KEY, {}), **trial.params})
            pending += [running] if running else []
        elif trial.state is TrialState.COMPLETE and trial.value is not None and math.isfinite(trial.value):
            completed.append(Observation(trial.params, trial.value, _variance(trial)))
        elif trial.state.is_finished() and trial.params:
            failed.append(trial.params)
    return History(tuple(completed), tuple(failed), tuple(pending))


def _active(space: Space, values: Mapping[str, Scalar]) -> Configuration:
    """Drop values that were proposed before it was known that they are not asked for."""
    complete = {**{parameter.name: parameter.default for parameter in space.parameters}, **values}
    return {name: value for name, value in space.activate(complete).items() if name in values}


def _variance(trial: FrozenTrial) -> float | None:
    variance = trial.user_attrs.get(VARIANCE_KEY)
    if isinstance(variance, bool) or not isinstance(variance, int | float):
        return None
    return float(variance) if 0 <= variance < math.inf else None
