"""The trials of one Optuna study in the optimizer's own words, each finished one converted once. Imports optuna.

| Optuna's trial                                       | ours                                                    |
| ---------------------------------------------------- | ------------------------------------------------------- |
| complete, its value finite, its constraints kept     | completed                                               |
| complete otherwise; failed; pruned                   | failed                                                  |
| running                                              | pending: as proposed, until it has asked for all values |
| waiting (enqueued)                                   | pending, as far as its values are fixed                 |

A finished trial with a value that the space no longer has, because bounds or choices changed, is left out: it is none
of the configurations that are searched. It returns when the space has its value again.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from bohpo.optimizer.admission import Admitted, Outcome
from bohpo.optimizer.inference import Evidence, plain
from bohpo.optimizer.memory import Memory
from bohpo.optimizer.protocol import History
from bohpo.space import Space
from bohpo.trial import Configuration, Observation

PROPOSAL_KEY = "bohpo:proposal"
"""System attribute of a trial: what was proposed for it and why, the fields of `bohpo.trial.Proposal`."""

VARIANCE_KEY = "bohpo:variance"
"""User attribute of a trial: variance of its value as an estimate, where it was measured."""

FIXED_KEY = "fixed_params"
"""System attribute in which Optuna keeps the values that a trial was enqueued with."""

ALIKE = 0.01
"""Configurations are alike whose coordinates in the unit cube differ by less."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a trial has seen of the others at one moment.

    Attributes:
        pending: Their configurations by number.
        finished: How many had finished.
    """

    pending: Mapping[int, Configuration]
    finished: int


@dataclass(frozen=True, slots=True)
class _Pending:
    """What is known of the configuration of an unfinished trial.

    Attributes:
        trial: The trial, to which Optuna may add parameters.
        suggested: How many parameters it had.
        values: What was proposed, fixed or suggested.
        configuration: Those of the values that are in the space.
    """

    trial: FrozenTrial
    suggested: int
    values: Configuration
    configuration: Configuration


class StudyTrials:
    """The trials of a study; reading them again looks only at those that are new or were unfinished."""

    def __init__(self, space: Space | None = None) -> None:
        """Begin without trials.

        Args:
            space: To search; learned from the trials where it is not given.
        """
        self.memory = Memory()
        self.reader: int | None = None
        """Number of the trial for which they were read last."""
        self._given = space
        self._evidence = Evidence()
        self._admitted = Admitted(space or Space(()))
        self._count = 0
        self._pending: dict[int, _Pending] = {}
        self._finished: dict[int, Outcome] = {}
        self._order: list[int] = []
        self._last: dict[int, FrozenTrial] = {}

    @property
    def space(self) -> Space:
        """The space to search; the very same object as long as it is the same space."""
        return self._admitted.space

    def lead_to(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether these are the trials that were read before and what became of them; a study may be replaced."""
        known = [(at, pending.trial) for at, pending in self._pending.items()] + list(self._last.items())
        return len(trials) >= self._count and all(_is_same(trial, trials[at]) for at, trial in known)

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in the trials of the study, all of them, in the order of their numbers."""
        changed = [at for at, pending in self._pending.items() if trials[at] is not pending.trial]
        changed += range(self._count, len(trials))
        for at in changed:
            self._take_in(at, trials[at])
        self._count = len(trials)
        before = self.space
        self._admitted = self._admitted.moved_to(self._given or self._evidence.space(), self._finished)
        for at in changed if self.space is before else list(self._pending):
            if at in self._pending:
                self._pending[at] = self._known_of(trials[at], self._pending[at], is_same_space=self.space is before)

    def sight(self, but: int) -> Sight:
        """Give what a trial sees of the others.

        Args:
            but: Number of the trial.
        """
        others = [pending for pending in self._pending.values() if pending.trial.number != but]
        known = {pending.trial.number: pending.configuration for pending in others if pending.configuration}
        return Sight(known, len(self._finished))

    def history(self, sight: Sight) -> History:
        """Give the history with what a trial sees as pending; what is the same is the same object as the last time."""
        return History(self._admitted.completed, self._admitted.failed, tuple(sight.pending.values()))

    def overlooked(self, sight: Sight, but: int) -> dict[int, Configuration]:
        """Give, by number, the configurations of the others that a trial has not seen: they came up or changed."""
        known = dict(self.sight(but).pending)
        for number in self._order[sight.finished :]:
            outcome = self._finished[number]
            known[number] = self.known(outcome.configuration if isinstance(outcome, Observation) else outcome)
        return {number: values for number, values in known.items() if values and values != sight.pending.get(number)}

    def are_alike(self, one: Configuration, other: Configuration) -> bool:
        """Whether two configurations are one training for all that is known before."""
        if one.keys() != other.keys():
            return False
        return bool(np.all(np.abs(self.space.encode(one) - self.space.encode(other)) < ALIKE))

    def known(self, values: Configuration) -> Configuration:
        """Keep the values that the space has, of parameters that are active as far as is known."""
        return self._admitted.known(values)

    def _take_in(self, at: int, trial: FrozenTrial) -> None:
        before = self._pending.get(at, _Pending(trial, 0, {}, {}))
        if before.suggested < len(trial.distributions):
            self._evidence.suggested(trial)
        if not trial.state.is_finished():
            self._pending[at] = dataclasses.replace(before, trial=trial, suggested=len(trial.distributions))
            return
        self._pending.pop(at, None)
        self._last = {at: trial}
        configuration = plain(trial.params)
        self._finished[trial.number] = _outcome(trial, configuration)
        self._order.append(trial.number)
        self._evidence.finished(trial, configuration)
        self._admitted.add(trial.number, self._finished[trial.number])

    def _known_of(self, trial: FrozenTrial, before: _Pending, *, is_same_space: bool) -> _Pending:
        values = fixed_to(trial, _proposed(trial))
        if is_same_space and values == before.values:
            return before
        return dataclasses.replace(before, values=values, configuration=self.known(values))


def fixed_to(trial: FrozenTrial, proposed: Configuration) -> Configuration:
    """Give a proposal the values that its trial has already, or was enqueued with."""
    return {**proposed, **plain({**trial.system_attrs.get(FIXED_KEY, {}), **trial.params})}


def _proposed(trial: FrozenTrial) -> Configuration:
    proposal = trial.system_attrs.get(PROPOSAL_KEY)
    configuration = proposal.get("configuration") if isinstance(proposal, Mapping) else None
    return plain(configuration) if isinstance(configuration, Mapping) else {}


def _outcome(trial: FrozenTrial, configuration: Configuration) -> Outcome:
    if trial.state is not TrialState.COMPLETE or trial.value is None or not math.isfinite(trial.value):
        return configuration
    if not all(violation <= 0 for violation in trial.constraints.values()):
        return configuration
    return Observation(configuration, trial.value, _variance(trial))


def _variance(trial: FrozenTrial) -> float | None:
    variance = trial.user_attrs.get(VARIANCE_KEY)
    if isinstance(variance, bool) or not isinstance(variance, int | float):
        return None
    return float(variance) if 0 <= variance < math.inf else None


def _is_same(before: FrozenTrial, now: FrozenTrial) -> bool:
    """Whether one may have become the other; databases give the numbers of deleted trials away again."""
    return now is before or (now._trial_id == before._trial_id and before.datetime_start in (None, now.datetime_start))
