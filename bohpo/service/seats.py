"""What is kept of a campaign between two looks, and how it is read: once, however many wait for it."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass

from bohpo.campaign.launch import study_of
from bohpo.errors import StoreError
from bohpo.service.daemon_threads import DaemonThreads
from bohpo.service.garbage import undisturbed
from bohpo.service.gather import CURVES_OF, view_of
from bohpo.store import Lease, TrialsReader
from bohpo.store.database import DatabaseStore
from bohpo.store.records import CampaignState
from bohpo.study import Study
from bohpo.trial import Curve
from bohpo.views.campaign import CampaignView
from bohpo.views.status import Status, status
from bohpo.views.tally import Tally

OLDEST_S = 15.0
"""Times that run, as the busy fraction of an active campaign, are reckoned again after so long."""

TURN_S = 2.0
"""For so long a request waits for its turn where others wait for the database."""


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


class Seat:
    """A campaign that somebody looks at; safe to share between threads.

    A thread of the desk reads it. Requests wait for that thread, not for the database, and no longer than they may.

    Attributes:
        created: When the campaign began; another one of its name began at another time.
        asked: When somebody looked last, by the monotonic clock.
    """

    def __init__(self, store: DatabaseStore, name: str, created: float, *, asked: float) -> None:
        """Begin with nothing read."""
        self.created = created
        self.asked = asked
        self._store = store
        self._name = name
        self._reader = TrialsReader(store, name)
        self._lock = threading.Lock()
        self._tally: Tally | None = None
        self._curves: dict[int, Mapping[str, Curve]] = {}
        self._study: Study | None = None
        self._snapshot: Snapshot | None = None
        self._reading: Future[Snapshot] | None = None

    def look(self, revision: int, readers: DaemonThreads, patience_s: float) -> Snapshot:
        """Return the campaign as it stands, or as it stood at its last look where it takes too long to read.

        Args:
            revision: The campaign's latest one.
            readers: Threads that read it.
            patience_s: Seconds to wait for them.

        Raises:
            StoreError: If it takes too long, and was never read before.
            BohpoError: Whatever the reading met.
        """
        with self._lock:
            known = self._snapshot
            if known is not None and known.revision == revision:
                if self._reading is None and _runs_on(known.view):
                    view = dataclasses.replace(known.view, now=time.time())
                    self._snapshot = known = dataclasses.replace(known, view=view, status=status(view, self._tally))
                return known
            if self._reading is None:
                self._reading = readers.submit(lambda: self._read_once(revision))
            reading = self._reading
        try:
            return reading.result(max(patience_s, 0.0))
        except (TimeoutError, CancelledError) as error:
            if known is not None and not reading.cancelled():
                return known
            told = f"campaign {self._name!r} is still being read; ask again in a few seconds"
            raise StoreError(told) from error

    def _read_once(self, revision: int) -> Snapshot:
        read = None
        try:
            with contextlib.nullcontext() if self._snapshot else undisturbed():
                read = self._read(revision)
            return read
        finally:
            with self._lock:
                self._snapshot, self._reading = read or self._snapshot, None

    def _read(self, revision: int) -> Snapshot:
        store, name = self._store, self._name
        campaign = store.campaign(name)
        if self._study is None:
            self._study = study_of(campaign)
        if self._tally is None:
            self._tally = Tally(maximize=self._study.objective.maximize)
        trials = self._tally.update(self._reader.read())
        view = view_of(
            campaign,
            self._study,
            trials,
            evaluations=store.evaluations(name),
            driven=store.driver_spans(name),
            now=time.time(),
        )
        curves = {trial.number: self._curves.get(trial.number) for trial in view.ranked[:CURVES_OF]}
        self._curves = {
            number: store.curves(name, number) if known is None else known for number, known in curves.items()
        }
        view = dataclasses.replace(view, curves=self._curves)
        return Snapshot(revision, view, status(view, self._tally), self._study, store.lease(name))


@contextlib.contextmanager
def held(lock: threading.Lock, told: str) -> Iterator[None]:
    """Hold a lock that others hold while they wait for the database.

    Args:
        lock: The lock.
        told: Why one waits, for the message.

    Raises:
        StoreError: If they hold it too long.
    """
    if not lock.acquire(timeout=TURN_S):
        raise StoreError(f"{told}; ask again in a few seconds")
    try:
        yield
    finally:
        lock.release()


def _runs_on(view: CampaignView) -> bool:
    return view.campaign.state is CampaignState.ACTIVE and time.time() - view.now > OLDEST_S
