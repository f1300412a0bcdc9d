"""Upgrading a database that others may be using: one process at a time, and none under a driver."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from bohpo.errors import BohpoError, LeaseError
from bohpo.store import Owner, schema, upgrade
from bohpo.store.location import parse_location
from bohpo.store.transactions import Database
from tests.store.old_database import write_old_database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Connect to a database of an older bohpo."""
    connected = Database(parse_location(database_url))
    write_old_database(connected, "0003")
    yield connected
    connected.close()


def drive(database: Database, owner: Owner, expires: float) -> None:
    """Have a driver of the older bohpo hold the campaign's lease."""
    change = text("UPDATE bohpo_lease SET host = :host, pid = :pid, started = :started, expires = :expires")
    values = {"host": owner.host, "pid": owner.pid, "started": owner.started, "expires": expires}
    database.write(lambda connection: connection.execute(change, values))


def test_a_database_is_not_upgraded_under_a_driver(database: Database, database_url: str) -> None:
    this = Owner.this_process()
    drive(database, this, time.time() + 3600.0)
    with pytest.raises(LeaseError, match=rf"aneurysm is driven by process {this.pid} on {this.host} .*then upgrade"):
        upgrade(database_url)
    assert database.read(schema.revision) == "0003"


@pytest.mark.parametrize("host", [None, "elsewhere"])
def test_a_lease_that_ran_out_does_not_keep_a_database_old(
    database: Database, database_url: str, host: str | None
) -> None:
    this = Owner.this_process()
    drive(database, Owner(host or this.host, this.pid, this.started), 1.0)
    assert upgrade(database_url) == ("0003", "0006")


def test_a_database_that_is_up_to_date_may_be_upgraded_under_a_driver(database: Database, database_url: str) -> None:
    upgrade(database_url)
    drive(database, Owner.this_process(), time.time() + 3600.0)
    assert upgrade(database_url) == ("0006", "0006")


def test_of_two_upgrades_at_once_one_waits(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate, at_work, go_on = schema.migrate, threading.Event(), threading.Event()
    migrated: list[str] = []

    def slowly(connection: object, target: str) -> None:
        migrated.append(target)
        at_work.set()
        go_on.wait()
        migrate(connection, target)  # type: ignore[arg-type]

    ended: list[str | BohpoError] = []

    def run() -> None:
        try:
            ended.append(upgrade(database_url)[1])
        except BohpoError as error:
            ended.append(error)

    monkeypatch.setattr(schema, "migrate", slowly)
    upgrades = [threading.Thread(target=run) for _ in range(2)]
    upgrades[0].start()
    at_work.wait()
    upgrades[1].start()
    time.sleep(0.2)
    assert ended == []
    go_on.set()
    for thread in upgrades:
        thread.join()
    assert ended == ["0006", "0006"]
    assert migrated == ["head"]
