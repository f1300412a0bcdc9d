"""Appending to a campaign's history, by itself or in the transaction of what is told."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from bohpo.store.leases import CampaignKey
from bohpo.store.records import Announcement
from bohpo.store.tables import EVENT


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to record.

    Attributes:
        uid: Tells a repeated request from another one.
        time: Seconds since the epoch.
        announcement: What to tell.
    """

    uid: str
    time: float
    announcement: Announcement

    @classmethod
    def of(cls, announcement: Announcement | None) -> NewEvent | None:
        """Make an event of now, where there is something to tell."""
        return None if announcement is None else cls(uuid.uuid4().hex, time.time(), announcement)


def insert_event(connection: Connection, key: CampaignKey, event: NewEvent | None, trial: int | None) -> None:
    """Append an event, if there is one, unless its uid is there; its number is the database's to choose."""
    if event is None or connection.scalar(select(EVENT.c.number).where(EVENT.c.uid == event.uid)) is not None:
        return
    columns = {"time": event.time, "kind": event.announcement.kind, "message": event.announcement.message}
    connection.execute(insert(EVENT).values(uid=event.uid, campaign_id=key.campaign_id, trial=trial, **columns))
