"""Leases: one driver writes to a campaign, and a driver whose lease was taken over writes nothing.

Each write reads the lease's token at its start and keeps the row locked (FOR SHARE on PostgreSQL; SQLite has a single
writer) until it commits, so no take-over comes in between. All times are the database's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, select, text, update

from bohpo.errors import LeaseError
from bohpo.store.campaigns import campaign_row
from bohpo.store.records import Lease, Owner
from bohpo.store.tables import CAMPAIGN, LEASE


@dataclass(frozen=True, slots=True)
class CampaignKey:
    """Where a campaign's rows are.

    Attributes:
        campaign_id: Key in bohpo's tables.
        study_id: Key in Optuna's.
    """

    campaign_id: int
    study_id: int


def fence(connection: Connection, lease: Lease, *, exclusive: bool = False) -> CampaignKey:
    """Let a write pass only while its lease is held, and hold off take-overs until it commits.

    Raises:
        NotFoundError: If the campaign is gone.
        LeaseError: If the lease was taken over or given back.
    """
    row = _locked(connection, lease.campaign, exclusive=exclusive)
    if row.host is None:
        raise LeaseError(f"the lease of {lease.campaign} was given back; take it again with `bohpo resume`")
    if row.token != lease.token:
        raise LeaseError(
            f"the lease of {lease.campaign} was taken over by {_described(_owner(row), row.since)}; "
            "end this driver, its trainings are continued by the other"
        )
    return CampaignKey(row.campaign_id, row.study_id)


def acquire(connection: Connection, name: str, owner: Owner, seconds: float, grant_uid: str) -> Lease:
    """Take the lease of a campaign.

    Args:
        connection: In a transaction that writes.
        name: The campaign's.
        owner: Who takes it.
        seconds: For how long.
        grant_uid: Identity of the request; a second one with the same gives the same lease.

    Raises:
        NotFoundError: If there is no such campaign.
        LeaseError: If another driver holds the lease.
    """
    row = _locked(connection, name, exclusive=True)
    if row.grant_uid == grant_uid:
        return _to_lease(row)
    now = database_time(connection)
    if _is_held(row, now):
        raise LeaseError(
            f"{name} is driven by {_described(_owner(row), row.since)}; stop that driver with `bohpo stop {name}`, "
            f"or wait {row.expires - now:.0f} s, after which a driver that died has lost its lease"
        )
    lease = Lease(name, row.token + 1, owner, expires=now + seconds, since=now)
    holder = dataclasses.asdict(owner)
    terms = {"token": lease.token, "grant_uid": grant_uid, "since": lease.since, "expires": lease.expires}
    connection.execute(update(LEASE).where(LEASE.c.campaign_id == row.campaign_id).values(**holder, **terms))
    return lease


def renew(connection: Connection, lease: Lease, seconds: float) -> Lease:
    """Move the end of a lease to `seconds` from now.

    Raises:
        LeaseError: If it was taken over.
    """
    key = fence(connection, lease, exclusive=True)
    expires = database_time(connection) + seconds
    connection.execute(update(LEASE).where(LEASE.c.campaign_id == key.campaign_id).values(expires=expires))
    return Lease(lease.campaign, lease.token, lease.owner, expires, lease.since)


def release(connection: Connection, lease: Lease) -> None:
    """Give a lease back unless another driver has taken it over."""
    row = _locked(connection, lease.campaign, exclusive=True)
    if row.token == lease.token:
        nobody = {"host": None, "expires": 0.0}
        connection.execute(update(LEASE).where(LEASE.c.campaign_id == row.campaign_id).values(**nobody))


def change_fenced(connection: Connection, lease: Lease, changes: Mapping[str, object]) -> None:
    """Set columns of a campaign under its lease.

    Raises:
        LeaseError: If it was taken over.
    """
    key = fence(connection, lease)
    connection.execute(update(CAMPAIGN).where(CAMPAIGN.c.campaign_id == key.campaign_id).values(**changes))


def held(connection: Connection, name: str) -> Lease | None:
    """Give the lease of a campaign if somebody holds it.

    Raises:
        NotFoundError: If there is no such campaign.
    """
    campaign = campaign_row(connection, name)
    row = connection.execute(_with_campaign().where(CAMPAIGN.c.campaign_id == campaign.campaign_id)).one()
    return _to_lease(row) if _is_held(row, database_time(connection)) else None


def refuse_while_driven(connection: Connection) -> None:
    """Refuse a migration while a driver is at work, and hold off drivers until it commits.

    Raises:
        LeaseError: If a campaign of the database is driven; names the driver.
    """
    driver = (CAMPAIGN.c.name, LEASE.c.host, LEASE.c.pid, LEASE.c.since, LEASE.c.expires)  # every revision has them
    rows = connection.execute(select(*driver).join_from(LEASE, CAMPAIGN).with_for_update(of=LEASE)).all()
    now = database_time(connection)
    for row in rows:
        if row.host is not None and row.expires > now:
            raise LeaseError(
                f"{row.name} is driven by {_described(Owner(row.host, row.pid, 0), row.since)}; end that driver there"
                f" (`kill {row.pid}` saves what it trains), then upgrade, and go on with `bohpo resume`; the lease of"
                f" one that died runs out in {row.expires - now:.0f} s"
            )


def all_held(connection: Connection) -> dict[int, Lease]:
    """Give the leases that are held, by the campaign's key."""
    now = database_time(connection)
    return {row.campaign_id: _to_lease(row) for row in connection.execute(_with_campaign()) if _is_held(row, now)}


def database_time(connection: Connection) -> float:
    """Give the database's clock in seconds since the epoch."""
    if connection.dialect.name == "sqlite":
        clock = "(julianday('now') - 2440587.5) * 86400.0"
    else:
        # now() would be the begin of the transaction, which may have waited for a lock.
        clock = "extract(epoch FROM clock_timestamp())"
    return float(connection.execute(text(f"SELECT {clock}")).scalar_one())


def _with_campaign() -> Any:
    return select(LEASE, CAMPAIGN.c.name, CAMPAIGN.c.study_id).join_from(LEASE, CAMPAIGN)


def _locked(connection: Connection, name: str, *, exclusive: bool) -> Row[Any]:
    query = _with_campaign().where(CAMPAIGN.c.name == name).with_for_update(of=LEASE, read=not exclusive)
    row: Row[Any] | None = connection.execute(query).one_or_none()
    if row is None:
        campaign_row(connection, name)
        raise LeaseError(f"{name} has no row in bohpo_lease; restore the database from a copy")
    return row


def _is_held(row: Row[Any], now: float) -> bool:
    return row.host is not None and row.expires > now and not _owner(row).is_known_dead


def _owner(row: Row[Any]) -> Owner:
    return Owner(row.host, row.pid, row.started, row.boot_id, row.pid_namespace)


def _to_lease(row: Row[Any]) -> Lease:
    return Lease(row.name, row.token, _owner(row), row.expires, row.since)


def _described(owner: Owner, since: float) -> str:
    moment = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"process {owner.pid} on {owner.host} since {moment}"
