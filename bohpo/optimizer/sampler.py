"""bohpo's optimizer for any Optuna study. Imports optuna.

    study = optuna.create_study(sampler=BayesianSampler(seed=0))

A proposal is written beside its trial before the objective asks for its values, so that threads, processes and
machines that propose at the same time see each other. It holds why it was made, too:

    >>> study.trials[-1].system_attrs["bohpo:proposal"]
    {'configuration': {'x': 0.31}, 'source': 'model', 'predicted_mean': 0.02, 'predicted_sd': 0.4, ...}

Samplers that share nothing but a database cannot lock each other out. Each of them looks again once it has written its
proposal, and may find proposals that were written meanwhile, so that neither side could keep away from the other:

- The later trial gives way: it proposes again with the other in sight, so what is proposed at once is spread. Of many
  that made the same proposal the first keeps it, the second takes the next one, the third the one after that. Once it
  has moved, it moves again only for a proposal that is like its own.
- The earlier trial keeps its proposal, unless the two are alike. It then waits for the later one to move, and proposes
  again itself if that does not: it had looked before there was anything to see, and is training already.

Whoever writes last sees the other; so nothing is proposed twice while anything else is left, but for storms in which
a trial runs out of its `MOST_ROUNDS`, and for the first trials of a study, which ask before its space is known.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
import weakref
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from bohpo.errors import SpaceError
from bohpo.optimizer.gaussian_process import STARTUP_COMPLETED, propose
from bohpo.optimizer.recipe import Recipe
from bohpo.optimizer.round import Feasible
from bohpo.optimizer.trials import PROPOSAL_KEY, VARIANCE_KEY, Sight, StudyTrials, fixed_to
from bohpo.space import Space, from_distribution, to_distribution
from bohpo.trial import Configuration, Proposal

__all__ = ["PROPOSAL_KEY", "VARIANCE_KEY", "BayesianSampler"]

MOST_ROUNDS = 16
"""A trial proposes so many times at most, however many others propose meanwhile."""

PATIENCE = 4
"""A trial waits for others to move as long as so many of its own proposals take; if it errs, it moves without need."""

LONGEST_WAIT_S = 2.0
"""But no longer than this."""

POLL_S = 0.02
"""While it waits, it looks this often."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A proposal that has been written and may have to give way.

    Attributes:
        configuration: As far as the space has its values.
        sight: What it was made in sight of.
        began: When it was begun, in seconds of the monotonic clock.
        has_moved: Whether it has given way before.
    """

    configuration: Configuration
    sight: Sight
    began: float
    has_moved: bool


class BayesianSampler(BaseSampler):
    """Bayesian optimization that knows what is running, for numeric, categorical and conditional parameters.

    The search space is learned from the trials, conditions included, or given. A trial that failed, was pruned or
    broke a constraint enters as the worst value seen: the last intermediate value of a pruned trial is no final value,
    and what was not worth finishing is not worth trying again. Proposals follow from the seed, the trial's number and
    the study's trials alone, in whichever process.
    """

    def __init__(
        self,
        seed: int | None = None,
        *,
        space: Space | None = None,
        startup_completed: int = STARTUP_COMPLETED,
        feasible: Feasible | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        """Make a sampler.

        Args:
            seed: Of all that is random; drawn where not given.
            space: The whole search space with its conditions, if it is known ahead; names and bounds must be those
                that the objective suggests.
            startup_completed: The model speaks from so many completed trials on.
            feasible: Whether a configuration can be trained; only such are proposed once their parameters are known.
            recipe: The parts of the optimizer, to leave some out.
        """
        self._seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed
        self._space = space
        self._startup_completed = startup_completed
        self._feasible, self._recipe = feasible, recipe
        self._make_anew()

    def _make_anew(self) -> None:
        self._lock = threading.Lock()
        self._studies: weakref.WeakKeyDictionary[BaseStorage, dict[int, StudyTrials]] = weakref.WeakKeyDictionary()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what another process makes anew."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "_studies")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state and make anew what it leaves out."""
        self.__dict__.update(state)
        self._make_anew()

    def reseed_rng(self) -> None:
        """Do nothing: all that is random is drawn by the number of its trial, which no two replicas share."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Give the distributions of all parameters known so far.

        Raises:
            ValueError: If the study has several objectives.
        """
        _refuse_several_objectives(study)
        with self._lock:
            space = self._read(study, trial).space
        return {parameter.name: to_distribution(parameter) for parameter in space.parameters}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose values for the parameters that are active; see `bohpo.optimizer.propose`."""
        if not search_space:
            _write(study, trial, Proposal({}, "startup"))
            return {}
        with self._lock:
            configuration = self._propose(study, trial)
        return {name: value for name, value in configuration.items() if name in search_space}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw a value for a parameter that was not known before; the very first trial is at the centre.

        Raises:
            ValueError: If the study has several objectives.
        """
        _refuse_several_objectives(study)
        rng = np.random.default_rng([self._seed, trial.number, zlib.crc32(param_name.encode())])
        try:
            parameter = from_distribution(param_name, param_distribution)
        except SpaceError:
            sampler = RandomSampler(seed=int(rng.integers(2**32)))
            return sampler.sample_independent(study, trial, param_name, param_distribution)
        if trial.number == 0 and not isinstance(param_distribution, CategoricalDistribution):
            return parameter.default
        return parameter.decode(float(rng.random()))

    def _propose(self, study: Study, trial: FrozenTrial) -> Configuration:
        """Propose, write it, and propose again while others come in between."""
        turn = 1
        for round_ in range(MOST_ROUNDS):
            began = time.monotonic()
            trials = self._read(study, trial, anew=False)
            sight = trials.sight(trial.number)
            *_, proposal = propose(
                trials.space,
                trials.history(sight),
                turn,
                maximize=study.direction == StudyDirection.MAXIMIZE,
                seed=self._seed,
                startup_completed=self._startup_completed,
                first=trial.number + 1 - turn,
                feasible=self._feasible,
                recipe=self._recipe,
                memory=trials.memory,
            )
            configuration = fixed_to(trial, proposal.configuration)
            _write(study, trial, dataclasses.replace(proposal, configuration=configuration))
            claim = _Claim(trials.known(configuration), sight, began, has_moved=round_ > 0)
            turn = self._turn(study, trial, claim)
            if not turn:
                break
        return configuration

    def _turn(self, study: Study, trial: FrozenTrial, claim: _Claim) -> int:
        """Say whose turn it is: 0 if a claim stands, else how many proposals to make, the last of them its own."""
        trials = self._read(study, trial)
        overlooked = trials.overlooked(claim.sight, trial.number)
        alike = {number: other for number, other in overlooked.items() if trials.are_alike(other, claim.configuration)}
        if any(number < trial.number for number in (alike if claim.has_moved else overlooked)):
            return max(1, sum(number < trial.number for number in alike))
        now = time.monotonic()
        give_up = now + min(PATIENCE * (now - claim.began), LONGEST_WAIT_S)
        while alike and claim.configuration not in claim.sight.pending.values():
            if time.monotonic() > give_up:
                return 1
            time.sleep(POLL_S)
            moved = self._read(study, trial).overlooked(claim.sight, trial.number)
            alike = {number: other for number, other in alike.items() if moved.get(number) == other}
        return 0

    def _read(self, study: Study, trial: FrozenTrial, *, anew: bool = True) -> StudyTrials:
        """Read what is new in a study; past `study.get_trials`, which hides what other brackets of Hyperband run.

        Args:
            study: The study.
            trial: For which to read.
            anew: Whether to read even if this trial was the last to do so.
        """
        studies = self._studies.setdefault(study._storage, {})
        known = studies.get(study._study_id)
        if known is not None and not anew and known.reader == trial.number:
            return known
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        if known is None or not known.lead_to(trials):
            known = studies[study._study_id] = StudyTrials(self._space)
        known.read(trials)
        known.reader = trial.number
        return known


def _refuse_several_objectives(study: Study) -> None:
    if len(study.directions) > 1:
        raise ValueError(
            f"BayesianSampler optimizes one objective, this study has {len(study.directions)}; "
            "combine them into one value, or use optuna.samplers.NSGAIISampler"
        )


def _write(study: Study, trial: FrozenTrial, proposal: Proposal) -> None:
    fields = dataclasses.asdict(proposal)
    for name, figure in fields.items():
        if isinstance(figure, float) and not math.isfinite(figure):
            fields[name] = None  # JSON has no such number
    study._storage.set_trial_system_attr(trial._trial_id, PROPOSAL_KEY, fields)
