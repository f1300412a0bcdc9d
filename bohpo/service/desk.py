"""The campaigns as everybody sees them: read once, for however many viewers.

One poller asks the database for the pulse of all campaigns and gives each that has changed a new revision. A campaign's
trials are read when somebody looks at it, and those of the campaign that is at work as soon as the service runs; the
first time whole, then what has changed. Everybody who looks at the same revision sees the same snapshot. Revisions only
grow, across restarts of the service, too, so that they serve as ETags.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from bohpo.errors import BohpoError, StoreError
from bohpo.service.daemon_threads import DaemonThreads
from bohpo.service.seats import Seat, Snapshot, held
from bohpo.store import Pulse, Summary
from bohpo.store.database import DatabaseStore
from bohpo.trial import Trial

logger = logging.getLogger(__name__)

FORGET_S = 600.0
"""A campaign that nobody has looked at for so long is let go; 20,000 trials take 100 MB."""

MOST_READ = 2
"""Campaigns that are read at a time; what they take of the processor, pages wait for."""

READING_S = 8.0
"""For so long a request waits for a campaign to be read."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All campaigns at one revision.

    Attributes:
        revision: Grows with every change of any of them.
        summaries: The campaigns, the latest first.
        best: Best trial by campaign.
    """

    revision: int
    summaries: tuple[Summary, ...]
    best: Mapping[str, Trial]


class Desk:
    """Reads campaigns for all viewers; safe to share between threads."""

    def __init__(self, store: DatabaseStore, readings: DatabaseStore | None = None) -> None:
        """Begin with nothing read.

        Args:
            store: The database, which no request waits for longer than it may.
            readings: The same, with the patience that reading a large campaign needs; `store` by default.
        """
        self.store = store
        self._readings = store if readings is None else readings
        self.trouble = ""
        self._lock = threading.Lock()
        self._polling = threading.Lock()
        self._clock = time.time_ns() // 1_000_000
        self._pulses: dict[str, Pulse] = {}
        self._revisions: dict[str, int] = {}
        self._seats: dict[str, Seat] = {}
        self._untold: dict[str, int] = {}
        self._listing: Listing | None = None
        self._listing_lock = threading.Lock()
        self._readers = DaemonThreads("readers", MOST_READ)

    def close(self) -> None:
        """Leave off; whoever waits for a campaign that is being read is told so."""
        self._readers.close()
        if self._readings is not self.store:
            self._readings.close()

    @property
    def revision(self) -> int:
        """Revision of the list of campaigns."""
        return self._clock

    def revision_of(self, name: str) -> int:
        """Give the revision of a campaign; 0 where there is none of this name."""
        with self._lock:
            return self._revisions.get(name, 0)

    def poll(self) -> Mapping[str, int]:
        """Ask what has changed since the last time.

        Returns:
            The new revisions of the campaigns that changed, or were added, or are gone, by name.
        """
        self._look()
        with self._lock:
            told, self._untold = self._untold, {}
            return told

    def prepare(self) -> None:
        """Read the campaign in which something happened last, before the first visitor asks for it."""
        self._look()
        with self._lock:
            latest = max(self._pulses, key=lambda name: self._pulses[name].event, default=None)
        if latest is not None:
            with contextlib.suppress(BohpoError):  # who asks for it is told
                self.snapshot(latest)

    def snapshot(self, name: str) -> Snapshot:
        """Give a campaign as it stands.

        Raises:
            NotFoundError: If there is none of this name; the message names close matches.
            StudyError: If its study cannot be read by this version.
            StoreError: If it was never read, and the database is out of reach or the reading takes longer than a
                request may.
        """
        seat = self._seat(name)
        seat.asked = time.monotonic()
        give_up = seat.asked + READING_S
        while True:
            revision = self.revision_of(name)
            seen = seat.look(revision, self._readers, give_up - time.monotonic())
            if seen.revision >= revision or time.monotonic() >= give_up:
                return seen

    def listing(self) -> Listing:
        """Give all campaigns as they stand.

        Raises:
            StoreError: If the database is out of reach.
        """
        with held(self._listing_lock, "the list of campaigns is being read"):
            revision = self.revision
            if self._listing is None or self._listing.revision != revision:
                summaries = tuple(self.store.summaries())
                best = {
                    known.campaign.name: self.store.trial(known.campaign.name, known.best)
                    for known in summaries
                    if known.best is not None
                }
                self._listing = Listing(revision, summaries, best)
            return self._listing

    def _look(self) -> None:
        with held(self._polling, "it is being looked for new campaigns"):
            try:
                pulses = self.store.pulses()
            except StoreError as error:
                self.trouble = str(error)
                logger.warning("the database does not answer: %s", error)
                return
            self.trouble = ""
            self._note(pulses)

    def _note(self, pulses: dict[str, Pulse]) -> None:
        with self._lock:
            before = self._pulses
            changed = {name for name in before.keys() | pulses.keys() if before.get(name) != pulses.get(name)}
            if changed:
                self._clock = max(self._clock + 1, time.time_ns() // 1_000_000)
            self._pulses = pulses
            self._revisions = {name: self._clock if name in changed else self._revisions[name] for name in pulses}
            self._untold |= dict.fromkeys(changed, self._clock)
            self._forget()

    def _forget(self) -> None:
        """Let go of campaigns that are gone, that others of their name replaced, or that nobody looks at."""
        oldest = time.monotonic() - FORGET_S
        for name, seat in list(self._seats.items()):
            pulse = self._pulses.get(name)
            if pulse is None or pulse.created != seat.created or seat.asked < oldest:
                del self._seats[name]

    def _seat(self, name: str) -> Seat:
        with self._lock:
            seat = self._seats.get(name)
        if seat is not None:
            return seat
        campaign = self.store.campaign(name)
        if self.revision_of(name) == 0:
            self._look()
        with self._lock:
            fresh = Seat(self._readings, name, campaign.created, asked=time.monotonic())
            return self._seats.setdefault(name, fresh)
