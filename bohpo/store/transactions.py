"""Transactions on one database, tried again where the connection was lost or the database was busy.

A transaction may be run twice: when the connection breaks during COMMIT, nobody knows whether it took effect. So each
one first looks whether its work has been done.
"""

from __future__ import annotations

import math
import os
import socket
import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from bohpo.clean_text import dump_clean_json, load_clean_json
from bohpo.errors import StoreError
from bohpo.store.encoding import UTF8, clean_parameters
from bohpo.store.location import Location
from bohpo.store.open_files import note_closed, note_open
from bohpo.store.reasons import explain
from bohpo.store.silence import give_up_on_silence

Result = TypeVar("Result")

PATIENCE_S = 30.0
"""For so long a transaction is tried again before the store gives up; the caller may then try again itself."""

CONNECTIONS = 2
"""Most connections of a store. A driver that also shows its campaign has two stores, and a team shares the server."""

JSON: Mapping[str, Any] = {"json_serializer": dump_clean_json, "json_deserializer": load_clean_json}


SESSION_NAME_BYTES = 63
"""PostgreSQL keeps no more of a session's name."""

SQLITE_BUSY_S = 5.0
POSTGRESQL_SESSION = {
    # A stopped driver must not hold the lease's row against the one that takes over.
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "15s",
}
POSTGRESQL_CONNECTION: Mapping[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
TRANSIENT_SQLSTATES = {
    "25P03",  # idle in transaction for too long
    "40001",  # serialization failure
    "40P01",  # deadlock
    "55P03",  # lock not available in time
    "57P01",  # administrator ends the session
    "57P02",  # crash of the server
    "57P03",  # server is starting up or going down
}


class Database:
    """Runs transactions on one database; safe to share between threads."""

    def __init__(
        self,
        location: Location,
        *,
        patience_s: float = PATIENCE_S,
        answer_s: float | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        """Prepare to connect to `location`; the first transaction connects.

        Args:
            location: The database.
            patience_s: For so long a transaction is tried again.
            answer_s: For so long the server may stay silent, and all connections may be taken; None to wait for it.
            connections: Most that are open at a time.
        """
        self.location = location
        self.patience_s = patience_s
        self.campaign = ""
        self._is_noted = location.path is not None
        pool = _pool(connections, answer_s)
        if location.path is not None:
            note_open(location.path)
            self._engine = _sqlite_engine(location, pool)
        else:
            self._engine = _postgresql_engine(location, self.session_name, pool, answer_s)
        self._writer = self._engine.execution_options(writes=True)
        self._reader = self._engine
        if location.path is None:
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            event.listen(self._engine, "checkout", self._name_session)

    @property
    def session_name(self) -> str:
        """How the server lists this process's sessions: host, process and, once it is known, what it drives."""
        host = socket.gethostname().partition(".")[0][:24]
        return f"bohpo {host}:{os.getpid()} {self.campaign}".rstrip()[:SESSION_NAME_BYTES]

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run queries that all see the same moment.

        Raises:
            StoreError: If the database cannot be reached.
        """
        return self._run(self._reader, work)

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run a transaction and commit it; it must recognise its own work when it is run twice.

        Raises:
            StoreError: If the database cannot be reached.
        """
        return self._run(self._writer, work)

    def close(self) -> None:
        """Close the connections; harmless when repeated."""
        self._engine.dispose()
        if self._is_noted and self.location.path is not None:
            self._is_noted = False
            note_closed(self.location.path)

    def _run(self, engine: Engine, work: Callable[[Connection], Result]) -> Result:
        give_up, tries = time.monotonic() + self.patience_s, 0
        while True:
            try:
                with engine.begin() as connection:
                    return work(connection)
            except SQLAlchemyError as error:
                tries += 1
                pause_s = min(0.05 * 2**tries, 1.0)
                if not _is_transient(error, tries) or time.monotonic() + pause_s > give_up:
                    raise self._explained(error) from _chained(error, self.location)
            time.sleep(pause_s)

    def _name_session(self, connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if record.info.get("name") != self.session_name:
            _configure(connection, {"application_name": self.session_name})
            record.info["name"] = self.session_name

    def _explained(self, error: SQLAlchemyError) -> StoreError:
        return StoreError(self.location.redact(explain(error, self.location)))


def _pool(connections: int, answer_s: float | None) -> dict[str, Any]:
    waiting = {} if answer_s is None else {"pool_timeout": answer_s}
    return {"pool_size": connections, "max_overflow": 0, **waiting}


def _sqlite_engine(location: Location, pool: Mapping[str, Any]) -> Engine:
    # isolation_level None: the driver itself would begin transactions late, and never for a read.
    connect_args = {"timeout": SQLITE_BUSY_S, "isolation_level": None}
    engine = create_engine(location.url, connect_args=connect_args, **pool, **JSON, hide_parameters=True)
    clean_parameters(engine)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads before it writes would fail at once, without waiting, if another wrote in between.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql_engine(
    location: Location, session_name: str, pool: Mapping[str, Any], answer_s: float | None
) -> Engine:
    settings = {**POSTGRESQL_CONNECTION, "application_name": session_name}
    if answer_s is not None:
        settings["connect_timeout"] = math.ceil(answer_s)
    chosen = {name: value for name, value in settings.items() if name not in location.url.query}
    try:
        engine = create_engine(
            location.url,
            connect_args={**chosen, "client_encoding": UTF8},  # whatever PGCLIENTENCODING says
            **pool,
            **JSON,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    except ModuleNotFoundError as error:
        raise StoreError(
            f"{location} needs the PostgreSQL driver, which is not installed; run `pip install bohpo[postgresql]`"
        ) from error

    clean_parameters(engine)
    if answer_s is not None:
        give_up_on_silence(engine, answer_s)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        _configure(connection, POSTGRESQL_SESSION)

    return engine


def _configure(connection: Any, settings: Mapping[str, str]) -> None:
    """Set what holds for a session of PostgreSQL."""
    with connection.cursor() as cursor:
        for name, value in settings.items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
    connection.commit()


def _is_transient(error: SQLAlchemyError, tries: int) -> bool:
    if isinstance(error, IntegrityError):
        # Another transaction recorded the same thing first; the next try sees it.
        return tries <= 2
    if not isinstance(error, DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    sqlstate = getattr(error.orig, "sqlstate", None)
    if sqlstate is not None:
        return sqlstate in TRANSIENT_SQLSTATES
    return error.connection_invalidated or isinstance(error, OperationalError)


def _chained(error: SQLAlchemyError, location: Location) -> SQLAlchemyError | None:
    text = str(error)
    return error if location.redact(text) == text else None
