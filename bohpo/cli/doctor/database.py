"""The database: reachable, of the right version, its clock, its password's safety, its certificate."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from bohpo.cli.doctor.finding import Finding, Plan
from bohpo.cli.doctor.tls import certificate
from bohpo.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from bohpo.store.inspection import Inspection

CLOCK_TOLERANCE_S = 5.0
"""Leases are timed by the database's clock alone; what a larger difference spoils is what people read off."""

DRIVER_CONNECTIONS = 5


def look_at_database(plan: Plan) -> list[Finding]:
    """Check that the database can be used, without making anything in it."""
    from bohpo.store.inspection import inspect_database

    try:
        seen = inspect_database(plan.store)
    except NotFoundError:
        return [Finding("database", True, f"{plan.store} is not there yet; the first launch makes it")]
    return [_tables(seen, plan), *([] if seen.server.startswith("SQLite") else _server(seen))]


def _tables(seen: Inspection, plan: Plan) -> Finding:
    where = f"{seen.location}, {seen.server}"
    if seen.revision is not None:
        alone = "; from other hosts it cannot be used" if plan.uses_queue and seen.server.startswith("SQLite") else ""
        return Finding("database", True, f"{where}, tables of revision {seen.revision}{alone}")
    if not seen.may_create:
        remedy = "have its owner run `GRANT CREATE, USAGE ON SCHEMA public TO` this user"
        return Finding("database", False, f"{where}, without tables, and this user may make none", remedy)
    return Finding("database", True, f"{where}, without tables yet; the first launch makes them")


def _server(seen: Inspection) -> list[Finding]:
    room = seen.most_connections - seen.connections >= DRIVER_CONNECTIONS
    used = f"{seen.connections} of {seen.most_connections} in use, a driver takes up to {DRIVER_CONNECTIONS}"
    more = "" if room else "end idle ones, or raise max_connections"
    close = abs(seen.clock_ahead_s) <= CLOCK_TOLERANCE_S
    ahead = f"the server's is {seen.clock_ahead_s:+.3f} s from this host's"
    keep = "" if close else "set both by a time server (chronyd, ntpd); leases are safe, shown times are not"
    return [
        Finding("database connections", room, used, more),
        Finding("database clock", close, ahead, keep, is_needed=False),
        Finding("database encryption", True, f"{seen.encryption or 'none'} on this connection"),
    ]


def look_at_certificate(plan: Plan) -> list[Finding]:
    """Check the server's certificate where the URL asks for TLS."""
    from bohpo.store.credentials import tls_request

    try:
        request = tls_request(plan.store)
    except UsageError:  # told by the look at the database
        return []
    return [] if request is None else [certificate(request)]


def look_at_password(plan: Plan) -> list[Finding]:
    """Check that nobody else can read the database's password."""
    from bohpo.store.credentials import password_of

    try:
        password = password_of(plan.store)
    except UsageError:
        return []
    is_written_out = password is not None and "://" in plan.store
    if is_written_out and plan.store.encode() in Path("/proc/self/cmdline").read_bytes():
        detail = "it is on the command line, where everybody on this host sees it"
        remedy = "keep it in ~/.pgpass (mode 0600), or the URL in BOHPO_STORE, or in a file: --store file:PATH"
        return [Finding("password", False, detail, remedy, is_needed=False)]
    file = Path(os.environ.get("PGPASSFILE") or Path.home() / ".pgpass")
    is_used = password is None and plan.store.startswith("postgres") and file.is_file()
    if is_used and stat.S_IMODE(file.stat().st_mode) & 0o077:
        return [Finding("password", False, f"{file} is ignored: others may read it", f"chmod 600 {file}")]
    return []
