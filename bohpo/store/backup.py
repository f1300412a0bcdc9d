"""A consistent copy of an SQLite database, also while drivers write to it."""

from __future__ import annotations

import contextlib
import os
import shlex
import sqlite3
import uuid
from pathlib import Path

from bohpo.durable import sync_directory
from bohpo.errors import StoreError, UsageError
from bohpo.store.filesystem import check_database_file
from bohpo.store.location import Location, parse_location

PAGES_A_STEP = 4096
"""Pages that are copied under one lock; a page has 4 KiB by default."""

BUSY_S = 30.0


def back_up(url: str, target: Path) -> Path:
    """Write a copy of a database that holds all that was committed before, and nothing in part.

    Args:
        url: As for `bohpo.store.open_store`; an SQLite file.
        target: File to write; must not exist.

    Returns:
        The absolute path of the copy.

    Raises:
        UsageError: If the database is PostgreSQL, or the target exists or cannot be written.
        NotFoundError: If there is no such database.
        StoreError: If the database or the copy is damaged, or the disk is full.
    """
    location, target = parse_location(url), target.expanduser().absolute()
    if location.path is None:
        raise UsageError(f"this database is PostgreSQL, which makes its own copies: {_dump_command(location, target)}")
    check_database_file(location.path, create=False)
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} exists, and a backup replaces nothing; name another file")
    temporary = target.parent / f".{target.name}.{uuid.uuid4().hex}"
    try:
        _copy(location.path, temporary)
        _publish(temporary, target)
    except sqlite3.Error as error:
        raise StoreError(f"{location} was not copied to {target}: {error}; see `df`, `bohpo doctor`") from error
    except OSError as error:
        raise UsageError(f"{target}: {error.strerror}; name a file in a folder that can be written") from error
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)
    return target


def _copy(source: Path, target: Path) -> None:
    """Copy by SQLite's backup interface and check the copy; it is closed when this returns.

    Raises:
        StoreError: If the copy is damaged.
        OSError: If the target cannot be created.
        sqlite3.Error: If the source cannot be read.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    origin = f"{source.as_uri()}?mode=ro"
    with (
        contextlib.closing(sqlite3.connect(origin, uri=True, timeout=BUSY_S)) as database,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        database.backup(copy, pages=PAGES_A_STEP)
        found = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise StoreError(f"{source} is damaged ({found}); recover it with `sqlite3 {source} .recover`")


def _publish(temporary: Path, target: Path) -> None:
    """Rename a file once it is safe on the disk; a file of that name that came to exist meanwhile is not replaced."""
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.link(temporary, target)
    sync_directory(target.parent)


def _dump_command(location: Location, target: Path) -> str:
    url = location.url.set(drivername="postgresql")._replace(password=None).render_as_string(hide_password=False)
    return f"pg_dump --format=custom --file={shlex.quote(str(target))} {shlex.quote(url)}"
