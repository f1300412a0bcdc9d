"""The campaigns as everybody sees them: read once, for however many viewers.

One poller asks the database for the pulse of all campaigns and gives each that has changed a new revision. A campaign's
trials are read when somebody looks at it, and those of the campaign that is at work as soon as the service runs; the
first time whole, then what has changed. Everybody who looks at the same revision sees the same snapshot. Revisions only
grow, across restarts of the service, too, so that they serve as ETags.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from bohpo.campaign.launch import study_of
from bohpo.errors import BohpoError, StoreError
from bohpo.service.garbage import undisturbed
from bohpo.service.gather import CURVES_OF, view_of
from bohpo.store import Lease, Pulse, Summary, TrialsReader
from bohpo.store.database import DatabaseStore
from bohpo.store.records import CampaignState
from bohpo.study import Study
from bohpo.trial import Curve, Trial
from bohpo.views.campaign import CampaignView
from bohpo.views.status import Status, status
from bohpo.views.tally import Tally

logger = logging.getLogger(__name__)

FORGET_S = 600.0
"""A campaign that nobody has looked at for so long is let go; 20,000 trials take 100 MB."""

OLDEST_S = 15.0
"""Times that run, as the busy fraction of an active campaign, are reckoned again after so long."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A campaign at one revision.

    Attributes:
        revision: Grows with every change.
        view: What the views look at; without events, see `DatabaseStore.events`.
        status: Where it stands.
        study: What it runs.
        lease: Who drives it, or None.
    """

    revision: int
    view: CampaignView
    status: Status
    study: Study
    lease: Lease | None


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


@dataclass(slots=True)
class _Seat:
    """What is kept of a campaign between two looks."""

    reader: TrialsReader
    created: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    tally: Tally | None = None
    curves: dict[int, Mapping[str, Curve]] = field(default_factory=dict)
    study: Study | None = None
    snapshot: Snapshot | None = None
    asked: float = 0.0


class Desk:
    """Reads campaigns for all viewers; safe to share between threads."""

    def __init__(self, store: DatabaseStore) -> None:
        """Begin with nothing read."""
        self.store = store
        self.trouble = ""
        self._lock = threading.Lock()
        self._polling = threading.Lock()
        self._clock = time.time_ns() // 1_000_000
        self._pulses: dict[str, Pulse] = {}
        self._revisions: dict[str, int] = {}
        self._seats: dict[str, _Seat] = {}
        self._untold: dict[str, int] = {}
        self._listing: Listing | None = None
        self._listing_lock = threading.Lock()

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
            StoreError: If it was never read and the database is out of reach.
        """
        seat = self._seat(name)
        with seat.lock:
            seat.asked = time.monotonic()
            known, revision = seat.snapshot, self.revision_of(name)
            if known is None or known.revision != revision:
                with contextlib.nullcontext() if known else undisturbed():
                    seat.snapshot = self._read(name, seat, revision)
            elif _runs_on(known.view):
                view = dataclasses.replace(known.view, now=time.time())
                seat.snapshot = dataclasses.replace(known, view=view, status=status(view, seat.tally))
            assert seat.snapshot is not None
            return seat.snapshot

    def listing(self) -> Listing:
        """Give all campaigns as they stand.

        Raises:
            StoreError: If the database is out of reach.
        """
        with self._listing_lock:
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
        with self._polling:
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

    def _seat(self, name: str) -> _Seat:
        with self._lock:
            seat = self._seats.get(name)
        if seat is not None:
            return seat
        campaign = self.store.campaign(name)
        if self.revision_of(name) == 0:
            self._look()
        with self._lock:
            fresh = _Seat(TrialsReader(self.store, name), campaign.created, asked=time.monotonic())
            return self._seats.setdefault(name, fresh)

    def _read(self, name: str, seat: _Seat, revision: int) -> Snapshot:
        campaign = self.store.campaign(name)
        if seat.study is None:
            seat.study = study_of(campaign)
        if seat.tally is None:
            seat.tally = Tally(maximize=seat.study.objective.maximize)
        trials = seat.tally.update(seat.reader.read())
        view = view_of(
            campaign,
            seat.study,
            trials,
            evaluations=self.store.evaluations(name),
            driven=self.store.driver_spans(name),
            now=time.time(),
        )
        curves = {trial.number: seat.curves.get(trial.number) for trial in view.ranked[:CURVES_OF]}
        seat.curves = {
            number: self.store.curves(name, number) if known is None else known for number, known in curves.items()
        }
        view = dataclasses.replace(view, curves=seat.curves)
        return Snapshot(revision, view, status(view, seat.tally), seat.study, self.store.lease(name))


def _runs_on(view: CampaignView) -> bool:
    return view.campaign.state is CampaignState.ACTIVE and time.time() - view.now > OLDEST_S
