"""A campaign's folder: found where it is now, and told from its copies.

The folder has a marker, `home.json`, with the place and the inode that it was made at and the database that it belongs
to. A folder elsewhere than its marker says was moved or copied. A copy becomes an incarnation of its own, so that it
never adopts or cancels a job of the original. A database whose folder belongs to another database is refused.
"""

from __future__ import annotations

import dataclasses
import logging
import uuid
from pathlib import Path

from bohpo.campaign.marker import MARKER, Marker, is_copy
from bohpo.errors import NotFoundError, UsageError
from bohpo.store.protocol import Store
from bohpo.store.records import Campaign, Lease

logger = logging.getLogger(__name__)

DEFAULT_CAMPAIGNS = Path("campaigns")
"""Where campaigns are if nothing else is said; a folder of this name is no wish of the user's."""

DEEPEST = 3
"""Folders between a database and a campaign's folder, at most, where a record has an absolute path."""


def mark_home(campaign: Campaign, store: Store) -> None:
    """Write the marker of a campaign into its folder."""
    Marker.of(campaign, store.identity).write(campaign.directory)


def find_home(campaign: Campaign, store: Store, campaigns: Path) -> Campaign:
    """Return a campaign with the folder where it is now.

    Args:
        campaign: As it is recorded.
        store: Where it is recorded.
        campaigns: Folder in which a campaign's folder is looked for if it is not at its recorded place; or that folder.

    Raises:
        NotFoundError: If it is at neither place.
        UsageError: If it is at its recorded place, and a copy of it in `campaigns`.
    """
    if (copied := _copied_beside(campaign, store)) is not None:
        return copied
    beside = next((path for path in _candidates(campaign, campaigns) if _is_home(path, campaign)), None)
    if not campaign.directory.is_dir() and beside is not None:
        return _moved(campaign, beside.resolve())
    check_folder(campaign)
    if beside is not None and campaigns != DEFAULT_CAMPAIGNS and not beside.samefile(campaign.directory):
        raise UsageError(
            f"--directory {campaigns}: {beside} is a copy, and this database has {campaign.name!r} in"
            f" {campaign.directory}; copy the database, too (`bohpo db backup FILE`), and name that copy with --store"
        )
    return campaign


def check_folder(campaign: Campaign) -> None:
    """Refuse to go on without the campaign's files.

    Raises:
        NotFoundError: If its folder is gone.
    """
    if not campaign.directory.is_dir():
        raise NotFoundError(
            f"the folder of campaign {campaign.name!r}, {campaign.directory}, is gone; put it back to go on with it,"
            " or name the folder that it was moved into with --directory"
        )


def check_home(campaign: Campaign, store: Store) -> None:
    """Refuse to write into a folder that is gone, or that is another database's.

    Raises:
        NotFoundError: If it is gone.
        UsageError: If it belongs to another campaign or database.
    """
    check_folder(campaign)
    marker = Marker.read(campaign.directory)
    if marker is not None and marker.created != campaign.created:
        raise UsageError(
            f"{campaign.directory} belongs to another campaign than {campaign.name!r} of this database; name the"
            " right database with --store"
        )
    owner = _other_owner(campaign, marker, store)
    if owner is not None and (marker is None or not is_copy(marker, campaign.directory)):
        raise UsageError(
            f"{campaign.directory} belongs to the database {owner}, and this one is a copy of that; copy the folder,"
            f" too, to go on with a copy. If {owner} is given up, move it away"
            + ("" if marker is None else f", and delete {campaign.directory / MARKER}")
        )


def settle_home(campaign: Campaign, lease: Lease, store: Store) -> Campaign:
    """Record where a campaign is before it is driven; a copy becomes an incarnation of its own.

    A crash between the two writes is harmless: the folder still has the original's marker, and is a copy again.

    Args:
        campaign: With the folder where it is now.
        lease: The driver's.
        store: Where it is recorded.

    Raises:
        NotFoundError: If the folder is gone.
        UsageError: If it belongs to another campaign or database.
        LeaseError: If the lease was taken over.
    """
    check_home(campaign, store)
    marker, recorded = Marker.read(campaign.directory), store.campaign(campaign.name)
    if _needs_incarnation(marker, campaign, recorded):
        campaign = dataclasses.replace(campaign, incarnation=uuid.uuid4().hex[:8])
        origin = recorded.directory if marker is None else marker.directory
        logger.warning("%s is a copy of %s; jobs of the original are left alone", campaign.directory, origin)
    settled = store.relocate(lease, campaign)
    if marker != Marker.of(settled, store.identity):
        mark_home(settled, store)
    _warn_of_lost_trials(settled, store)
    return settled


def _needs_incarnation(marker: Marker | None, campaign: Campaign, recorded: Campaign) -> bool:
    if marker is None:
        return campaign.directory != recorded.directory and recorded.directory.is_dir()
    return is_copy(marker, campaign.directory) or marker.incarnation != recorded.incarnation


def _candidates(campaign: Campaign, campaigns: Path) -> list[Path]:
    return [campaigns / campaign.directory.name, campaigns / campaign.name, campaigns]


def _is_home(path: Path, campaign: Campaign) -> bool:
    """Return whether a folder is of this campaign: by its marker, else by the study and the name."""
    marker = Marker.read(path)
    if marker is not None:
        return marker.created == campaign.created
    return path.name in (campaign.name, campaign.directory.name) and _has_study(path, campaign)


def _has_study(path: Path, campaign: Campaign) -> bool:
    try:
        return (path / "study.toml").read_bytes() == campaign.study_text.encode()
    except OSError:
        return False


def _other_owner(campaign: Campaign, marker: Marker | None, store: Store) -> str | None:
    """Return the identity of another database that has this folder, if there is one.

    A folder without a marker was made by a version that recorded absolute paths: its database is looked for in the
    folders above, by the name of this one.
    """
    ours = store.identity
    if marker is not None:
        is_theirs = marker.database not in ("", ours) and ours != ""
        return marker.database if is_theirs and store.holds_campaign(marker.database, marker.created) else None
    if store.path is None:
        return None
    above = [str(folder / store.path.name) for folder in campaign.directory.resolve().parents[:DEEPEST]]
    return next((path for path in above if path != ours and store.holds_campaign(path, campaign.created)), None)


def _copied_beside(campaign: Campaign, store: Store) -> Campaign | None:
    """Return a campaign in the copy of its folder beside a copied database that records an absolute path.

    Such records were written by versions that recorded absolute paths, also of what lies beside the database.
    """
    home = None if store.path is None else store.path.parent
    if home is None or campaign.directory.is_relative_to(home) or not campaign.directory.is_dir():
        return None
    if _other_owner(campaign, Marker.read(campaign.directory), store) is None:
        return None
    parts = campaign.directory.parts[1:]
    for depth in range(1, min(DEEPEST, len(parts)) + 1):
        folder, origin = home.joinpath(*parts[-depth:]), campaign.directory.parents[depth - 1]
        if _is_home(folder, campaign):
            return dataclasses.replace(_moved(campaign, folder), provenance=_rebase(campaign, origin, home))
    return None


def _rebase(campaign: Campaign, origin: Path, home: Path) -> dict[str, str]:
    """Return the provenance with the working directory in the copy, if it was copied."""
    provenance = dict(campaign.provenance)
    before = Path(provenance.get("working_directory", ""))
    if before.is_relative_to(origin) and (home / before.relative_to(origin)).is_dir():
        provenance["working_directory"] = str(home / before.relative_to(origin))
    return provenance


def _moved(campaign: Campaign, folder: Path) -> Campaign:
    logger.warning("campaign %s is in %s now, no longer in %s", campaign.name, folder, campaign.directory)
    return dataclasses.replace(campaign, directory=folder)


def _warn_of_lost_trials(campaign: Campaign, store: Store) -> None:
    """Warn if the folder has trials that the database does not know: it was copied in halves, or is an old copy."""
    folder = campaign.directory / "trials"
    numbers = [int(path.name) for path in folder.iterdir() if path.name.isdecimal()] if folder.is_dir() else []
    if not numbers:
        return
    try:
        store.trial(campaign.name, max(numbers))
    except NotFoundError:
        logger.warning(
            "%s has trials up to %d, and the database knows %d: it is an old copy, or was copied without its -wal file;"
            " put the right one back if there is one. Make copies with `bohpo db backup FILE`",
            folder,
            max(numbers),
            len(store.trials(campaign.name)),
        )
