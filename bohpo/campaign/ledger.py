"""The ledger: a campaign's trials in memory, each change in the store before it is here."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

from bohpo.campaign.clock import Clock
from bohpo.optimizer.protocol import History
from bohpo.store.protocol import Store
from bohpo.store.records import Campaign, CampaignState, Lease
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
        number = self._store.add_trial(self._lease, uid, proposal)
        self.trials[number] = Trial(
            number, uid, proposal.configuration, TrialState.PENDING, proposal, created=self._clock.now()
        )
        self.announce("proposed", _proposed(number, proposal), number)
        return number

    def save(self, attempt: Attempt) -> Attempt:
        """Record an attempt, or its new state."""
        self._store.save_attempt(self._lease, attempt)
        trial = self.trials[attempt.trial]
        others = tuple(known for known in trial.attempts if known.number != attempt.number)
        self.trials[trial.number] = dataclasses.replace(trial, attempts=(*others, attempt))
        return attempt

    def complete(self, number: int, value: float, outcome: Outcome, reports: Sequence[tuple[int, float]]) -> None:
        """Record the outcome of a trial."""
        self._store.complete_trial(self._lease, number, value, outcome, reports)
        self.trials[number] = dataclasses.replace(
            self.trials[number],
            state=TrialState.COMPLETE,
            value=value,
            variance=outcome.variance,
            metrics=outcome.metrics,
            ended=self._clock.now(),
        )
        self.announce("completed", _completed(self.trials[number], is_best=self.ranked[0] == number), number)

    def fail(self, number: int, reason: str) -> None:
        """Record that a trial will have no outcome."""
        self._store.fail_trial(self._lease, number, reason)
        self.trials[number] = dataclasses.replace(
            self.trials[number], state=TrialState.FAILED, reason=reason, ended=self._clock.now()
        )
        self.announce("failed", f"trial {number} failed, {reason}", number)

    def close(self, state: CampaignState, *, running: int = 0) -> None:
        """Record where the campaign is left, with how many jobs that run on."""
        self._store.set_state(self._lease, state)
        on = f"; jobs that run on: {running}" if running else ""
        self.announce("driver-ended", f"campaign {state.value}, {len(self.trials)} trials{on}")

    def announce(self, kind: str, message: str, trial: int | None = None) -> None:
        """Append to the campaign's history."""
        logger.info("%s: %s", self.campaign.name, message)
        self._store.add_event(self._lease, kind, message, trial)


def driven_seconds(events: Sequence[tuple[float, str]]) -> float:
    """Add up how long drivers were at work; one that was killed counts to the last thing it recorded.

    Args:
        events: Time in seconds and kind, in order.
    """
    starts = [index for index, (_, kind) in enumerate(events) if kind == "driver-started"]
    ends = [following - 1 for following in starts[1:]] + [len(events) - 1]
    return sum(events[end][0] - events[start][0] for start, end in zip(starts, ends, strict=False))


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
