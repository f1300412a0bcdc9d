"""The asynchronous loop: propose -> submit -> record, until the budget is used up.

It knows four Protocols (Optimizer, Store, Cluster, Clock) and nothing behind them. It may be killed at any moment:
what it knows is in the store before it acts on it, and what trainings came to is in their files before it knows it.

| killed between                        | what the next driver finds            | and does                        |
| ------------------------------------- | ------------------------------------- | ------------------------------- |
| proposal and trial in the store       | nothing                               | proposes again                  |
| trial in the store and attempt        | a pending trial without an attempt    | starts attempt 1                |
| attempt in the store and submission   | an attempt without a job              | ends it as lost, starts another |
| submission and the trainer's end      | an attempt, its job perhaps alive     | ends the job, resumes the trial |
| the trainer's end and the record      | `ended.json`, `outcome.json`          | records them                    |

While the database is out of reach the trainings go on, and a step is repeated until it is back. While all slots are
taken and nothing else is to be done, the optimizer works ahead.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

from bohpo.campaign.attempts import AttemptPlan, may_try_again, plan_attempt, retry_delay
from bohpo.campaign.clock import Clock
from bohpo.campaign.ending import find_ending, read_outcome
from bohpo.campaign.ledger import Ledger
from bohpo.campaign.retention import clear_checkpoints, keep_best_models
from bohpo.cluster.protocol import Cluster
from bohpo.errors import AttemptError, LeaseError, QueueError, SchemaError, StoreError, UsageError
from bohpo.optimizer.protocol import Optimizer
from bohpo.store.protocol import Store
from bohpo.store.records import Campaign, CampaignState, Lease, StopRequest
from bohpo.study import Study
from bohpo.trial import Attempt, AttemptState, Proposal

logger = logging.getLogger(__name__)
T = TypeVar("T")

TICK_S = 1.0
STARTING_TICK_S = 0.25
STUCK_S = 30.0
"""What a worker gets beyond its trainer's deadline, and beyond the trainer's grace when asked to stop."""

REFUSALS_ALLOWED = 3
"""Refusals in a row after which the driver gives up, where no job runs any more."""

OUTAGE_S = 3600.0
"""How long the database may be out of reach before the driver gives up."""

_OUTAGE_TICK_S = 2.0


class Loop:
    """Drives one campaign under its lease."""

    def __init__(
        self,
        study: Study,
        campaign: Campaign,
        lease: Lease,
        *,
        optimizer: Optimizer,
        store: Store,
        cluster: Cluster,
        clock: Clock,
    ) -> None:
        """Take over the campaign as the store has it."""
        self._study = study
        self._optimizer = optimizer
        self._cluster = cluster
        self._clock = clock
        self._ledger = Ledger(campaign, lease, maximize=study.objective.maximize, store=store, clock=clock)
        self._running: dict[str, Attempt] = {}
        self._waiting: deque[int] = deque()
        self._not_before: dict[int, float] = {}
        self._unrecorded: deque[tuple[str, Proposal]] = deque()
        self._is_ahead = False
        self._no_proposal: UsageError | None = None
        self._refusals = 0
        self._signals = 0
        self._stopping_since: float | None = None
        self._began = clock.monotonic()
        self._driven_before = 0.0

    def stop(self) -> None:
        """Have `run` end soon, trainings saved in their checkpoints; the second call kills them.

        Safe in a signal handler.
        """
        self._signals += 1

    def run(self) -> CampaignState:
        """Run the campaign until its budget is used up or it is stopped.

        Returns:
            FINISHED, or STOPPED when it may be resumed.

        Raises:
            LeaseError: If another driver took over.
            StoreError: If the database stayed out of reach.
            QueueError: If the queue refuses jobs while none runs.
            UsageError: If nothing can be proposed, once what ran has ended; the campaign may be resumed.
        """
        self._outlast(self._recover)
        while not self._outlast(self._step):
            starting = any(attempt.state is AttemptState.SUBMITTED for attempt in self._running.values())
            self._cluster.wait(STARTING_TICK_S if starting else TICK_S)
        state = self._outlast(self._conclude)
        if self._no_proposal is not None:
            raise self._no_proposal
        return state

    def _step(self) -> bool:
        """Do what is to be done now; give whether the campaign is over."""
        running = set(self._running)
        self._record_ended()
        self._notice_starts()
        self._ledger.refresh()
        self._end_unwanted()
        if self._is_winding_down():
            return not self._running
        self._fill_slots()
        if running == self._running.keys():  # nothing ended and nothing began: there is time
            self._work_ahead()
        return not self._running and not self._waiting and not self._trials_left()

    def _outlast(self, step: Callable[[], T]) -> T:
        """Repeat a step through an outage of the database."""
        since = self._clock.monotonic()
        while True:
            try:
                return step()
            except (LeaseError, SchemaError):
                raise
            except StoreError as error:
                if self._signals or self._clock.monotonic() - since > OUTAGE_S:
                    raise
                logger.warning("the trainings go on while the database does not answer: %s", error)
                self._clock.sleep(_OUTAGE_TICK_S)

    # -- propose -------------------------------------------------------------------------------------------------

    def _propose(self, n: int) -> None:
        if not self._unrecorded:
            with self._winding_down_without_proposal():
                proposals = self._optimizer.propose(self._ledger.history(), n)
                self._unrecorded.extend((uuid.uuid4().hex, proposal) for proposal in proposals)
        while self._unrecorded:
            self._waiting.append(self._ledger.add(*self._unrecorded[0]))
            self._unrecorded.popleft()

    def _work_ahead(self) -> None:
        """Let the optimizer prepare the next proposal, once for each history, where the next free slot will want one.

        A result that comes in meanwhile waits for as long as one proposal takes; one that is there already does not.
        """
        is_full = len(self._running) == self._study.parallel.jobs
        if self._is_ahead or not is_full or not self._trials_left():
            return
        with self._winding_down_without_proposal():
            self._optimizer.prepare(self._ledger.history())
        self._is_ahead = True

    @contextlib.contextmanager
    def _winding_down_without_proposal(self) -> Iterator[None]:
        """Have what runs finished and recorded, and nothing begun, where the optimizer says that it cannot propose."""
        try:
            yield
        except UsageError as error:
            self._ledger.announce("no-proposal", f"the driver stops when what runs has ended: {error}")
            logger.error("the driver stops when what runs has ended, since nothing can be proposed: %s", error)
            self._no_proposal = error

    def _trials_left(self) -> int:
        budget = self._ledger.campaign.budget_trials
        return self._study.parallel.jobs if budget is None else max(0, budget - len(self._ledger.trials))

    # -- submit --------------------------------------------------------------------------------------------------

    def _fill_slots(self) -> None:
        taken = {attempt.worker for attempt in self._running.values()}
        free = [slot for slot in range(self._study.parallel.jobs) if slot not in taken]
        missing = min(len(free) - len(self._waiting), self._trials_left())
        if missing > 0 or self._unrecorded:
            self._propose(missing)
        ready = [number for number in self._waiting if self._clock.monotonic() >= self._not_before.get(number, 0.0)]
        for slot, number in zip(free, ready, strict=False):
            self._ledger.hold()
            try:
                self._submit(number, slot)
                self._refusals = 0
            except QueueError as error:
                self._refusals += 1
                if not self._running and self._refusals >= REFUSALS_ALLOWED:
                    raise
                logger.warning("the queue refused a job and will be asked again: %s", error)
                return

    def _submit(self, number: int, slot: int) -> None:
        trial = self._ledger.trials[number]
        plan = plan_attempt(self._study, self._ledger.campaign, trial, len(trial.attempts) + 1)
        attempt = Attempt(number, plan.spec.number, AttemptState.SUBMITTED, worker=slot, submitted=self._clock.now())
        self._ledger.save(attempt)
        try:
            plan.directory.prepare(plan.spec, plan.configuration)
            job_id = self._cluster.submit(plan.job)
        except QueueError as error:
            self._ledger.save(dataclasses.replace(attempt, state=AttemptState.LOST, reason=str(error)))
            delay = retry_delay(self._ledger.trials[number], AttemptState.LOST)
            self._not_before[number] = self._clock.monotonic() + delay
            raise
        self._waiting.remove(number)
        self._running[job_id] = dataclasses.replace(attempt, job=job_id)

    def _notice_starts(self) -> None:
        """Record which of the submitted attempts have begun to run, as their workers' heartbeats tell."""
        for job_id, attempt in self._running.items():
            if attempt.state is AttemptState.SUBMITTED and self._plan(attempt).directory.heartbeat.exists():
                started = dataclasses.replace(attempt, state=AttemptState.RUNNING, started=self._clock.now())
                self._running[job_id] = self._ledger.save(started)

    def _plan(self, attempt: Attempt) -> AttemptPlan:
        trial = self._ledger.trials[attempt.trial]
        return plan_attempt(self._study, self._ledger.campaign, trial, attempt.number)

    # -- record --------------------------------------------------------------------------------------------------

    def _record_ended(self) -> None:
        statuses = self._cluster.look(self._running.keys())
        for job_id in [known for known in self._running if not statuses[known].state.is_alive]:
            self._ledger.hold()
            self._record(self._running[job_id], is_infrastructure=self._is_stopping())
            del self._running[job_id]

    def _record(self, attempt: Attempt, *, is_infrastructure: bool) -> None:
        """Record how an attempt ended, and what that means for its trial.

        Args:
            attempt: Its job is gone, or was an earlier driver's.
            is_infrastructure: Whether an early end is not held against the trial.
        """
        plan = self._plan(attempt)
        self._cluster.end_leftover(plan.job, grace_s=STUCK_S)
        ending = find_ending(plan.directory, plan.spec, submitted=attempt.submitted, now=self._clock.now())
        self._ledger.save(ending.of(attempt))
        trial = self._ledger.trials[attempt.trial]
        if ending.state is AttemptState.COMPLETED:
            self._complete(plan)
        elif may_try_again(trial, ending.state) or (
            is_infrastructure and ending.state in (AttemptState.PREEMPTED, AttemptState.LOST)
        ):
            self._ledger.announce("attempt-ended", f"trial {trial.number} will go on: {ending.reason}", trial.number)
            self._not_before[trial.number] = self._clock.monotonic() + retry_delay(trial, ending.state)
            self._waiting.append(trial.number)
        else:
            self._fail(trial.number, f"{ending.state.value}: {ending.reason}")

    def _complete(self, plan: AttemptPlan) -> None:
        number = plan.spec.trial
        self._is_ahead = False
        try:
            value, outcome = read_outcome(plan.directory, plan.spec)
            self._ledger.complete(number, value, outcome, plan.directory.read_progress())
        except AttemptError as error:
            self._fail(number, f"{AttemptState.INVALID_OUTCOME.value}: {error}")
            return
        clear_checkpoints(self._ledger.campaign, self._ledger.trials[number])
        kept = self._ledger.ranked[: self._study.budget.keep_models]
        keep_best_models(self._ledger.campaign, self._ledger.trials.values(), kept)

    def _fail(self, number: int, reason: str) -> None:
        self._is_ahead = False
        self._ledger.fail(number, reason)
        clear_checkpoints(self._ledger.campaign, self._ledger.trials[number])

    # -- recover, stop, conclude ---------------------------------------------------------------------------------

    def _recover(self) -> None:
        """Settle what an earlier driver left behind."""
        self._waiting.clear()
        self._driven_before = self._ledger.driven_before()
        self._ledger.load()
        count, pending = len(self._ledger.trials), self._ledger.pending
        self._ledger.announce("driver-started", f"{count} trials so far, {len(pending)} of them to go on with")
        for trial in pending:
            self._ledger.hold()
            if trial.attempts:
                self._record(trial.attempts[-1], is_infrastructure=True)
            else:
                self._waiting.append(trial.number)
        self._not_before.clear()

    def _end_unwanted(self) -> None:
        """Cancel what runs when asked to stop now, and end the workers that do not heed their deadline or the stop."""
        if self._is_stopping() and self._stopping_since is None:
            logger.warning("stopping: trainings save their checkpoints; once more to kill them")
            self._stopping_since = self._clock.monotonic()
            for job_id in self._running:
                self._cluster.cancel(job_id)
        for attempt in self._running.values():
            if self._signals > 1 or self._is_stuck(attempt):
                self._cluster.end_leftover(self._plan(attempt).job, grace_s=0.0)

    def _is_stuck(self, attempt: Attempt) -> bool:
        if self._stopping_since is not None and self._clock.monotonic() - self._stopping_since > STUCK_S:
            return True
        deadline = self._study.budget.attempt_seconds + STUCK_S
        return attempt.started is not None and self._clock.now() - attempt.started > deadline

    def _is_stopping(self) -> bool:
        return self._signals > 0 or self._ledger.campaign.stop_request is StopRequest.NOW

    def _is_winding_down(self) -> bool:
        is_asked_to = self._is_stopping() or self._ledger.campaign.stop_request is not StopRequest.NONE
        return is_asked_to or self._no_proposal is not None or self._is_late()

    def _is_late(self) -> bool:
        hours = self._study.budget.hours
        driven = self._driven_before + self._clock.monotonic() - self._began
        return hours is not None and driven > hours * 3600

    def _conclude(self) -> CampaignState:
        left = bool(self._waiting) or self._trials_left() > 0
        stopped = left and self._is_winding_down() and not self._is_late()
        while self._waiting and not stopped:
            self._fail(self._waiting[0], "out-of-time: budget.hours was used up before it could go on")
            self._waiting.popleft()
        state = CampaignState.STOPPED if stopped else CampaignState.FINISHED
        self._ledger.close(state)
        return state
