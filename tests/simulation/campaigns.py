"""Small campaigns for these tests, and drivers that come to the rescue."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, cast

from bohpo.campaign.ledger import LEASE_S
from bohpo.errors import QueueError, StoreError
from bohpo.optimizer import RandomOptimizer
from bohpo.simulation.clock import VirtualClock
from bohpo.simulation.cluster import DriverKilled, VirtualCluster
from bohpo.simulation.comparison import MEMORY_DISK
from bohpo.simulation.fates import Dice, Fate
from bohpo.simulation.history import history
from bohpo.simulation.queue import Luck
from bohpo.simulation.site import Driver, Site, dead_driver, open_site
from bohpo.simulation.store import MemoryStore
from bohpo.simulation.trainings import Bowl, Duration
from bohpo.simulation.worker import Pace
from bohpo.store.protocol import Store
from bohpo.store.records import CampaignState, Owner
from bohpo.study import Study
from tests.simulation.failpoints import Failpoints
from tests.simulation.paced import Paced, PacedCluster
from tests.simulation.promises import Witness

TRAINING = Duration(4.0, 0.5)
PACE = Pace(startup_s=1.0, checkpoint_s=2.0)
MOST_DRIVERS = 30


class LocalDriver(Owner):
    """A driver on this host: everybody here sees when it is dead."""

    dead: ClassVar[set[int]] = set()

    @property
    def is_known_dead(self) -> bool:
        """Whether it was killed or has ended."""
        return self.pid in self.dead


def study(*, trials: int = 4, jobs: int = 2) -> Study:
    return Study.parse(
        f"""
        name = "virtual"
        command = ["train"]
        [objective]
        metric = "score"
        direction = "maximize"
        [budget]
        trials = {trials}
        [parallel]
        jobs = {jobs}
        threads = 1
        [optimizer]
        method = "random"
        [space]
        x = {{ type = "float", low = 0.0, high = 1.0 }}
        """
    )


def all_is_well(_spec: object, _start: int) -> tuple[Fate, float]:
    return Fate.SUCCEEDS, 1.0


def begin(
    home: Path,
    *,
    trials: int = 4,
    jobs: int = 2,
    luck: Luck = all_is_well,
    pace: Pace = PACE,
    training: Duration = TRAINING,
    store: Callable[[VirtualClock], Store] = MemoryStore,
) -> Site:
    wanted, dice = study(trials=trials, jobs=jobs), Dice(0)
    trainer = Bowl(wanted, dice, training)
    return open_site(
        wanted, home, trainer=trainer, luck=luck, wait=lambda spec: dice.wait(spec, 1.0), pace=pace, store=store
    )


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Give a folder for a campaign's files, in memory where there is a disk in memory."""
    with tempfile.TemporaryDirectory(dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None) as home:
        yield Path(home)


def drive(
    site: Site, owner: Owner, failpoints: Failpoints, witness: Witness, paced: Paced | None = None
) -> CampaignState | None:
    """Have one driver drive to its end, whatever that is; give None where it ends without having finished."""
    cluster = VirtualCluster(site.queue, site.clock) if paced is None else PacedCluster(site.queue, site.clock, paced)
    try:
        driver = Driver(
            site,
            owner,
            optimizer=optimizer(site),
            cluster=failpoints.cluster(cluster),
            store=witnessed(failpoints.store(site.store), witness),
            clock=paced,
        )
        failpoints.has_begun = True
        if paced is not None:
            paced.stop = driver.loop.stop
        return driver.run()
    except (DriverKilled, QueueError, StoreError):
        return None


def points(*, trials: int = 4, training: Duration = TRAINING) -> list[tuple[int, str]]:
    """List number and name of the points that a driver reaches to which nothing happens, without repetitions."""
    with folder() as home:
        site = begin(home, trials=trials, training=training)
        failpoints = Failpoints(site.clock, look=lambda: history(site))
        drive(site, dead_driver(1), failpoints, Witness())
        return failpoints.distinct


def finish(site: Site, witness: Witness) -> None:
    """Have drivers that nothing happens to drive until the campaign is finished, one after another."""
    for number in range(1000, 1000 + MOST_DRIVERS):
        if drive(site, dead_driver(number), Failpoints(site.clock), witness) is CampaignState.FINISHED:
            return
        site.clock.sleep(LEASE_S + 1.0)


def optimizer(site: Site) -> RandomOptimizer:
    return RandomOptimizer(site.study.space, seed=0)


def witnessed(store: Store, witness: Witness) -> Store:
    """Have somebody remember which results the store acknowledged."""
    return cast(Store, _Witnessed(store, witness))


class _Witnessed:
    def __init__(self, store: Store, witness: Witness) -> None:
        self._store = store
        self._witness = witness

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def complete_trial(self, lease: Any, number: int, value: float, *rest: Any, **named: Any) -> bool:
        is_recorded = self._store.complete_trial(lease, number, value, *rest, **named)
        if is_recorded:
            self._witness.acknowledged[number] = value
        return is_recorded
