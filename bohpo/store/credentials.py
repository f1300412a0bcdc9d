"""What a database URL says of passwords and of TLS; reading it opens no connection."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bohpo.store.location import parse_location


@dataclass(frozen=True, slots=True)
class TlsRequest:
    """What a PostgreSQL URL asks for.

    Attributes:
        mode: libpq's sslmode.
        host: Name or address of the server.
        port: Its port.
        root: File of the certificates that are trusted; empty for the system's.
    """

    mode: str
    host: str
    port: int
    root: str


def tls_request(url: str) -> TlsRequest | None:
    """Give what a URL, or `PGSSLMODE`, asks for, or None where neither mentions TLS or nothing crosses a network.

    Raises:
        UsageError: If `url` names neither an SQLite file nor a PostgreSQL database.

    Source:
        PostgreSQL manual, libpq, "SSL Support".
    """
    location = parse_location(url)
    query = {name: str(value) for name, value in location.url.query.items()}
    mode = query.get("sslmode") or os.environ.get("PGSSLMODE")
    host = location.url.host or query.get("host") or os.environ.get("PGHOST") or ""
    if location.path is not None or mode is None or not host or host.startswith("/"):
        return None
    port = location.url.port or int(query.get("port") or os.environ.get("PGPORT") or 5432)
    root = query.get("sslrootcert") or os.environ.get("PGSSLROOTCERT") or str(Path.home() / ".postgresql" / "root.crt")
    return TlsRequest(mode, host, port, "" if root == "system" else root)


def password_of(url: str) -> str | None:
    """Give the password that stands in a URL, or None.

    Raises:
        UsageError: If `url` names neither an SQLite file nor a PostgreSQL database.
    """
    password = parse_location(url).url.password
    return None if password is None else str(password)
