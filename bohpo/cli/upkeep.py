"""`bohpo db`: what keeps the database in order."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from bohpo.cli.output import emit, say
from bohpo.cli.place import HERE, Place
from bohpo.errors import UsageError
from bohpo.store import back_up, upgrade

db = App(name="db", help="Look after the database.")


@db.command(name="upgrade")
def upgrade_database(*, json: bool = False, place: Place = HERE) -> None:
    """Bring an older database's tables up to this version; make a copy of the database first.

    Args:
        json: Print one JSON object.
        place: Which database.
    """
    before, now = upgrade(place.store)
    if json:
        emit({"before": before, "now": now})
    else:
        say(f"the tables are of revision {now}" + ("" if before == now else f", they were of {before or 'none'}"))


@db.command(name="backup")
def back_up_database(file: Path, /, *, json: bool = False, place: Place = HERE) -> None:
    """Write a copy of an SQLite database that is whole, also while campaigns run. `cp` may copy half of it.

    Args:
        file: File to write; must not exist.
        json: Print one JSON object.
        place: Which database.
    """
    if place.server is not None:
        raise UsageError("this command copies the database itself; leave out --server and BOHPO_SERVER")
    written = back_up(place.store, file)
    if json:
        emit({"path": str(written), "bytes": written.stat().st_size})
    else:
        say(f"{written}: a copy of the database alone; campaigns' folders are copied by `cp -r`")
