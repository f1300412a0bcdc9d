"""The ledger: a campaign's trials in memory, each change in the store before it is here."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

from bohpo.campaign.clock import Clock
from bohpo.optimizer.protocol import History
from bohpo.store.protocol import Store
from bohpo.store.records import Announcement, Campaign, CampaignState, Lease
from bohpo.trial import Attempt, Observation, Outcome, Proposal, Trial, TrialState, best_trials

logger = logging.getLogger(__name__)

LEASE_S = 30.0
RENEW_S = 10.0


class Ledger:
    """What a driver knows of its campaign. Every method that writes may be repeated after a `StoreError`."""

    def __init__(self, campaign: Campaign, lease: Lease, *, maximize: bool, store: Store, clock: Clock) -> None:
        """Open the ledger of a campaign under its lease; `load` reads it."""
        self.campaign = campaign
        self.trials: dict[int, Trial] = {}
        self._lease = lease
        self._maximize = maximize
        self._store = store
        self._clock = clock
        self._renewed = clock.monotonic()

    def load(self) -> None:
        """Read all trials from the store, and declare the campaign active."""
        self._store.set_state(self._lease, CampaignState.ACTIVE)
        self.trials = {trial.number: trial for trial in self._store.trials(self.campaign.name)}

    def refresh(self) -> None:
        """Read the campaign's record again: somebody may have asked for a stop, or for more trials."""
        self.hold()
        self.campaign = self._store.campaign(self.campaign.name)

    def hold(self) -> None:
        """Renew the lease where it is time to."""
        if self._clock.monotonic() - self._renewed > RENEW_S:
            self._lease = self._store.renew_lease(self._lease, LEASE_S)
            self._renewed = self._clock.monotonic()

    @property
    def pending(self) -> list[Trial]:
        """The trials without an outcome, by number."""
        return [trial for _, trial in sorted(self.trials.items()) if trial.state is TrialState.PENDING]

    @property
    def ranked(self) -> list[int]:
        """Numbers of the completed trials, best first."""
        return [trial.number for trial in best_trials(self.trials.values(), maximize=self._maximize)]

    def history(self) -> History:
        """Give the trials as the optimizer sees them."""
        trials = [trial for _, trial in sorted(self.trials.items())]
        return History(
            completed=tuple(
                Observation(trial.configuration, trial.value, trial.variance, trial.metrics.get("train_seconds"))
                for trial in trials
                if trial.state is TrialState.COMPLETE and trial.value is not None
            ),
            failed=tuple(trial.configuration for trial in trials if trial.state is TrialState.FAILED),
            pending=tuple(trial.configuration for trial in trials if trial.state is TrialState.PENDING),
        )

    def driven_before(self) -> float:
        """Add up the seconds that earlier drivers were at work."""
        return driven_seconds([(event.time, event.kind) for event in self._store.events(self.campaign.name)])

    def add(self, uid: str, proposal: Proposal) -> int:
        """Record a proposal as a pending trial; the same uid makes no second one."""
        number = self._store.add_trial(
            self._lease, uid, proposal, announcement=lambda number: _proposed(number, proposal)
        )
        self.trials[number] = Trial(
            number, uid, proposal.configuration, TrialState.PENDING, proposal, created=self._clock.now()
        )
        self._log(_proposed(number, proposal))
        return number

    def save(self, attempt: Attempt, announcement: Announcement | None = None) -> Attempt:
        """Record an attempt, or its new state, and what is to be told of it."""
        self._store.save_attempt(self._lease, attempt, announcement=announcement)
        self.trials[attempt.trial] = with_attempt(self.trials[attempt.trial], attempt)
        self._log(announcement)
        return attempt

    def complete(self, attempt: Attempt, value: float, outcome: Outcome, reports: Sequence[tuple[int, float]]) -> None:
        """Record the outcome of a trial with the end of the attempt that came to it.

        Raises:
            AttemptError: If the store cannot hold it.
        """
        trial = dataclasses.replace(
            with_attempt(self.trials[attempt.trial], attempt),
            state=TrialState.COMPLETE,
            value=value,
            variance=outcome.variance,
            metrics=outcome.metrics,
            ended=self._clock.now(),
        )
        best = best_trials((self.trials | {trial.number: trial}).values(), maximize=self._maximize)[0]
        told = _completed(trial, is_best=best.number == trial.number)
        is_new = self._store.complete_trial(
            self._lease, trial.number, value, outcome, reports, attempt=attempt, announcement=told
        )
        self._have_ended(trial, attempt, told if is_new else None)

    def fail(self, number: int, reason: str, attempt: Attempt | None = None) -> None:
        """Record that a trial will have no outcome, with the end of the attempt that decided it, if one did."""
        trial = dataclasses.replace(
            with_attempt(self.trials[number], attempt),
            state=TrialState.FAILED,
            reason=reason,
            ended=self._clock.now(),
        )
        told = Announcement("failed", f"trial {number} failed, {reason}")
        is_new = self._store.fail_trial(self._lease, number, reason, attempt=attempt, announcement=told)
        self._have_ended(trial, attempt, told if is_new else None)

    def _have_ended(self, trial: Trial, attempt: Attempt | None, told: Announcement | None) -> None:
        """Keep a trial as it ended: as asked for, or else as the store has it, whose acknowledgement was lost."""
        if told is not None:
            self.trials[trial.number] = trial
            self._log(told)
            return
        self.trials[trial.number] = self._store.trial(self.campaign.name, trial.number)
        if attempt is not None and attempt not in self.trials[trial.number].attempts:
            self.save(attempt)

    def close(self, state: CampaignState, *, running: int = 0) -> None:
        """Record where the campaign is left, with how many jobs that run on."""
        self._store.set_state(self._lease, state)
        on = f"; jobs that run on: {running}" if running else ""
        self.announce("driver-ended", f"campaign {state.value}, {len(self.trials)} trials{on}")

    def announce(self, kind: str, message: str, trial: int | None = None) -> None:
        """Append to the campaign's history what tells of no change of a trial or an attempt."""
        self._store.add_event(self._lease, kind, message, trial)
        self._log(Announcement(kind, message))

    def _log(self, announcement: Announcement | None) -> None:
        if announcement is not None:
            logger.info("%s: %s", self.campaign.name, announcement.message)


def with_attempt(trial: Trial, attempt: Attempt | None) -> Trial:
    """Give a trial with an attempt in place of the one of its number, if there is one."""
    if attempt is None:
        return trial
    others = (known for known in trial.attempts if known.number != attempt.number)
    return dataclasses.replace(trial, attempts=tuple(sorted((*others, attempt), key=lambda known: known.number)))


def driven_seconds(events: Sequence[tuple[float, str]]) -> float:
    """Add up how long drivers were at work; one that was killed counts to the last thing it recorded.

    Args:
        events: Time in seconds and kind, in order.
    """
    starts = [index for index, (_, kind) in enumerate(events) if kind == "driver-started"]
    ends = [following - 1 for following in starts[1:]] + [len(events) - 1]
    return sum(events[end][0] - events[start][0] for start, end in zip(starts, ends, strict=False))


def _proposed(number: int, proposal: Proposal) -> Announcement:
    told = f"trial {number} from {proposal.source}"
    if proposal.predicted_mean is not None and proposal.predicted_sd is not None:
        spread = f"{proposal.predicted_mean:.4g} ± {1.96 * proposal.predicted_sd:.2g}"
        told = f"{told}, predicted {spread}, in {proposal.seconds:.2f} s"
    return Announcement("proposed", told)


def _completed(trial: Trial, *, is_best: bool) -> Announcement:
    spread = "" if trial.variance is None else f" ± {1.96 * trial.variance**0.5:.2g}"
    best = ", the best so far" if is_best else ""
    return Announcement("completed", f"trial {trial.number} complete, {trial.value:.4g}{spread}{best}")
