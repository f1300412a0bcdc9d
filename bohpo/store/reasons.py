"""What a database's error means, and what to do about it."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bohpo.store.location import Location

SQLITE_REASONS = {
    sqlite3.SQLITE_BUSY: (
        "stays locked by another process; look for one that is suspended in the middle of a write "
        "(state T in `ps`) and continue or end it"
    ),
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check the permissions of the file and its folder",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore a copy, or recover it with `sqlite3 FILE .recover`",
    sqlite3.SQLITE_FULL: "cannot grow because the disk is full; free some space, then `bohpo resume`",
    sqlite3.SQLITE_IOERR: "cannot be read or written; check the disk and its free space, then `bohpo resume`",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database; name another file",
    sqlite3.SQLITE_READONLY: "is read-only; grant write access to the file and its folder",
}
POSTGRESQL_REASONS = {
    "3F000": "does not let this user make tables; grant the user CREATE and USAGE on the schema",
    "42501": "does not let this user make or use its tables; grant the user CREATE on the schema and own the tables",
    "53100": "has run out of disk space; free some on the server, then `bohpo resume`",
    "55P03": (
        "stays locked by another process; look for one that waits in pg_stat_activity, "
        "where bohpo's sessions carry their host and process, and end it"
    ),
    "53300": "has too many connections; end some, or raise max_connections",
}


def explain(error: SQLAlchemyError, location: Location) -> str:
    """Say in one line what went wrong with a database and what to do."""
    if isinstance(error, PoolTimeout):
        return f"{location} is busy: all of this process's connections are in use; try again in a few seconds"
    orig = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(orig, sqlite3.Error):
        reason = SQLITE_REASONS.get(getattr(orig, "sqlite_errorcode", 0) & 0xFF)
    else:
        reason = POSTGRESQL_REASONS.get(getattr(orig, "sqlstate", None) or "")
    cause = " ".join(str(orig or error).split())
    if reason is not None:
        return f"{location} {reason} ({cause})"
    if location.path is None and getattr(orig, "sqlstate", None) is None:
        # psycopg gives no code for what goes wrong while it connects.
        return (
            f"{location} cannot be reached; check that the server runs, that host, port, user and database exist, and "
            f"the password in ~/.pgpass ({cause})"
        )
    return f"{location} failed; `bohpo doctor` may tell more ({cause})"
