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
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import uuid
from collections import deque

from bohpo.campaign.attempts import AttemptPlan, attempt_directory, may_try_again, plan_attempt
from bohpo.campaign.clock import Clock
from bohpo.campaign.ending import Ending, read_outcome
from bohpo.campaign.retention import clear_checkpoints, keep_best_models
from bohpo.cluster.protocol import Cluster
from bohpo.errors import AttemptError
from bohpo.optimizer.protocol import History, Optimizer
from bohpo.store.protocol import Store
from bohpo.store.records import Campaign, CampaignState, Lease, StopRequest
from bohpo.study import Study
from bohpo.trial import Attempt, AttemptState, Observation, Proposal, Trial, TrialState, best_trials

logger = logging.getLogger(__name__)

LEASE_S = 30.0
_RENEW_S = 10.0
_TICK_S = 1.0
_STARTING_TICK_S = 0.25


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
        self._campaign = campaign
        self._lease = lease
        self._optimizer = optimizer
        self._store = store
        self._cluster = cluster
        self._clock = clock
        self._trials: dict[int, Trial] = {}
        self._running: dict[str, Attempt] = {}
        self._waiting: deque[int] = deque()
        self._stop = StopRequest.NONE
        self._renewed = self._began = clock.now()
        self._driven_before = 0.0

    def stop(self) -> None:
        """Have `run` end soon, trainings saved in their checkpoints; safe in a signal handler."""
        self._stop = StopRequest.NOW

    def run(self) -> CampaignState:
        """Run the campaign until its budget is used up or it is stopped.

        Returns:
            FINISHED, or STOPPED when it may be resumed.
        """
        self._recover()
        while True:
            self._record_ended()
            self._notice_starts()
            self._heed_requests()
            if not self._is_winding_down():
                self._fill_slots()
            if not self._running and (self._is_winding_down() or not self._waiting):
                return self._conclude()
            starting = any(attempt.state is AttemptState.SUBMITTED for attempt in self._running.values())
            self._cluster.wait(_STARTING_TICK_S if starting else _TICK_S)

    # -- propose -------------------------------------------------------------------------------------------------

    def _propose(self, n: int) -> None:
        for proposal in self._optimizer.propose(self._history(), n):
            uid = uuid.uuid4().hex
            number = self._store.add_trial(self._lease, uid, proposal)
            self._trials[number] = Trial(
                number, uid, proposal.configuration, TrialState.PENDING, proposal, created=self._clock.now()
            )
            self._waiting.append(number)
            self._announce("proposed", _proposed(number, proposal), number)

    def _history(self) -> History:
        trials = [self._trials[number] for number in sorted(self._trials)]
        return History(
            completed=tuple(
                Observation(trial.configuration, trial.value, trial.variance, trial.metrics.get("train_seconds"))
                for trial in trials
                if trial.state is TrialState.COMPLETE and trial.value is not None
            ),
            failed=tuple(trial.configuration for trial in trials if trial.state is TrialState.FAILED),
            pending=tuple(trial.configuration for trial in trials if trial.state is TrialState.PENDING),
        )

    def _trials_left(self) -> int:
        budget = self._campaign.budget_trials
        spent = len(self._trials)
        return max(0, budget - spent) if budget is not None else self._study.parallel.jobs

    # -- submit --------------------------------------------------------------------------------------------------

    def _fill_slots(self) -> None:
        free = [slot for slot in range(self._study.parallel.jobs) if slot not in self._slots_taken()]
        missing = min(len(free) - len(self._waiting), self._trials_left())
        if missing > 0:
            self._propose(missing)
        for slot in free:
            if not self._waiting:
                return
            self._submit(self._waiting[0], slot)
            self._waiting.popleft()

    def _slots_taken(self) -> set[int]:
        return {attempt.worker for attempt in self._running.values()}

    def _submit(self, number: int, slot: int) -> None:
        trial = self._trials[number]
        plan = plan_attempt(self._study, self._campaign, trial, len(trial.attempts) + 1)
        attempt = Attempt(number, plan.spec.number, AttemptState.SUBMITTED, worker=slot, submitted=self._clock.now())
        self._save(attempt)
        plan.directory.prepare(plan.spec, plan.configuration)
        job_id = self._cluster.submit(plan.job)
        self._running[job_id] = self._save(dataclasses.replace(attempt, job=job_id))

    def _notice_starts(self) -> None:
        """Record which of the submitted attempts have begun to run, as their workers' heartbeats tell."""
        for job_id, attempt in self._running.items():
            files = attempt_directory(self._campaign, attempt.trial, attempt.number)
            if attempt.state is AttemptState.SUBMITTED and files.heartbeat.exists():
                started = dataclasses.replace(attempt, state=AttemptState.RUNNING, started=self._clock.now())
                self._running[job_id] = self._save(started)

    def _save(self, attempt: Attempt) -> Attempt:
        self._store.save_attempt(self._lease, attempt)
        trial = self._trials[attempt.trial]
        others = tuple(known for known in trial.attempts if known.number != attempt.number)
        self._trials[trial.number] = dataclasses.replace(trial, attempts=(*others, attempt))
        return attempt

    # -- record --------------------------------------------------------------------------------------------------

    def _record_ended(self) -> None:
        alive = self._cluster.alive(self._running.keys())
        for job_id in [known for known in self._running if known not in alive]:
            attempt = self._running.pop(job_id)
            self._record(attempt, is_infrastructure=self._stop is not StopRequest.NONE)

    def _record(self, attempt: Attempt, *, is_infrastructure: bool) -> None:
        """Record how an attempt ended, and what that means for its trial."""
        files = attempt_directory(self._campaign, attempt.trial, attempt.number)
        ending = Ending.read(files) or Ending(
            AttemptState.LOST, "its worker vanished", attempt.submitted, self._clock.now()
        )
        ended = self._save(
            dataclasses.replace(
                attempt, state=ending.state, reason=ending.reason, started=ending.started, ended=ending.ended
            )
        )
        if ended.state is AttemptState.COMPLETED:
            self._complete(ended)
        elif may_try_again(self._trials[ended.trial], ended.state) or (
            is_infrastructure and ended.state in (AttemptState.PREEMPTED, AttemptState.LOST)
        ):
            self._waiting.append(ended.trial)
            self._announce("attempt-ended", f"trial {ended.trial} will go on: {ended.reason}", ended.trial)
        else:
            self._fail(ended.trial, f"{ended.state.value}: {ended.reason}")

    def _complete(self, attempt: Attempt) -> None:
        plan = self._plan(attempt)
        try:
            value, outcome = read_outcome(plan.directory, plan.spec)
        except AttemptError as error:
            self._fail(attempt.trial, f"{AttemptState.INVALID_OUTCOME.value}: {error}")
            return
        self._store.complete_trial(self._lease, attempt.trial, value, outcome, plan.directory.read_progress())
        self._trials[attempt.trial] = dataclasses.replace(
            self._trials[attempt.trial],
            state=TrialState.COMPLETE,
            value=value,
            variance=outcome.variance,
            metrics=outcome.metrics,
            ended=self._clock.now(),
        )
        best = self._best()
        self._announce(
            "completed", _completed(self._trials[attempt.trial], is_best=best[0] == attempt.trial), attempt.trial
        )
        clear_checkpoints(self._campaign, self._trials[attempt.trial])
        keep_best_models(self._campaign, self._trials.values(), best[: self._study.budget.keep_models])

    def _fail(self, number: int, reason: str) -> None:
        self._store.fail_trial(self._lease, number, reason)
        self._trials[number] = dataclasses.replace(
            self._trials[number], state=TrialState.FAILED, reason=reason, ended=self._clock.now()
        )
        self._announce("failed", f"trial {number} failed, {reason}", number)
        clear_checkpoints(self._campaign, self._trials[number])

    def _best(self) -> list[int]:
        ranked = best_trials(self._trials.values(), maximize=self._study.objective.maximize)
        return [trial.number for trial in ranked]

    def _plan(self, attempt: Attempt) -> AttemptPlan:
        return plan_attempt(self._study, self._campaign, self._trials[attempt.trial], attempt.number)

    # -- recover, heed, conclude ---------------------------------------------------------------------------------

    def _recover(self) -> None:
        """Settle what an earlier driver left behind."""
        self._store.set_state(self._lease, CampaignState.ACTIVE)
        self._store.request_stop(self._campaign.name, StopRequest.NONE)
        self._driven_before = driven_seconds(
            [(event.time, event.kind) for event in self._store.events(self._campaign.name)]
        )
        self._trials = {trial.number: trial for trial in self._store.trials(self._campaign.name)}
        pending = [trial for trial in self._trials.values() if trial.state is TrialState.PENDING]
        self._announce("driver-started", f"{len(self._trials)} trials so far, {len(pending)} of them to go on with")
        for trial in pending:
            if not trial.attempts:
                self._waiting.append(trial.number)
                continue
            last = trial.attempts[-1]
            self._cluster.end_leftover(self._plan(last).job)
            self._record(last, is_infrastructure=True)

    def _heed_requests(self) -> None:
        """Renew the lease, and look whether somebody asked for a stop or for more trials."""
        if self._clock.now() - self._renewed > _RENEW_S:
            self._lease = self._store.renew_lease(self._lease, LEASE_S)
            self._renewed = self._clock.now()
        self._campaign = self._store.campaign(self._campaign.name)
        if self._stop is not StopRequest.NOW:
            self._stop = self._campaign.stop_request
        if self._stop is StopRequest.NOW:
            for job_id in self._running:
                self._cluster.cancel(job_id)

    def _is_winding_down(self) -> bool:
        return self._stop is not StopRequest.NONE or self._is_out_of_time()

    def _is_out_of_time(self) -> bool:
        hours = self._study.budget.hours
        return hours is not None and self._driven_before + self._clock.now() - self._began > hours * 3600

    def _conclude(self) -> CampaignState:
        stopped = self._stop is not StopRequest.NONE and (self._waiting or self._trials_left())
        if not stopped:
            for number in self._waiting:
                self._fail(number, "out-of-time: budget.hours was used up before it could go on")
        state = CampaignState.STOPPED if stopped else CampaignState.FINISHED
        self._store.set_state(self._lease, state)
        self._announce("driver-ended", f"campaign {state.value}, {len(self._trials)} trials")
        return state

    def _announce(self, kind: str, message: str, trial: int | None = None) -> None:
        logger.info("%s: %s", self._campaign.name, message)
        self._store.add_event(self._lease, kind, message, trial)


def driven_seconds(events: list[tuple[float, str]]) -> float:
    """Add up how long drivers were at work; one that was killed counts to the last thing it recorded.

    Args:
        events: Time in seconds and kind, in order.
    """
    total = 0.0
    for (before, _), (after, kind) in itertools.pairwise(events):
        if kind != "driver-started":
            total += after - before
    return total


def _proposed(number: int, proposal: Proposal) -> str:
    if proposal.predicted_mean is None or proposal.predicted_sd is None:
        return f"trial {number} from {proposal.source}"
    return (
        f"trial {number} from {proposal.source}, predicted {proposal.predicted_mean:.4g}"
        f" ± {1.96 * proposal.predicted_sd:.2g}, in {proposal.seconds:.2f} s"
    )


def _completed(trial: Trial, *, is_best: bool) -> str:
    spread = "" if trial.variance is None else f" ± {1.96 * trial.variance**0.5:.2g}"
    return f"trial {trial.number} complete, {trial.value:.4g}{spread}{', the best so far' if is_best else ''}"
