"""The database URL: what it names, and how it is shown without its password."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bohpo.errors import UsageError

POSTGRESQL_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
SECRET_OPTIONS = ("password", "sslpassword")


@dataclass(frozen=True, slots=True, repr=False)
class Location:
    """Where a database is.

    Attributes:
        url: For SQLAlchemy; holds the password in the clear.
        path: Absolute path of an SQLite file, or None for PostgreSQL.
    """

    url: URL
    path: Path | None

    def __str__(self) -> str:
        """Show the location without its password."""
        if self.path is not None:
            return str(self.path)
        return self.url.set(drivername="postgresql").render_as_string(hide_password=True)

    __repr__ = __str__

    def redact(self, text: str) -> str:
        """Replace the URL's password where it occurs in a text."""
        return text.replace(self.url.password, "***") if self.url.password else text


def parse_location(url: str) -> Location:
    """Read a database URL, or the path of an SQLite file.

    Raises:
        UsageError: If it is neither; the message never repeats what may be a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _sqlite_file(url)
    if scheme == "sqlite":
        return _sqlite_file(unquote(rest.removeprefix("/")) if rest.startswith("/") else "")
    if scheme in POSTGRESQL_SCHEMES:
        return _postgresql(rest)
    raise UsageError("campaigns are kept in SQLite or PostgreSQL; give a path or postgresql://user@host:5432/database")


def _sqlite_file(path: str) -> Location:
    if path in ("", ":memory:") or path.startswith("file:") or "?" in path:
        raise UsageError("the database must be a file; give its path, such as bohpo.db or sqlite:///bohpo.db")
    absolute = Path(path).expanduser().absolute()
    return Location(URL.create("sqlite", database=str(absolute)), absolute)


def _postgresql(rest: str) -> Location:
    remedy = "write postgresql://user@host:5432/database and keep the password in ~/.pgpass"
    password = rest.rpartition("@")[0].partition(":")[2]
    if any(character in password for character in "@/?#"):
        raise UsageError(f"the database URL has one of @ / ? # unescaped before its last @; {remedy}")
    try:
        url = make_url(f"postgresql+psycopg://{rest}")
    except (ArgumentError, ValueError):
        raise UsageError(f"the database URL cannot be read; {remedy}") from None
    if any(name in url.query for name in SECRET_OPTIONS):
        raise UsageError(f"the database URL has its password as an option, where others would see it; {remedy}")
    return Location(url, None)
