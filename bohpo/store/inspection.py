"""Look at a database without changing it: what serves it, which tables it has, what its clock says."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from bohpo.store import schema
from bohpo.store.filesystem import check_database_file
from bohpo.store.location import Location, parse_location
from bohpo.store.transactions import Database

PATIENCE_S = 3.0
CLOCK_READINGS = 5


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a database is like.

    Attributes:
        location: Where it is, without its password.
        server: What serves it, with its version.
        revision: Of bohpo's tables, or None where there are none yet.
        clock_ahead_s: Seconds that its clock is ahead of this host's.
        encryption: Protocol of the connection, such as "TLSv1.3", or None where it is in the clear.
        connections: In use now, this one included.
        most_connections: That it allows.
        may_create: Whether this user may make tables.
    """

    location: str
    server: str
    revision: str | None
    clock_ahead_s: float = 0.0
    encryption: str | None = None
    connections: int = 0
    most_connections: int = 0
    may_create: bool = True


def inspect_database(url: str) -> Inspection:
    """Look at a database; nothing is made, neither file nor table.

    Args:
        url: As for `bohpo.store.open_store`.

    Raises:
        UsageError: If `url` names neither an SQLite file nor a PostgreSQL database.
        NotFoundError: If the SQLite file does not exist.
        StoreError: If the database cannot be reached or is not fit to hold campaigns.
        SchemaError: If its tables belong to another version of bohpo or Optuna.
    """
    location = parse_location(url)
    if location.path is not None:
        check_database_file(location.path, create=False)
    with closing(Database(location, patience_s=PATIENCE_S)) as database:
        return database.read(lambda connection: _inspect(connection, location))


def _inspect(connection: Connection, location: Location) -> Inspection:
    revision = schema.revision(connection)
    if revision is not None:
        schema.check(connection, location)
    if location.path is not None:
        return Inspection(str(location), f"SQLite {sqlite3.sqlite_version}", revision)
    connections, most = connection.execute(text(_CONNECTIONS)).one()
    return Inspection(
        location=str(location),
        server=f"PostgreSQL {connection.scalar(text('SHOW server_version'))}",
        revision=revision,
        clock_ahead_s=_clock_ahead_s(connection),
        encryption=connection.scalar(text("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")),
        connections=connections,
        most_connections=most,
        may_create=bool(connection.scalar(text("SELECT has_schema_privilege(current_schema(), 'CREATE')"))),
    )


_CONNECTIONS = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
"""


def _clock_ahead_s(connection: Connection) -> float:
    """Compare clocks by the quickest of a few questions: its answer was read in the middle of the round trip."""
    readings = []
    for _ in range(CLOCK_READINGS):
        asked = time.time()
        theirs = connection.scalar(text("SELECT clock_timestamp()"))
        answered = time.time()
        if isinstance(theirs, datetime):
            readings.append((answered - asked, theirs.timestamp() - (asked + answered) / 2))
    return min(readings, default=(0.0, 0.0))[1]
