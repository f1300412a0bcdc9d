"""The database URL: what it names, and how it is shown without its password."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bohpo.errors import UsageError

POSTGRESQL_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
SECRET_OPTIONS = ("password", "sslpassword")
LONGEST_URL = 4096


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
    """Read a database URL, the path of an SQLite file, or `file:PATH`, where a file that only its owner reads holds it.

    Raises:
        UsageError: If it is none of these; the message never repeats what may be a password.
    """
    if url.startswith("file:"):
        url = _read_private(Path(url.removeprefix("file:")).expanduser())
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _sqlite_file(url)
    if scheme == "sqlite":
        return _sqlite_file(unquote(rest.removeprefix("/")) if rest.startswith("/") else "")
    if scheme in POSTGRESQL_SCHEMES:
        return _postgresql(rest)
    raise UsageError("campaigns are kept in SQLite or PostgreSQL; give a path or postgresql://user@host:5432/database")


def _read_private(path: Path) -> str:
    """Give the one line of a file that nobody else can read."""
    wanted = f"write the database's URL into it as its only line and run `chmod 600 {path}`"
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(LONGEST_URL + 1)
    except OSError as error:
        raise UsageError(f"file:{path} cannot be read ({error.strerror}); {wanted}") from None
    if not stat.S_ISREG(status.st_mode) or status.st_uid not in (os.getuid(), 0):
        raise UsageError(f"file:{path} is no file of yours; give one of your own: {wanted}")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"file:{path} can be read by others, its mode is {status.st_mode & 0o777:o}; {wanted}")
    lines = content.decode(errors="replace").split("\n")
    if len(content) > LONGEST_URL or any(line.strip() for line in lines[1:]) or lines[0].startswith("file:"):
        raise UsageError(f"file:{path} holds no database URL; {wanted}")
    return lines[0].strip()


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
