"""A store in memory, on virtual time: the same promises as the database's, as long as the process lives."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bohpo.errors import AttemptError, LeaseError, NotFoundError, SpaceError, UsageError
from bohpo.simulation.clock import VirtualClock
from bohpo.space import Space
from bohpo.space.checks import nearest_words
from bohpo.store.records import (
    LAST_WORDS,
    STOPPED_BY_FAILURES,
    Announcement,
    Campaign,
    CampaignState,
    Changes,
    Evaluation,
    Event,
    Lease,
    Owner,
    StopRequest,
    Summary,
)
from bohpo.trial import Attempt, AttemptState, Curve, Outcome, Proposal, Trial, TrialState, best_trials


@dataclass(slots=True)
class _Record:
    """All that is kept of a campaign; `token` outlives the lease that it came with.

    `revisions` holds, for each trial, the count of changes at its last change.
    """

    campaign: Campaign
    space: Space
    metric: str
    maximize: bool
    trials: list[Trial] = field(default_factory=list)
    revisions: list[int] = field(default_factory=list)
    curves: dict[int, Mapping[str, Curve]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    lease: Lease | None = None
    token: int = 0


class MemoryStore:
    """The `Store` of a simulation; each method does all that it does at one moment."""

    def __init__(self, clock: VirtualClock) -> None:
        """Begin without campaigns."""
        self._clock = clock
        self._records: dict[str, _Record] = {}
        self._event_count = 0

    def create_campaign(
        self,
        name: str,
        *,
        study_text: str,
        study_hash: str,
        directory: Path,
        space: Space,
        maximize: bool,
        metric: str,
        budget_trials: int | None,
        provenance: Mapping[str, str],
    ) -> Campaign:
        """Begin a campaign."""
        if name in self._records:
            raise UsageError(
                f"a campaign {name!r} exists; go on with it by `bohpo resume {name}`, or give another --name"
            )
        campaign = Campaign(
            name,
            study_text,
            study_hash,
            directory,
            budget_trials=budget_trials,
            provenance=dict(provenance),
            created=self._clock.now(),
        )
        self._records[name] = _Record(campaign, space, metric, maximize)
        return campaign

    def campaigns(self) -> list[Campaign]:
        """List all campaigns, the latest first."""
        return [_with_stop_reason(record) for record in reversed(self._records.values())]

    def summaries(self) -> list[Summary]:
        """Sum up all campaigns, the latest first."""
        return [self._summary(record) for record in reversed(self._records.values())]

    def _summary(self, record: _Record) -> Summary:
        pending = [trial for trial in record.trials if trial.state is TrialState.PENDING]
        running = sum(any(known.state is AttemptState.RUNNING for known in trial.attempts) for trial in pending)
        best = next(iter(best_trials(record.trials, maximize=record.maximize)), None)
        return Summary(
            _with_stop_reason(record),
            record.metric,
            record.maximize,
            self.lease(record.campaign.name),
            complete=sum(trial.state is TrialState.COMPLETE for trial in record.trials),
            failed=sum(trial.state is TrialState.FAILED for trial in record.trials),
            running=running,
            queued=len(pending) - running,
            best=None if best is None else best.number,
            best_value=None if best is None else best.value,
            evaluations=len(record.evaluations),
            changed=record.events[-1].time if record.events else None,
        )

    def campaign(self, name: str) -> Campaign:
        """Give a campaign by name."""
        return _with_stop_reason(self._record(name))

    # -- where it is ---------------------------------------------------------------------------------------------

    @property
    def identity(self) -> str:
        """What tells this store from others."""
        return f"memory:{id(self)}"

    @property
    def path(self) -> Path | None:
        """None, since it is no file."""
        return None

    def holds_campaign(self, identity: str, created: float) -> bool:
        """Return False: no other store has a campaign of a simulation."""
        return False

    def relocate(self, lease: Lease, campaign: Campaign) -> Campaign:
        """Record the folder, the working directory and the incarnation of a campaign."""
        record = self._fenced(lease)
        before = record.campaign.incarnation
        place = {"directory": campaign.directory, "provenance": dict(campaign.provenance)}
        self._change(lease.campaign, **place, incarnation=campaign.incarnation)
        for trial in record.trials if campaign.incarnation != before else ():
            for attempt in trial.attempts:
                if attempt.state.is_alive and attempt.job:
                    self.save_attempt(lease, dataclasses.replace(attempt, job=""))
        return record.campaign

    # -- leases --------------------------------------------------------------------------------------------------

    def acquire_lease(self, name: str, owner: Owner, seconds: float) -> Lease:
        """Become the one driver of a campaign."""
        record, now = self._record(name), self._clock.database_time()
        if record.lease is not None and self._is_held(record.lease):
            raise LeaseError(f"{name} is driven by {_described(record.lease)}; wait for its lease to expire")
        record.token += 1
        record.lease = Lease(name, record.token, owner, expires=now + seconds, since=now)
        return record.lease

    def renew_lease(self, lease: Lease, seconds: float) -> Lease:
        """Hold the lease for another `seconds` from now."""
        record = self._fenced(lease)
        record.lease = dataclasses.replace(lease, expires=self._clock.database_time() + seconds)
        return record.lease

    def release_lease(self, lease: Lease) -> None:
        """Give the lease back; harmless when it was taken over."""
        record = self._record(lease.campaign)
        if record.token == lease.token:
            record.lease = None

    def lease(self, name: str) -> Lease | None:
        """Give the lease of a campaign if somebody holds it."""
        lease = self._record(name).lease
        return lease if lease is not None and self._is_held(lease) else None

    def _is_held(self, lease: Lease) -> bool:
        return lease.expires > self._clock.database_time() and not lease.owner.is_known_dead

    def _fenced(self, lease: Lease) -> _Record:
        record = self._record(lease.campaign)
        if record.lease is None or record.token != lease.token:
            raise LeaseError(f"the lease of {lease.campaign} was taken over or given back; end this driver")
        return record

    def _record(self, name: str) -> _Record:
        if name not in self._records:
            raise NotFoundError(f"there is no campaign {name!r}; {self._nearest(name)}")
        return self._records[name]

    def _nearest(self, name: str) -> str:
        near = nearest_words(name, self._records, most=3)
        return f"did you mean {' or '.join(near)}?" if near else "`bohpo ls` lists others, `bohpo launch` begins one"

    # -- what the campaign was asked, and where it stands --------------------------------------------------------

    def request_stop(self, name: str, request: StopRequest) -> None:
        """Ask the driver to stop, or take the request back."""
        self._change(name, stop_request=request)

    def set_budget(self, name: str, trials: int) -> None:
        """Change the number of trials to run in all."""
        self._change(name, budget_trials=trials)

    def set_state(self, lease: Lease, state: CampaignState) -> None:
        """Record where the campaign stands."""
        record = self._fenced(lease)
        ended = {CampaignState.FINISHED: self._clock.now(), CampaignState.ACTIVE: None}
        self._change(lease.campaign, state=state, ended=ended.get(state, record.campaign.ended))

    def _change(self, name: str, **changes: object) -> None:
        record = self._record(name)
        record.campaign = dataclasses.replace(record.campaign, **changes)  # type: ignore[arg-type]

    # -- trials --------------------------------------------------------------------------------------------------

    def add_trial(
        self, lease: Lease, uid: str, proposal: Proposal, *, announcement: Callable[[int], Announcement] | None = None
    ) -> int:
        """Record a proposal as a pending trial; the same uid gives the same number."""
        record = self._fenced(lease)
        known = next((trial.number for trial in record.trials if trial.uid == uid), None)
        if known is not None:
            return known
        if any(trial.uid == uid for other in self._records.values() for trial in other.trials):
            raise UsageError(f"the proposal {uid} belongs to another campaign; give each proposal a uid of its own")
        _check(record.space, proposal)
        number, configuration = len(record.trials), dict(proposal.configuration)
        trial = Trial(number, uid, configuration, TrialState.PENDING, proposal, created=self._clock.now())
        record.trials.append(trial)
        record.revisions.append(0)
        self._replace(record, trial, None if announcement is None else announcement(number))
        return number

    def save_attempt(self, lease: Lease, attempt: Attempt, *, announcement: Announcement | None = None) -> None:
        """Record an attempt, or its new state."""
        record = self._fenced(lease)
        trial = self._trial(record, attempt.trial)
        self._replace(record, _with_attempt(trial, attempt), announcement)

    def complete_trial(
        self,
        lease: Lease,
        number: int,
        value: float,
        outcome: Outcome,
        reports: Sequence[tuple[int, float]] = (),
        *,
        attempt: Attempt | None = None,
        announcement: Announcement | None = None,
    ) -> bool:
        """Record the outcome of a trial; the first one wins."""
        if not math.isfinite(value):
            raise AttemptError(f"the objective is {value}; a diverged training must fail instead of reporting it")
        if any(not 0 <= step < 2**31 for step, _ in reports):
            raise AttemptError("a step is out of range; report steps from 0 to 2147483647")
        record = self._fenced(lease)
        trial = self._trial(record, number)
        if trial.state is not TrialState.PENDING:
            return False
        ended = dataclasses.replace(
            trial,
            state=TrialState.COMPLETE,
            value=value,
            variance=outcome.variance,
            metrics=dict(outcome.metrics),
            ended=self._clock.now(),
        )
        self._replace(record, _with_attempt(ended, attempt), announcement)
        record.curves[number] = dict(outcome.curves)
        return True

    def fail_trial(
        self,
        lease: Lease,
        number: int,
        reason: str,
        *,
        attempt: Attempt | None = None,
        announcement: Announcement | None = None,
    ) -> bool:
        """Record that a trial will have no outcome."""
        record = self._fenced(lease)
        trial = self._trial(record, number)
        if trial.state is not TrialState.PENDING:
            return False
        ended = dataclasses.replace(trial, state=TrialState.FAILED, reason=reason, ended=self._clock.now())
        self._replace(record, _with_attempt(ended, attempt), announcement)
        return True

    def trials(self, name: str) -> list[Trial]:
        """Give all trials of a campaign with their attempts, by number."""
        return list(self._record(name).trials)

    def changes(self, name: str, since: int = 0) -> Changes:
        """Give the trials that changed after a revision, by number."""
        record = self._record(name)
        changed = zip(record.trials, record.revisions, strict=True)
        return Changes(max(record.revisions, default=0), tuple(trial for trial, at in changed if at > since))

    def trial(self, name: str, number: int) -> Trial:
        """Give one trial."""
        return self._trial(self._record(name), number)

    def curves(self, name: str, number: int) -> Mapping[str, Curve]:
        """Give the curves of a completed trial."""
        record = self._record(name)
        return record.curves.get(self._trial(record, number).number, {})

    def _trial(self, record: _Record, number: int) -> Trial:
        if not 0 <= number < len(record.trials):
            raise NotFoundError(f"there is no trial {number} in {record.campaign.name}")
        return record.trials[number]

    def _replace(self, record: _Record, trial: Trial, announcement: Announcement | None) -> None:
        """Keep a trial as it is now, and tell of it."""
        record.trials[trial.number] = trial
        record.revisions[trial.number] = max(record.revisions) + 1
        if announcement is not None:
            self._append(record, announcement.kind, announcement.message, trial.number)

    def _append(self, record: _Record, kind: str, message: str, trial: int | None) -> None:
        self._event_count += 1
        record.events.append(Event(self._event_count, self._clock.now(), kind, message, trial))

    # -- history -------------------------------------------------------------------------------------------------

    def add_event(self, lease: Lease, kind: str, message: str, trial: int | None = None) -> None:
        """Append to the campaign's history."""
        self._append(self._fenced(lease), kind, message, trial)

    def events(self, name: str, after: int = 0) -> list[Event]:
        """Give the events with a number above `after`, in order."""
        return [event for event in self._record(name).events if event.number > after]

    def driver_spans(self, name: str) -> list[tuple[float, float | None]]:
        """Return when drivers were at work, in order: start and end, None for one that is at work."""
        events = self._record(name).events
        starts = [at for at, event in enumerate(events) if event.kind == "driver-started"]
        ends = [at - 1 for at in [*starts[1:], len(events)]]
        spans = [(events[start].time, events[end].time) for start, end in zip(starts, ends, strict=False)]
        known: list[tuple[float, float | None]] = [*spans]
        if known and self.lease(name) is not None:
            known[-1] = (known[-1][0], None)
        return known

    def add_evaluation(self, name: str, evaluation: Evaluation) -> None:
        """Record a scoring on the test cases."""
        record = self._record(name)
        self._trial(record, evaluation.trial)
        record.evaluations.append(evaluation)

    def evaluations(self, name: str) -> list[Evaluation]:
        """Give the scorings on the test cases, in order."""
        return list(self._record(name).evaluations)

    def close(self) -> None:
        """Do nothing: there are no connections."""


def _with_stop_reason(record: _Record) -> Campaign:
    """Return a campaign with what its driver said last, where it has stopped it by itself."""
    last_words = (event for event in reversed(record.events) if event.kind in LAST_WORDS)
    last = next(last_words, None) if record.campaign.state is CampaignState.STOPPED else None
    is_reason = last is not None and last.kind == STOPPED_BY_FAILURES
    return dataclasses.replace(record.campaign, stop_reason=last.message if last and is_reason else "")


def _described(lease: Lease) -> str:
    moment = datetime.fromtimestamp(lease.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"process {lease.owner.pid} on {lease.owner.host} since {moment}"


def _with_attempt(trial: Trial, attempt: Attempt | None) -> Trial:
    if attempt is None:
        return trial
    attempts = {known.number: known for known in trial.attempts} | {attempt.number: attempt}
    return dataclasses.replace(trial, attempts=tuple(attempts[number] for number in sorted(attempts)))


def _check(space: Space, proposal: Proposal) -> None:
    for name, value in proposal.configuration.items():
        if name not in space.names or not space[name].contains(value):
            raise SpaceError(f"{name}: cannot be {value!r}; propose a value of the space")
