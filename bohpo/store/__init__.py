"""Where the bohpo_* tables and Optuna's live: what happened, durably.

Importing this package loads neither SQLAlchemy nor Optuna; opening a store does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bohpo.store.protocol import Store
from bohpo.store.reader import TrialsReader
from bohpo.store.records import (
    Announcement,
    Audit,
    Campaign,
    CampaignState,
    Changes,
    Evaluation,
    Event,
    Lease,
    Owner,
    Pulse,
    RequestedLaunch,
    StopRequest,
    Summary,
)

if TYPE_CHECKING:
    from bohpo.store.database import DatabaseStore

__all__ = [
    "Announcement",
    "Audit",
    "Campaign",
    "CampaignState",
    "Changes",
    "Evaluation",
    "Event",
    "Lease",
    "Owner",
    "Pulse",
    "RequestedLaunch",
    "StopRequest",
    "Store",
    "Summary",
    "TrialsReader",
    "back_up",
    "open_store",
    "upgrade",
]


def open_store(url: str, *, create: bool = True) -> DatabaseStore:
    """Open the database of campaigns, and make its tables where it has none.

    Args:
        url: A path such as `bohpo.db`, `sqlite:///bohpo.db`, `postgresql://user@host:5432/database`, or `file:PATH`
            where a file that only its owner can read holds one of these.
        create: Whether an SQLite file that does not exist is made.

    Raises:
        UsageError: If `url` names neither an SQLite file nor a PostgreSQL database.
        NotFoundError: If the SQLite file does not exist and `create` is false.
        StoreError: If the database cannot be reached or is not fit to hold campaigns.
        SchemaError: If its tables belong to another version of bohpo or Optuna.
    """
    from bohpo.store.database import DatabaseStore

    return DatabaseStore.open(url, create=create)


def back_up(url: str, target: Path) -> Path:
    """Write a consistent copy of an SQLite database, also while drivers write to it.

    Args:
        url: As for `open_store`; an SQLite file.
        target: File to write; must not exist.

    Returns:
        The absolute path of the copy.

    Raises:
        UsageError: If the database is PostgreSQL, or the target exists or cannot be written.
        NotFoundError: If there is no such database.
        StoreError: If the database or the copy is damaged, or the disk is full.
    """
    from bohpo.store.backup import back_up as back_up_database

    return back_up_database(url, target)


def upgrade(url: str) -> tuple[str, str]:
    """Bring the tables of an older bohpo up to date.

    Args:
        url: As for `open_store`.

    Returns:
        The revision before, empty where the database had no tables of bohpo, and the one now.

    Raises:
        StoreError: If the database cannot be reached.
        SchemaError: If a newer bohpo wrote it.
        LeaseError: If its tables are older and a driver is at work on them.
    """
    from bohpo.store.database import upgrade as upgrade_database

    return upgrade_database(url)
