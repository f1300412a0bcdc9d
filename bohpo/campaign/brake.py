"""The brake: trials that all fail alike stop the campaign before one error has used up its budget.

| failures in a row, all alike                                    | stop after, at least    |
| --------------------------------------------------------------- | ----------------------- |
| no trial has completed; the trainer raised, or left no outcome  | 5 and `jobs` + 1        |
| no trial has completed; the configuration may be the cause      | 10 and `jobs` + 1       |
| some trial has completed                                        | 20 and `jobs` + 1       |
| `budget.max_failures` is set                                    | that number; 0 is never |

A configuration may be the cause where memory or time ran out, or the training diverged: where half of all
configurations need too much memory, ten in a row are one in 1,000. What the infrastructure ends does not count. What
runs is finished; should it complete, the campaign goes on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bohpo.alike import common_text
from bohpo.campaign.ledger import Ledger
from bohpo.store.records import STOPPED_BY_FAILURES
from bohpo.study import Study
from bohpo.trial import AttemptState, Trial, TrialState

FIRST_ERRORS = 5
FIRST_LIMITS = 10
LATER = 20

_REMEDIES = {
    AttemptState.RAISED: "correct the trainer",
    AttemptState.INVALID_OUTCOME: "correct what the trainer returns or writes",
    AttemptState.OUT_OF_MEMORY: "give each job more memory, or narrow the space",
    AttemptState.KILLED: "give each job more memory, or narrow the space",
    AttemptState.TIMED_OUT: "raise budget.attempt_seconds, or shorten the training",
    AttemptState.SILENT: "report more often, or raise budget.silence_seconds",
}
"""Ends that are the trainer's or the configuration's doing, and what may help; no other end counts."""

_LIMITS = re.compile(r"out of memory|memoryerror|diverge", re.IGNORECASE)
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class SystematicFailure:
    """Trials that ended one after the other and all failed alike.

    Attributes:
        trials: Their numbers, in the order of their ends.
        reason: Why the last of them failed.
        remedy: What may help.
    """

    trials: tuple[int, ...]
    reason: str
    remedy: str

    def __str__(self) -> str:
        """Write count and reason as one line."""
        return f"{len(self.trials)} trials in a row failed alike, the last with {self.reason}"


def find_systematic_failure(
    ended: Sequence[Trial], *, jobs: int, max_failures: int | None, has_completed: bool
) -> SystematicFailure | None:
    """Find out whether the latest trials all failed alike, and are too many.

    Args:
        ended: Trials in the order of their ends.
        jobs: Trainings that run at a time.
        max_failures: So many are too many; 0 for never, None for the numbers of this module.
        has_completed: Whether any trial of the campaign has completed.
    """
    alike: list[Trial] = []
    common = None
    for trial in reversed(ended):
        if trial.state is TrialState.COMPLETE:
            break
        if _cause(trial) is None:
            continue
        signature = _signature(trial)
        if alike and signature != common:
            break
        common = signature
        alike.append(trial)
    if not alike or max_failures == 0 or len(alike) < _limit(alike[0], jobs, max_failures, has_completed):
        return None
    cause = _cause(alike[0])
    assert cause is not None
    return SystematicFailure(tuple(t.number for t in reversed(alike)), alike[0].reason[:_LONGEST], _REMEDIES[cause])


def _limit(trial: Trial, jobs: int, max_failures: int | None, has_completed: bool) -> int:
    if max_failures is not None:
        return max_failures
    if has_completed:
        return max(LATER, jobs + 1)
    is_error = _cause(trial) in (AttemptState.RAISED, AttemptState.INVALID_OUTCOME)
    return max(FIRST_ERRORS if is_error and not _LIMITS.search(trial.reason[:_LONGEST]) else FIRST_LIMITS, jobs + 1)


def _cause(trial: Trial) -> AttemptState | None:
    """Return how the last attempt at a failed trial ended, where that counts."""
    if trial.state is not TrialState.FAILED or not trial.attempts:
        return None
    state = trial.attempts[-1].state
    return state if state in _REMEDIES else None


def _signature(trial: Trial) -> tuple[AttemptState | None, str]:
    """Return what failures that are alike have in common: the end, and the message without what varies in it."""
    return _cause(trial), common_text(trial)


class Brake:
    """Follows how trials end under one driver; the next driver begins anew, so `resume` gives as many chances again.

    Attributes:
        failure: What stops the campaign, or None while nothing does.
    """

    def __init__(self, study: Study, ledger: Ledger) -> None:
        """Begin without failures."""
        self.failure: SystematicFailure | None = None
        self._jobs = study.jobs
        self._max_failures = study.budget.max_failures
        self._ledger = ledger
        self._ended: dict[int, Trial] = {}

    def note(self, trial: Trial) -> None:
        """Take note of a trial where it has ended; may be repeated after a `StoreError`."""
        if trial.state is TrialState.COMPLETE:
            self._release(trial.number)
            self._ended.clear()
        elif _cause(trial) is not None and self._max_failures != 0:
            self._ended[trial.number] = trial
            self._stop_where_systematic()

    def tell_stopped(self) -> None:
        """Append to the campaign's history that and why its driver has stopped it, if that is so."""
        if self.failure is not None:
            name, number = self._ledger.campaign.name, self.failure.trials[-1]
            told = f"{self.failure}; `bohpo logs {name} {number}` shows its log. {self.failure.remedy.capitalize()},"
            self._ledger.announce(STOPPED_BY_FAILURES, f"{told} then `bohpo resume {name}`")

    def _stop_where_systematic(self) -> None:
        if self.failure is not None:
            return
        failure = find_systematic_failure(
            tuple(self._ended.values()),
            jobs=self._jobs,
            max_failures=self._max_failures,
            has_completed=any(t.state is TrialState.COMPLETE for t in self._ledger.trials.values()),
        )
        if failure is not None:
            self._ledger.announce("systematic-failure", f"{failure}; the driver stops when what runs has ended")
            self.failure = failure

    def _release(self, completed: int) -> None:
        if self.failure is not None:
            told = f"trial {completed} completed, so the campaign goes on after all"
            self._ledger.announce("systematic-failure-over", told)
            self.failure = None
