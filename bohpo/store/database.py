"""The store over SQLite or PostgreSQL."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bohpo.errors import LeaseError
from bohpo.space import Space
from bohpo.store import campaigns, history, leases, reading, recording, relocation, schema, service, summaries
from bohpo.store.campaigns import NewCampaign
from bohpo.store.encoding import check_encoding
from bohpo.store.events import NewEvent
from bohpo.store.filesystem import check_database_file
from bohpo.store.location import Location, parse_location
from bohpo.store.records import (
    Announcement,
    Audit,
    Campaign,
    CampaignState,
    Changes,
    Evaluation,
    Event,
    Lease,
    Owner,
    Pulse,
    RequestedLaunch,
    StopRequest,
    Summary,
)
from bohpo.store.transactions import CONNECTIONS, PATIENCE_S, Database
from bohpo.trial import Attempt, Curve, Outcome, Proposal, Trial

OPENING_PATIENCE_S = 3.0
"""A wrong host should be told at once; a new database may be locked by another process that makes its tables."""


class DatabaseStore:
    """The `Store` over one database; each method is one transaction, tried again where the connection was lost.

    Safe to share between threads, not between processes.
    """

    def __init__(self, database: Database) -> None:
        """Use a database whose tables have been checked; see `open`."""
        self._database = database
        self._file = _identity(database.location.path)

    def __repr__(self) -> str:
        """Show where the database is, without its password."""
        return f"DatabaseStore({str(self._database.location)!r})"

    @classmethod
    def open(
        cls,
        url: str,
        *,
        create: bool = True,
        patience_s: float = PATIENCE_S,
        answer_s: float | None = None,
        connections: int = CONNECTIONS,
    ) -> DatabaseStore:
        """Open a database as `bohpo.store.open_store` does.

        Args:
            url: Path or URL.
            create: Whether an SQLite file that does not exist is made.
            patience_s: For so long each method tries to reach the database.
            answer_s: For so long a server may stay silent, and a method waits for a connection; None for no limit.
            connections: Most that are open at a time.
        """
        database = _connect(parse_location(url), create=create, answer_s=answer_s, connections=connections)
        try:
            database.read(lambda connection: check_encoding(connection, database.location))
            if database.read(schema.revision) is None:
                database.write(schema.create)
            database.read(lambda connection: schema.check(connection, database.location))
        except BaseException:
            database.close()
            raise
        database.patience_s = patience_s
        return cls(database)

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
        campaign = Campaign(
            name,
            study_text,
            study_hash,
            directory,
            budget_trials=budget_trials,
            provenance=dict(provenance),
            created=time.time(),
        )
        new = NewCampaign(campaign, space, maximize, metric)
        return self._database.write(lambda connection: campaigns.create_campaign(connection, new))

    def campaigns(self) -> list[Campaign]:
        """List all campaigns, the latest first."""
        return self._database.read(campaigns.read_campaigns)

    def summaries(self) -> list[Summary]:
        """Sum up all campaigns, the latest first, without reading their trials."""
        return self._database.read(summaries.read_summaries)

    def campaign(self, name: str) -> Campaign:
        """Give a campaign by name."""
        return self._database.read(lambda connection: campaigns.read_campaign(connection, name))

    @property
    def identity(self) -> str:
        """What tells this database from its copies; empty if that is unknown."""
        location = self._database.location
        return self._database.read(lambda connection: relocation.read_identity(connection, location))

    @property
    def path(self) -> Path | None:
        """The file of the database, without symbolic links; None for PostgreSQL."""
        path = self._database.location.path
        return None if path is None else path.resolve()

    def holds_campaign(self, identity: str, created: float) -> bool:
        """Check whether another database still has the campaign that was launched at this moment."""
        return relocation.holds_campaign(identity, created)

    def relocate(self, lease: Lease, campaign: Campaign) -> Campaign:
        """Record the folder, the working directory and the incarnation of a campaign."""
        return self._database.write(lambda connection: relocation.relocate(connection, lease, campaign))

    def acquire_lease(self, name: str, owner: Owner, seconds: float) -> Lease:
        """Become the one driver of a campaign."""
        grant_uid = uuid.uuid4().hex
        self._database.campaign = name
        return self._database.write(lambda connection: leases.acquire(connection, name, owner, seconds, grant_uid))

    def renew_lease(self, lease: Lease, seconds: float) -> Lease:
        """Hold the lease for another `seconds` from now."""
        if _identity(self._database.location.path) != self._file:
            raise LeaseError(
                f"{self._database.location} was removed or replaced under the driver of {lease.campaign!r}, and the"
                " lease with it; put it back, then `bohpo resume`: outcomes are still in the campaign's folder"
            )
        return self._database.write(lambda connection: leases.renew(connection, lease, seconds))

    def release_lease(self, lease: Lease) -> None:
        """Give the lease back; harmless when it was taken over."""
        self._database.write(lambda connection: leases.release(connection, lease))

    def lease(self, name: str) -> Lease | None:
        """Give the lease of a campaign if somebody holds it."""
        return self._database.read(lambda connection: leases.held(connection, name))

    def request_stop(self, name: str, request: StopRequest) -> None:
        """Ask the driver to stop, or take the request back."""
        changes = {"stop_request": request.value}
        self._database.write(lambda connection: campaigns.change_campaign(connection, name, changes))

    def set_budget(self, name: str, trials: int) -> None:
        """Change the number of trials to run in all."""
        changes = {"budget_trials": trials}
        self._database.write(lambda connection: campaigns.change_campaign(connection, name, changes))

    def set_state(self, lease: Lease, state: CampaignState) -> None:
        """Record where the campaign stands."""
        ended: dict[CampaignState, dict[str, float | None]] = {
            CampaignState.FINISHED: {"ended": time.time()},
            CampaignState.ACTIVE: {"ended": None},
        }
        changes: dict[str, object] = {"state": state.value, **ended.get(state, {})}
        self._database.write(lambda connection: leases.change_fenced(connection, lease, changes))

    def add_trial(
        self, lease: Lease, uid: str, proposal: Proposal, *, announcement: Callable[[int], Announcement] | None = None
    ) -> int:
        """Record a proposal as a pending trial; the same uid gives the same number."""
        new = recording.NewTrial(uid, proposal, _now(), announcement)
        return self._database.write(lambda connection: recording.add_trial(connection, lease, new))

    def save_attempt(self, lease: Lease, attempt: Attempt, *, announcement: Announcement | None = None) -> None:
        """Record an attempt, or its new state."""
        event = NewEvent.of(announcement)
        self._database.write(lambda connection: recording.save_attempt(connection, lease, attempt, event))

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
        """Record the outcome of a trial; the first one wins.

        Raises:
            AttemptError: If `value` is not finite, or a step of `reports` is out of range.
        """
        event = NewEvent.of(announcement)
        completion = recording.Completion(number, value, outcome, reports, _now(), attempt, event)
        return self._database.write(lambda connection: recording.complete_trial(connection, lease, completion))

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
        failure = recording.Failure(number, reason, _now(), attempt, NewEvent.of(announcement))
        return self._database.write(lambda connection: recording.fail_trial(connection, lease, failure))

    def trials(self, name: str) -> list[Trial]:
        """Give all trials of a campaign with their attempts, by number."""
        return self._database.read(lambda connection: reading.read_trials(connection, name))

    def changes(self, name: str, since: int = 0) -> Changes:
        """Give the trials that changed after a revision, by number."""
        return self._database.read(lambda connection: reading.read_changes(connection, name, since))

    def trial(self, name: str, number: int) -> Trial:
        """Give one trial."""
        return self._database.read(lambda connection: reading.read_trial(connection, name, number))

    def curves(self, name: str, number: int) -> Mapping[str, Curve]:
        """Give the curves of a completed trial."""
        return self._database.read(lambda connection: reading.read_curves(connection, name, number))

    def add_event(self, lease: Lease, kind: str, message: str, trial: int | None = None) -> None:
        """Append to the campaign's history."""
        event = NewEvent(uuid.uuid4().hex, time.time(), Announcement(kind, message))
        self._database.write(lambda connection: history.add_event(connection, lease, event, trial))

    def events(self, name: str, after: int = 0, most: int | None = None) -> list[Event]:
        """Give the events with a number above `after`, in order; the latest `most` of them."""
        return self._database.read(lambda connection: history.read_events(connection, name, after, most))

    def driver_spans(self, name: str) -> list[tuple[float, float | None]]:
        """Return when drivers were at work, in order: start and end, None for one that is at work."""
        return self._database.read(lambda connection: history.read_driver_spans(connection, name))

    def add_evaluation(self, name: str, evaluation: Evaluation) -> None:
        """Record a scoring on the test cases."""
        uid = uuid.uuid4().hex
        self._database.write(lambda connection: history.add_evaluation(connection, name, evaluation, uid))

    def evaluations(self, name: str) -> list[Evaluation]:
        """Give the scorings on the test cases, in order."""
        return self._database.read(lambda connection: history.read_evaluations(connection, name))

    def pulses(self) -> dict[str, Pulse]:
        """Give by name what changes whenever anything of a campaign does."""
        return self._database.read(service.read_pulses)

    def add_audit(self, audit: Audit) -> None:
        """Append to the record of who asked the service for what."""
        uid = uuid.uuid4().hex
        self._database.write(lambda connection: service.add_audit(connection, audit, uid))

    def audits(self, after: int = 0, most: int = 1000) -> list[Audit]:
        """Give the latest `most` audits with a number above `after`, in order."""
        return self._database.read(lambda connection: service.read_audits(connection, after, most))

    def claim_launch(self, wanted: RequestedLaunch) -> RequestedLaunch | None:
        """Record a launch under its key, or give the one of before; None where a campaign has its name already."""
        return self._database.write(lambda connection: service.claim_launch(connection, wanted))

    def close(self) -> None:
        """Give back the connections."""
        self._database.close()


def upgrade(url: str) -> tuple[str, str]:
    """Migrate a database as `bohpo.store.upgrade` does."""
    database = _connect(parse_location(url), create=False)
    try:
        database.read(lambda connection: check_encoding(connection, database.location))
        before = database.read(schema.revision) or ""
        after = database.write(lambda connection: schema.upgrade(connection, database.location))
    finally:
        database.close()
    return before, after


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Tell an SQLite file from another one at its path; None where there is none."""
    if path is None:
        return None
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _connect(
    location: Location, *, create: bool, answer_s: float | None = None, connections: int = CONNECTIONS
) -> Database:
    if location.path is not None:
        check_database_file(location.path, create=create)
    return Database(location, patience_s=OPENING_PATIENCE_S, answer_s=answer_s, connections=connections)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
