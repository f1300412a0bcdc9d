"""The asynchronous loop: propose -> submit -> record, until the budget is used up.

It knows four Protocols (Optimizer, Store, Cluster, Clock) and nothing behind them. It may be killed at any moment:
what it knows is in the store before it acts on it, and what trainings came to is in their files before it knows it.

| killed between                        | what the next driver finds            | and does                          |
| ------------------------------------- | ------------------------------------- | --------------------------------- |
| proposal and trial in the store       | nothing                               | proposes again                    |
| trial in the store and attempt        | a pending trial without an attempt    | starts attempt 1                  |
| attempt in the store and submission   | an attempt without a job              | submits it                        |
| submission and the job's id           | an attempt without a job              | finds its job by name, adopts it  |
| the job's id and the trainer's end    | an attempt, its job perhaps alive     | adopts it, or resumes the trial   |
| the trainer's end and the record      | `ended.json`, `outcome.json`          | records them                      |

While the database or the campaign's folder is out of reach the trainings go on, and a step is repeated until it is
back. While all slots are taken and nothing else is to be done, the optimizer works ahead.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

from bohpo.campaign.brake import Brake
from bohpo.campaign.clock import Clock
from bohpo.campaign.ending import Ending
from bohpo.campaign.heartbeats import Turns
from bohpo.campaign.jobs import HUNG_S, Jobs
from bohpo.campaign.ledger import Ledger
from bohpo.campaign.leftovers import END_S, Leftovers
from bohpo.campaign.queue import Queue
from bohpo.campaign.queue_report import QueueReport
from bohpo.campaign.recorder import Recorder, WaitingLine
from bohpo.campaign.stillborn import Stillborn
from bohpo.cluster.protocol import Cluster
from bohpo.errors import LeaseError, QueueError, SchemaError, StoreError, UsageError
from bohpo.optimizer.protocol import Optimizer
from bohpo.store.protocol import Store
from bohpo.store.records import Campaign, CampaignState, Lease, StopRequest
from bohpo.study import Study
from bohpo.trial import Attempt, AttemptState, Proposal, TrialState

logger = logging.getLogger(__name__)
T = TypeVar("T")

TICK_S = 1.0
STARTING_TICK_S = 0.25
STARTING_S = 10.0
"""So long after a submission its start is waited for with the shorter tick."""

STUCK_S = 30.0
"""What a worker gets beyond its trainer's grace when asked to stop."""

OUTAGE_S = 3600.0
"""How long the database or the campaign's folder may be out of reach before the driver gives up."""

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
        leaves_jobs: bool = False,
    ) -> None:
        """Take over the campaign as the store has it.

        Args:
            study: What to run.
            campaign: Which campaign.
            lease: The right to write to it.
            optimizer: Proposes.
            store: Records.
            cluster: Runs jobs.
            clock: Tells the time.
            leaves_jobs: Whether the jobs of this cluster run on without a driver, so that `stop` leaves them alone.
        """
        self._study = study
        self._optimizer = optimizer
        self._cluster = cluster
        self._clock = clock
        self._leaves_jobs = leaves_jobs
        self._ledger = Ledger(campaign, lease, maximize=study.objective.maximize, store=store, clock=clock)
        self._queue = Queue(cluster, clock)
        self._jobs = Jobs(study, self._ledger, self._queue, clock, may_outlive=leaves_jobs)
        self._leftovers = Leftovers(study, self._ledger, self._queue, clock)
        self._turns_to_end = Turns(clock, END_S)
        self._stillborn = Stillborn(self._ledger, self._queue)
        self._report = QueueReport(self._ledger, self._queue, clock)
        self._adopted: set[tuple[int, int]] = set()
        self._waiting = WaitingLine(clock)
        keep_models = study.budget.keep_models
        self._recorder = Recorder(self._ledger, self._jobs, self._waiting, clock, keep_models=keep_models)
        self._brake = Brake(study, self._ledger)
        self._unrecorded: deque[tuple[str, Proposal]] = deque()
        self._is_ahead = False
        self._no_proposal: UsageError | None = None
        self._signals = 0
        self._stopping_since: float | None = None
        self._began = clock.monotonic()
        self._last_submission = clock.monotonic()
        self._driven_before = 0.0
        self.last_step = clock.monotonic()

    def stop(self) -> None:
        """Have `run` end soon: jobs that run on without a driver are left alone.

        Other trainings are saved in their checkpoints; the second call kills them. Safe in a signal handler.
        """
        self._signals += 1

    def run(self) -> CampaignState:
        """Run the campaign until its budget is used up or it is stopped.

        Returns:
            FINISHED, or STOPPED when it may be resumed.

        Raises:
            LeaseError: If another driver took over.
            StoreError: If the database stayed out of reach.
            OSError: If the campaign's folder did.
            QueueError: If the queue refuses jobs while none runs, or was never heard of.
            UsageError: If nothing can be proposed, once what ran has ended; the campaign may be resumed.
        """
        self._outlast(self._recover)
        while not self._outlast(self._step):
            is_starting = self._clock.monotonic() - self._last_submission < STARTING_S
            self._cluster.wait(STARTING_TICK_S if is_starting else TICK_S)
        state = self._outlast(self._conclude)
        if self._no_proposal is not None:
            raise self._no_proposal
        return state

    def _step(self) -> bool:
        """Do what is to be done now; give whether the campaign is over."""
        self.last_step = self._clock.monotonic()
        if self._is_leaving():
            return True
        running = set(self._jobs.running)
        self._jobs.look()
        self._record_ended()
        self._record_late()
        self._give_up_hung()
        self._leftovers.end()
        self._report.tell(self._jobs)
        self._ledger.refresh()
        self._end_unwanted()
        if self._is_winding_down():
            return not self._jobs.running
        self._fill_slots()
        if running == self._jobs.running.keys():  # nothing ended and nothing began: there is time
            self._work_ahead()
        return not self._jobs.running and not self._waiting and not self._trials_left()

    def _outlast(self, step: Callable[[], T]) -> T:
        """Repeat a step through an outage of the database, or of the file system of the campaign's folder."""
        since, told = self._clock.monotonic(), ""
        while True:
            try:
                return step()
            except (LeaseError, SchemaError):
                raise
            except (StoreError, OSError) as error:
                if self._signals or self._clock.monotonic() - since > OUTAGE_S:
                    raise
                if str(error) != told:
                    logger.warning("the trainings go on while %s: %s", self._what_is_away(error), error)
                told = str(error)
                self._clock.sleep(_OUTAGE_TICK_S)

    def _what_is_away(self, error: StoreError | OSError) -> str:
        if isinstance(error, StoreError):
            return "the database does not answer"
        return f"{self._ledger.campaign.directory} is out of reach"

    # -- propose -------------------------------------------------------------------------------------------------

    def _propose(self, n: int) -> None:
        if not self._unrecorded:
            with self._winding_down_without_proposal():
                proposals = self._optimizer.propose(self._ledger.history(), n)
                self._unrecorded.extend((uuid.uuid4().hex, proposal) for proposal in proposals)
        while self._unrecorded:
            self._waiting.add(self._ledger.add(*self._unrecorded[0]))
            self._unrecorded.popleft()

    def _work_ahead(self) -> None:
        """Let the optimizer prepare the next proposal, once for each history, where the next free slot will want one.

        A result that comes in meanwhile waits for as long as one proposal takes; one that is there already does not.
        """
        is_full = len(self._jobs.running) >= self._study.jobs
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
        return self._study.jobs if budget is None else max(0, budget - len(self._ledger.trials))

    # -- submit --------------------------------------------------------------------------------------------------

    def _fill_slots(self) -> None:
        taken = {attempt.worker for attempt in self._jobs.running.values()}
        free = [slot for slot in range(self._study.jobs) if slot not in taken]
        free = free[: max(0, self._study.jobs - len(self._jobs.running))]
        missing = min(len(free) - len(self._waiting), self._trials_left())
        if missing > 0 or self._unrecorded:
            self._propose(missing)
        if not self._queue.takes_jobs or not self._adopt_submitted():
            return
        ready = self._stillborn.few_of(self._waiting.ready, self._jobs.running.values())
        for slot, number in zip(free, ready, strict=False):
            self._ledger.hold()
            try:
                self._submit(number, slot)
            except QueueError as error:
                if not self._jobs.running and self._queue.is_hopeless(error):
                    raise
                logger.warning("the queue took no job and will be asked again: %s", error)
                return

    def _adopt_submitted(self) -> bool:
        """Take over waiting trials whose jobs the queue has although it did not say so; give whether it answers."""
        found = self._jobs.find_submitted(self._waiting)
        if found is None and not self._jobs.running:
            self._queue.refuse_silence()
        for number in found or ():
            self._waiting.remove(number)
        return found is not None

    def _submit(self, number: int, slot: int) -> None:
        job_id = self._jobs.submit(number, slot)
        self._waiting.remove(number)
        self._last_submission = self._clock.monotonic()
        self._jobs.journal([job_id])

    # -- record --------------------------------------------------------------------------------------------------

    def _record_ended(self) -> None:
        for job_id, attempt, ending in self._jobs.ended():
            self._ledger.hold()
            self._recorder.record(attempt, ending, is_excused=self._is_excused(attempt, ending))
            self._brake.note(self._ledger.trials[attempt.trial])
            self._is_ahead = self._is_ahead and not self._has_ended(attempt.trial)
            self._jobs.forget(job_id)

    def _is_excused(self, attempt: Attempt, ending: Ending) -> bool:
        """Whether an early end does not count at all: a driver's end caused it, or its worker never began."""
        if self._is_stopping() or (attempt.trial, attempt.number) in self._adopted:
            return True
        if ending.state is AttemptState.LOST and not self._jobs.files(attempt).heartbeat.exists():
            self._stillborn.count(self._jobs.plan(attempt).job)
            return True
        self._stillborn.clear()
        return False

    def _record_late(self) -> None:
        """Accept outcomes of attempts that were given up, the first valid one, and end what is superseded by them."""
        for attempt, ending in self._leftovers.late():
            told = f"attempt {attempt.number} at trial {attempt.trial} completed although it had been given up"
            self._ledger.announce("completed-late", told, attempt.trial)
            self._recorder.record(attempt, ending, is_excused=True)
            self._brake.note(self._ledger.trials[attempt.trial])
            self._is_ahead = False
        for job_id, newer in list(self._jobs.running.items()):
            if self._has_ended(newer.trial):
                self._recorder.lose(newer, "another attempt completed")
                self._abandon(job_id)
        for number in filter(self._has_ended, self._waiting):
            self._close_unsent(number, "another attempt completed")
            self._waiting.remove(number)

    def _has_ended(self, number: int) -> bool:
        return self._ledger.trials[number].state is not TrialState.PENDING

    def _give_up_hung(self) -> None:
        for job_id in self._jobs.hung():
            attempt = self._jobs.running[job_id]
            self._jobs.close(attempt)
            reason = f"its worker hangs: no sign of life for {HUNG_S / 60:.0f} min"
            ending = Ending(AttemptState.LOST, reason, None, self._clock.now())
            self._recorder.record(attempt, ending, is_excused=False)
            self._abandon(job_id)

    def _abandon(self, job_id: str) -> None:
        """Have a job ended whose attempt is recorded as lost."""
        self._queue.cancel(job_id)
        self._leftovers.add([self._jobs.running[job_id]])
        self._jobs.forget(job_id)

    def _close_unsent(self, number: int, reason: str) -> None:
        """Record an attempt as lost that the queue has not taken, as far as it says."""
        attempt = self._jobs.unsent.get(number)
        if attempt is not None:
            self._recorder.lose(attempt, reason)
            self._leftovers.add([attempt])
            del self._jobs.unsent[number]

    # -- recover, stop, conclude ---------------------------------------------------------------------------------

    def _recover(self) -> None:
        """Take over what an earlier driver left behind."""
        self._waiting.clear()
        self._driven_before = self._ledger.driven_before()
        self._ledger.load()
        count, pending = len(self._ledger.trials), self._ledger.pending
        self._ledger.announce("driver-started", f"{count} trials so far, {len(pending)} of them to go on with")
        for trial in pending:
            self._ledger.hold()
            self._adopted.update((trial.number, attempt.number) for attempt in trial.attempts)
            if trial.attempts and trial.attempts[-1].state.is_alive:
                if not self._jobs.adopt(trial.attempts[-1]):
                    self._waiting.add(trial.number)
            elif trial.attempts:
                self._recorder.record_again(trial.attempts[-1])
            else:
                self._waiting.add(trial.number)
        self._waiting.release()
        trials = self._ledger.trials.values()
        self._leftovers.add(a for trial in trials for a in trial.attempts if a.state is AttemptState.LOST)

    def _end_unwanted(self) -> None:
        """Cancel what runs when asked to stop now, and end the workers that do not heed the stop."""
        if self._is_stopping() and self._stopping_since is None:
            logger.warning("stopping: trainings save their checkpoints; once more to kill them")
            self._stopping_since = self._clock.monotonic()
            for job_id in self._jobs.running:
                self._jobs.cancel(job_id)
        since = self._stopping_since
        is_overdue = since is not None and self._clock.monotonic() - since > STUCK_S
        if self._signals > 1 or is_overdue:
            for attempt in self._turns_to_end.among(list(self._jobs.running.values())):
                self._queue.end(self._jobs.plan(attempt).job, grace_s=0.0)

    def _is_leaving(self) -> bool:
        return self._leaves_jobs and self._signals > 0

    def _is_stopping(self) -> bool:
        return self._signals > 0 or self._ledger.campaign.stop_request is StopRequest.NOW

    def _is_winding_down(self) -> bool:
        return self._is_asked_to_stop() or self._has_to_stop() or self._is_late()

    def _is_asked_to_stop(self) -> bool:
        return self._is_stopping() or self._ledger.campaign.stop_request is not StopRequest.NONE

    def _has_to_stop(self) -> bool:
        return self._no_proposal is not None or self._brake.failure is not None

    def _is_late(self) -> bool:
        hours = self._study.budget.hours
        driven = self._driven_before + self._clock.monotonic() - self._began
        return hours is not None and driven > hours * 3600

    def _conclude(self) -> CampaignState:
        running = len(self._jobs.running)
        left = running > 0 or bool(self._waiting) or self._trials_left() > 0
        stopped = running > 0 or (left and self._is_winding_down() and not self._is_late())
        for number in () if stopped else self._waiting:
            self._close_unsent(number, "budget.hours was used up")
            self._recorder.fail(number, "out-of-time: budget.hours was used up before it could go on")
            self._waiting.remove(number)
        state = CampaignState.STOPPED if stopped else CampaignState.FINISHED
        self._ledger.close(state, running=running)
        if stopped and not self._is_asked_to_stop():
            self._brake.tell_stopped()
        return state
