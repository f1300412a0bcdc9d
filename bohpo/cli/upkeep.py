"""`bohpo db upgrade`: what keeps the database in order."""

from __future__ import annotations

from cyclopts import App

from bohpo.cli.output import emit, say
from bohpo.cli.place import HERE, Place
from bohpo.store import upgrade

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
