"""Paths in the database: relative to the campaigns' home, so that a copy of a campaign is a campaign of its own.

The home is the folder of the SQLite file. PostgreSQL has none, and a path outside the home means the same from
everywhere: both are recorded as absolute paths.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection


def home_of(connection: Connection) -> Path | None:
    """Return the folder that relative paths start from, without symbolic links; None for PostgreSQL."""
    url = connection.engine.url
    if connection.dialect.name != "sqlite" or not url.database:
        return None
    return Path(url.database).resolve().parent


def to_recorded(path: str | Path, home: Path | None) -> str:
    """Return a path as it is recorded.

    Args:
        path: Absolute path; a relative one is recorded as it is.
        home: As `home_of` returns it.
    """
    return str(Path(path).relative_to(home)) if home is not None and Path(path).is_relative_to(home) else str(path)


def from_recorded(text: str, home: Path | None) -> Path:
    """Return the absolute path that a recorded one means."""
    return Path(text) if home is None else home / text
