"""Where a campaign is, and which copy of it this is."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, text

from bohpo.store.campaigns import campaign_row, paths_to_row, to_campaign
from bohpo.store.leases import change_fenced
from bohpo.store.location import Location
from bohpo.store.paths import home_of
from bohpo.store.reading import read_trials
from bohpo.store.recording import save_attempt
from bohpo.store.records import Campaign, Lease

_CLUSTER = "SELECT system_identifier FROM pg_control_system()"
_DATABASE = "SELECT oid FROM pg_database WHERE datname = current_database()"


def relocate(connection: Connection, lease: Lease, campaign: Campaign) -> Campaign:
    """Record the folder, the working directory and the incarnation of a campaign.

    A new incarnation has no jobs yet: those that the record names belong to the original.

    Raises:
        LeaseError: If the lease was taken over.
    """
    home, row = home_of(connection), campaign_row(connection, lease.campaign)
    before = to_campaign(row, home)
    recorded = dataclasses.replace(
        before,
        directory=campaign.directory,
        provenance=campaign.provenance,
        incarnation=campaign.incarnation,
    )
    change_fenced(connection, lease, paths_to_row(recorded, home))
    if recorded.incarnation != before.incarnation:
        _forget_jobs(connection, lease)
    return recorded


def _forget_jobs(connection: Connection, lease: Lease) -> None:
    for trial in read_trials(connection, lease.campaign):
        for attempt in trial.attempts:
            if attempt.state.is_alive and attempt.job:
                save_attempt(connection, lease, dataclasses.replace(attempt, job=""))


def read_identity(connection: Connection, location: Location) -> str:
    """Return what tells a database from its copies: the path of an SQLite file, the keys of a PostgreSQL database.

    Returns:
        Empty where PostgreSQL does not show its keys to this user.
    """
    if location.path is not None:
        return str(location.path.resolve())
    allowed = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')"
    if not connection.scalar(text(allowed)):
        return ""
    return f"postgresql:{connection.scalar(text(_CLUSTER))}/{connection.scalar(text(_DATABASE))}"


def holds_campaign(identity: str, created: float) -> bool:
    """Check whether another database still has a campaign that was launched at this moment.

    Args:
        identity: As `read_identity` returned it for that database.
        created: `created` of the campaign, seconds since the epoch.

    Returns:
        False if the SQLite file is gone or does not have the campaign. True where that cannot be found out.
    """
    path = Path(identity)
    if not path.is_absolute():
        return True
    if not path.exists():
        return False
    # an ordinary reader makes files beside the database; this one makes none, and sees all but a -wal file
    found = _look_up(path, created, "immutable=1")
    if not found and path.with_name(f"{path.name}-wal").exists():
        found = _look_up(path, created, "mode=ro")
    return found is not False


def _look_up(path: Path, created: float, options: str) -> bool | None:
    """Return whether an SQLite file has a campaign; None if it cannot be read."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?{options}", uri=True)) as connection:
            query = "SELECT count(*) FROM bohpo_campaign WHERE created = ?"
            return bool(connection.execute(query, (created,)).fetchone()[0])
    except sqlite3.Error as error:
        return False if "no such table" in str(error) else None
