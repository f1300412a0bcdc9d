"""The marker in a campaign's folder: where it was made, and for which database."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bohpo.durable import read_json, write_json
from bohpo.store.records import Campaign

MARKER = "home.json"
"""Name of the marker in a campaign's folder."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What a campaign's folder says of itself.

    Attributes:
        created: When its campaign was launched, seconds since the epoch: tells campaigns apart.
        incarnation: As in `Campaign`.
        directory: Where the folder was when this was written; absolute.
        inode: Its inode then: a move within a file system keeps it, a copy does not.
        database: Identity of the database that it belongs to; empty if unknown.
    """

    created: float
    incarnation: str
    directory: str
    inode: int
    database: str

    @classmethod
    def of(cls, campaign: Campaign, database: str) -> Marker:
        """Describe a campaign's folder as it is now."""
        folder = campaign.directory.resolve()
        return cls(campaign.created, campaign.incarnation, str(folder), folder.stat().st_ino, database)

    @classmethod
    def read(cls, folder: Path) -> Marker | None:
        """Read a folder's marker; None if it has none that can be read."""
        try:
            data: dict[str, Any] | None = read_json(folder / MARKER)
            return None if data is None else cls(**{name: data[name] for name in cls.__slots__})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Write the marker into a folder."""
        write_json(folder / MARKER, {"schema": 1, **dataclasses.asdict(self)})


def is_copy(marker: Marker, folder: Path) -> bool:
    """Return whether a folder is not the one that its marker was written for."""
    original = Path(marker.directory)
    if folder.resolve() == original:
        return False
    if original.is_dir() and not original.samefile(folder):
        other = Marker.read(original)
        if other is not None and (other.created, other.incarnation) == (marker.created, marker.incarnation):
            return True
    return folder.stat().st_ino != marker.inode
