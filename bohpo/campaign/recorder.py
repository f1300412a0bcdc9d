"""What the end of an attempt means for its trial: an outcome, another attempt, or none."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator

from bohpo.campaign.attempts import CONFIGURATION, INFRASTRUCTURE, AttemptPlan, may_try_again, retry_delay
from bohpo.campaign.clock import Clock
from bohpo.campaign.ending import Ending, find_ending, read_outcome
from bohpo.campaign.jobs import Jobs
from bohpo.campaign.ledger import Ledger, with_attempt
from bohpo.campaign.retention import clear_checkpoints, keep_best_models
from bohpo.errors import AttemptError
from bohpo.store.records import Announcement
from bohpo.trial import Attempt, AttemptState, Outcome, TrialState


class WaitingLine:
    """The trials that wait for a job, some of them not before a moment."""

    def __init__(self, clock: Clock) -> None:
        """Begin empty."""
        self._clock = clock
        self._trials: deque[int] = deque()
        self._not_before: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self) -> Iterator[int]:
        return iter(tuple(self._trials))

    def add(self, trial: int, delay_s: float = 0.0) -> None:
        """Have a trial wait, for `delay_s` at least; harmless when it does."""
        self._not_before[trial] = self._clock.monotonic() + delay_s
        if trial not in self._trials:
            self._trials.append(trial)

    def remove(self, trial: int) -> None:
        """Have a trial wait no longer."""
        self._trials.remove(trial)
        self._not_before.pop(trial, None)

    def release(self) -> None:
        """Have all of them ready now."""
        self._not_before.clear()

    def clear(self) -> None:
        """Have none wait."""
        self._trials.clear()

    @property
    def ready(self) -> list[int]:
        """Those that may be given a job now."""
        now = self._clock.monotonic()
        return [trial for trial in self._trials if now >= self._not_before.get(trial, now)]


class Recorder:
    """Records ends; every method may be repeated after a `StoreError`."""

    def __init__(self, ledger: Ledger, jobs: Jobs, waiting: WaitingLine, clock: Clock, *, keep_models: int) -> None:
        """Record in `ledger`, and have the trials that go on wait in `waiting`."""
        self._ledger = ledger
        self._jobs = jobs
        self._waiting = waiting
        self._clock = clock
        self._keep_models = keep_models

    def record(self, attempt: Attempt, ending: Ending, *, is_excused: bool) -> None:
        """Record how an attempt ended, and what that means for its trial.

        Args:
            attempt: The latest one at its trial, or one that had been given up.
            ending: How it ended.
            is_excused: Whether an end that is the infrastructure's fault does not count against its budget.
        """
        ended = ending.of(attempt)
        if self._ledger.trials[attempt.trial].state is not TrialState.PENDING:
            self._ledger.save(ended)
        elif ending.state is AttemptState.COMPLETED:
            self._complete(ended)
        else:
            told = Announcement("attempt-ended", f"trial {attempt.trial} will go on: {ending.reason}")
            self._go_on_or_fail(ended, told, is_excused=is_excused)

    def _go_on_or_fail(self, ended: Attempt, told: Announcement | None, *, is_excused: bool) -> None:
        """Have the trial of an attempt that ended badly wait for another one, and tell of it, or fail.

        Where there is nothing to tell, that it goes on is recorded already.
        """
        trial = with_attempt(self._ledger.trials[ended.trial], ended)
        if (is_excused and ended.state in INFRASTRUCTURE) or may_try_again(
            trial, ended.state, has_progressed=self._jobs.has_checkpoint
        ):
            if told is not None:
                self._ledger.save(ended, told)
            self._waiting.add(trial.number, retry_delay(trial, ended.state))
        else:
            self.fail(trial.number, f"{ended.state.value}: {ended.reason}", ended)

    def record_again(self, attempt: Attempt) -> None:
        """Go on from an attempt that was recorded as ended, but perhaps not what followed for its trial."""
        plan = self._jobs.plan(attempt)
        try:
            ending = find_ending(plan.directory, plan.spec, now=self._clock.now())
        except OSError:
            ending = Ending.as_recorded(attempt)
        if AttemptState.COMPLETED in (ending.state, attempt.state):
            self.record(attempt, ending, is_excused=True)
        elif attempt.state in INFRASTRUCTURE | CONFIGURATION:
            self._go_on_or_fail(attempt, None, is_excused=True)
        else:
            self.record(attempt, Ending.as_recorded(attempt), is_excused=True)

    def lose(self, attempt: Attempt, reason: str) -> None:
        """Record that nothing more is expected of an attempt, although its job may still run."""
        self._jobs.close(attempt)
        self._ledger.save(Ending(AttemptState.LOST, reason, None, self._clock.now()).of(attempt))

    def fail(self, number: int, reason: str, attempt: Attempt | None = None) -> None:
        """Record that a trial will have no outcome, with the end of the attempt that decided it, if one did."""
        self._ledger.fail(number, reason, attempt)
        clear_checkpoints(self._ledger.campaign, self._ledger.trials[number])

    def _complete(self, attempt: Attempt) -> None:
        plan = self._jobs.plan(attempt)
        try:
            value, outcome = self._read_outcome(plan)
            self._ledger.complete(attempt, value, outcome, plan.directory.read_progress())
        except AttemptError as error:
            invalid = dataclasses.replace(attempt, state=AttemptState.INVALID_OUTCOME, reason=str(error))
            self.fail(attempt.trial, f"{invalid.state.value}: {error}", invalid)
            return
        clear_checkpoints(self._ledger.campaign, self._ledger.trials[attempt.trial])
        ranked = self._ledger.ranked
        keep_best_models(self._ledger.campaign, self._ledger.trials, ranked, self._keep_models, attempt.trial)

    def _read_outcome(self, plan: AttemptPlan) -> tuple[float, Outcome]:
        """Read the outcome of an attempt that completed.

        Raises:
            AttemptError: If there is none, it is not valid, or it could not be read for long enough.
            OSError: If it cannot be read now, and may be later.
        """
        try:
            return read_outcome(plan.directory, plan.spec)
        except OSError:
            defect = self._jobs.reach.defect_of(plan.directory)
            if defect is None or not defect.is_final:
                raise
            raise AttemptError(defect.reason) from None
