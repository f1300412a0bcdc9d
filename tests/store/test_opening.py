"""What opening and using a broken database says, and what importing the store loads."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from bohpo.errors import StoreError
from bohpo.store import open_store, schema
from bohpo.store.database import DatabaseStore
from bohpo.store.transactions import CONNECTIONS, POSTGRESQL_SESSION
from tests.services import PostgresqlServer
from tests.store.examples import PROPOSAL, begin, create_campaign


def test_importing_the_store_loads_no_database_library() -> None:
    script = "import sys, bohpo.store; print(sorted({'sqlalchemy', 'optuna', 'alembic', 'psycopg'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Not a database, but long enough to be taken for one." * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is not an SQLite database; name another file") as caught:
        open_store(str(path))
    assert caught.value.exit_code == 5
    assert path.read_bytes() == before


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bohpo.db"
    open_store(str(path)).close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged; restore a copy"):
        open_store(str(path))


def test_a_full_disk_stops_a_write_and_harms_nothing(tmp_path: Path) -> None:
    store = DatabaseStore.open(str(tmp_path / "bohpo.db"))
    lease = begin(store)
    engine = store._database._engine
    engine.dispose()

    @event.listens_for(engine, "connect")
    def limit(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreError, match="the disk is full; free some space"):
        store.add_event(lease, "launched", "x" * 100_000)
    event.remove(engine, "connect", limit)
    engine.dispose()
    assert store.events("aneurysm") == []
    assert store.add_trial(lease, "a", PROPOSAL) == 0
    store.close()


def test_new_databases_can_be_opened_by_many_at_once(database_url: str) -> None:
    opened: list[DatabaseStore] = []
    threads = [threading.Thread(target=lambda: opened.append(open_store(database_url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    create_campaign(opened[0])
    assert [[campaign.name for campaign in store.campaigns()] for store in opened] == [["aneurysm"]] * 4
    for store in opened:
        store.close()


@pytest.mark.postgresql
def test_tables_may_take_longer_to_be_made_than_a_transaction_may_be_idle(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate = schema.migrate

    def slowly(connection: Connection, target: str) -> None:
        time.sleep(1.0)
        migrate(connection, target)

    monkeypatch.setitem(POSTGRESQL_SESSION, "idle_in_transaction_session_timeout", "500ms")
    monkeypatch.setattr(schema, "migrate", slowly)
    store = open_store(postgresql_url)
    assert store.campaigns() == []
    store.close()


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(StoreError, match="cannot be reached; check that the server runs"):
        open_store("postgresql://me@127.0.0.1:1/cad")


@pytest.mark.postgresql
def test_a_database_that_is_not_there_is_told(postgresql_server: PostgresqlServer) -> None:
    with pytest.raises(StoreError, match=r"cannot be reached; check that .* database exist.*absent"):
        open_store(postgresql_server.url("absent"))


@pytest.mark.postgresql
def test_a_user_without_rights_is_told(postgresql_server: PostgresqlServer, postgresql_url: str) -> None:
    postgresql_server.sql("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN")
    with pytest.raises(StoreError, match="grant the user CREATE"):
        open_store(postgresql_url.replace("postgres@", "guest@"))


def test_a_missing_driver_is_told_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install bohpo\[postgresql\]"):
        open_store("postgresql://me@127.0.0.1:1/cad")


@pytest.mark.postgresql
def test_a_store_takes_few_connections_however_many_threads_ask(
    postgresql_server: PostgresqlServer, postgresql_url: str
) -> None:
    store = open_store(postgresql_url)
    create_campaign(store)
    threads = [threading.Thread(target=store.campaigns) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'bohpo %'"
    assert 1 <= int(postgresql_server.sql(count)) <= CONNECTIONS
    store.close()
    assert int(postgresql_server.sql(count)) == 0


USE = "import sys; from bohpo.store import open_store; s = open_store(sys.argv[1], create=False); {}; s.close()"


def in_another_process(path: Path, statement: str) -> str:
    command = (sys.executable, "-c", USE.format(statement), str(path))
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_second_store_in_a_process_leaves_the_first_its_locks(tmp_path: Path) -> None:
    """A driver that shows its campaign has two. Without locks, whoever leaves next removes the write-ahead log."""
    path = tmp_path / "bohpo.db"
    first = DatabaseStore.open(str(path))
    lease = begin(first)
    second = DatabaseStore.open(str(path))
    log = path.with_name("bohpo.db-wal")
    before = log.stat().st_ino
    in_another_process(path, "s.campaigns()")
    assert log.stat().st_ino == before
    first.add_trial(lease, "1" * 32, PROPOSAL)
    assert in_another_process(path, "print(len(s.trials('aneurysm')))") == "1"
    assert len(second.trials("aneurysm")) == 1
    first.close()
    second.close()
