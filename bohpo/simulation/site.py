"""What outlives a simulated driver: the database, the queue, the shared folder, and time.

A driver is the campaign's own loop, given what real drivers are given, but on virtual time.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bohpo.campaign.clock import Clock
from bohpo.campaign.ledger import LEASE_S
from bohpo.campaign.loop import Loop
from bohpo.cluster.protocol import Cluster
from bohpo.errors import StoreError
from bohpo.optimizer.protocol import History, Optimizer
from bohpo.simulation.clock import VirtualClock
from bohpo.simulation.queue import Luck, VirtualQueue
from bohpo.simulation.store import MemoryStore
from bohpo.simulation.trainings import Trainer
from bohpo.simulation.worker import Pace
from bohpo.store.protocol import Store
from bohpo.store.records import Campaign, CampaignState, Owner, StopRequest
from bohpo.study import Study
from bohpo.trainer import AttemptSpec
from bohpo.trial import Proposal


def remote_driver(number: int) -> Owner:
    """Name a driver on another host, of which nobody here can tell whether it lives: its lease has to expire."""
    return Owner("elsewhere", number, 0)


def dead_driver(number: int) -> Owner:
    """Name a driver on this host that is seen to be dead by whoever looks: its lease is taken over at once."""
    return dataclasses.replace(Owner.this_process(), pid=-number, started=0)


@dataclass(frozen=True, slots=True)
class Site:
    """Where a simulated campaign takes place.

    Attributes:
        study: What is run.
        name: The campaign's name.
        clock: Time.
        store: The database.
        queue: Where jobs run.
    """

    study: Study
    name: str
    clock: VirtualClock
    store: Store
    queue: VirtualQueue

    @property
    def campaign(self) -> Campaign:
        """The campaign's record."""
        return self.store.campaign(self.name)


def open_site(
    study: Study,
    home: Path,
    *,
    trainer: Trainer,
    luck: Luck,
    wait: Callable[[AttemptSpec], float] = lambda _: 0.0,
    pace: Pace | None = None,
    store: Callable[[VirtualClock], Store] = MemoryStore,
) -> Site:
    """Begin a campaign of a study on virtual time.

    Args:
        study: What to run.
        home: Real folder for the attempts' files.
        trainer: Knows what trainings come to.
        luck: What becomes of attempts.
        wait: Seconds that a job waits in the queue.
        pace: What is lost around a training.
        store: Gives the database.
    """
    clock = VirtualClock()
    queue = VirtualQueue(clock, trainer, luck, wait=wait, pace=Pace() if pace is None else pace)
    site = Site(study, study.name, clock, store(clock), queue)
    directory = home / study.name
    directory.mkdir()
    site.store.create_campaign(
        study.name,
        study_text=study.text,
        study_hash=study.hash,
        directory=directory,
        space=study.space,
        maximize=study.objective.maximize,
        metric=study.objective.metric,
        budget_trials=study.budget.most_trials,
        provenance={"working_directory": str(home)},
    )
    return site


class Driver:
    """A process that drives the campaign, from its lease on."""

    def __init__(
        self,
        site: Site,
        owner: Owner,
        *,
        optimizer: Optimizer,
        cluster: Cluster,
        store: Store | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Take the campaign's lease, and a stop back, as `bohpo resume` does.

        Args:
            site: Where it drives.
            owner: Its process, which is not real.
            optimizer: Who proposes.
            cluster: Its way to the queue.
            store: Its way to the database; the site's own by default.
            clock: Its clock; the site's own by default.

        Raises:
            LeaseError: If another driver holds the lease.
        """
        self._store = site.store if store is None else store
        self.lease = self._store.acquire_lease(site.name, owner, LEASE_S)
        self._store.request_stop(site.name, StopRequest.NONE)
        self.loop = Loop(
            site.study,
            self._store.campaign(site.name),
            self.lease,
            optimizer=Untimed(optimizer),
            store=self._store,
            cluster=cluster,
            clock=site.clock if clock is None else clock,
            leaves_jobs=True,
        )

    def run(self) -> CampaignState:
        """Drive the campaign to its end or to a stop, and give the lease back; a driver that is killed does not."""
        try:
            state = self.loop.run()
        except Exception:
            self._release()
            raise
        self._release()
        return state

    def _release(self) -> None:
        with contextlib.suppress(StoreError):
            self._store.release_lease(self.lease)


class Untimed:
    """An optimizer whose proposals do not tell what they cost, which is real time and differs from run to run."""

    def __init__(self, optimizer: Optimizer) -> None:
        """Pass all questions on."""
        self._optimizer = optimizer

    def propose(self, history: History, n: int = 1) -> list[Proposal]:
        """Propose configurations to train now."""
        return [dataclasses.replace(proposal, seconds=0.0) for proposal in self._optimizer.propose(history, n)]

    def prepare(self, history: History, n: int = 1) -> None:
        """Do nothing: no virtual time passes in which to work ahead."""
