"""The loop has the next proposal prepared while jobs run, and only then."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from bohpo.campaign.clock import SystemClock
from bohpo.campaign.launch import begin
from bohpo.campaign.loop import Loop
from bohpo.cluster.protocol import Job
from bohpo.errors import QueueError
from bohpo.optimizer import GaussianProcessOptimizer, History, Optimizer, RandomOptimizer
from bohpo.store import CampaignState, Owner, Store, open_store
from bohpo.study import Study
from bohpo.trial import Proposal
from tests.campaign.test_loop import study
from tests.campaign.virtual import VirtualCluster


class Listening:
    """An optimizer that remembers what it was asked, and lets somebody look whenever it is asked to prepare."""

    def __init__(self, real: Optimizer, look: Callable[[History], None] = lambda _: None) -> None:
        """Pass all questions on to `real`."""
        self.asked: list[tuple[str, History]] = []
        self._real = real
        self._look = look

    def propose(self, history: History, n: int = 1) -> list[Proposal]:
        """Remember the history, and propose."""
        self.asked.append(("propose", history))
        return self._real.propose(history, n)

    def prepare(self, history: History, n: int = 1) -> None:
        """Remember the history, prepare, and let somebody look."""
        self.asked.append(("prepare", history))
        self._real.prepare(history, n)
        self._look(history)

    @property
    def prepared(self) -> list[History]:
        """The histories that it prepared for."""
        return [history for what, history in self.asked if what == "prepare"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as opened:
        yield opened


def run(wanted: Study, store: Store, home: Path, optimizer: Optimizer, cluster: VirtualCluster) -> None:
    campaign = begin(wanted, store, home)
    lease = store.acquire_lease(campaign.name, Owner.this_process(), 30.0)
    loop = Loop(wanted, campaign, lease, optimizer=optimizer, store=store, cluster=cluster, clock=SystemClock())
    assert loop.run() is CampaignState.FINISHED


def random_search(look: Callable[[History], None] = lambda _: None) -> Listening:
    return Listening(RandomOptimizer(study().space, seed=0), look)


def test_each_history_with_full_slots_and_trials_left_is_prepared_for_once(store: Store, tmp_path: Path) -> None:
    optimizer = random_search()
    run(study(trials=6), store, tmp_path, optimizer, VirtualCluster(lambda number: 4 + 3 * number))
    assert [(len(known.completed), len(known.pending)) for known in optimizer.prepared] == [
        (done, 2) for done in range(4)
    ]


def test_nothing_is_prepared_while_a_result_waits_to_be_recorded(store: Store, tmp_path: Path) -> None:
    cluster = VirtualCluster(lambda number: 4 + 3 * number)

    def all_that_ended_is_recorded(history: History) -> None:
        assert len(cluster.ended) == len(history.completed)

    optimizer = random_search(all_that_ended_is_recorded)
    run(study(trials=6), store, tmp_path, optimizer, cluster)
    assert optimizer.prepared


def test_results_that_come_one_on_another_are_recorded_before_anything_is_prepared(
    store: Store, tmp_path: Path
) -> None:
    optimizer = random_search()
    run(study(trials=8, jobs=4), store, tmp_path, optimizer, VirtualCluster(lambda number: 3 + number % 4))
    assert [len(history.completed) for history in optimizer.prepared] == [0]


def test_nothing_is_prepared_while_a_slot_is_free(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bohpo.campaign.queue.GREATEST_PAUSE_S", 0.0)

    class Refusing(VirtualCluster):
        """Takes the third job only when it is offered for the fourth time."""

        offers = 0

        def submit(self, job: Job) -> str:
            """Refuse some jobs."""
            self.offers += 1
            if 2 < self.offers < 6:
                raise QueueError("the queue is full")
            return super().submit(job)

    cluster = Refusing(lambda number: 4 + 6 * number)
    running = []
    run(study(trials=5), store, tmp_path, random_search(lambda _: running.append(cluster.running)), cluster)
    assert cluster.offers == 5 + 3
    assert running == [2, 2, 2]


def test_jobs_that_end_at_once_leave_no_time_to_prepare(store: Store, tmp_path: Path) -> None:
    optimizer = random_search()
    run(study(trials=6), store, tmp_path, optimizer, VirtualCluster(lambda _: 1))
    assert optimizer.prepared == []


def test_nothing_is_prepared_when_no_trial_is_left(store: Store, tmp_path: Path) -> None:
    optimizer = random_search()
    run(study(trials=2), store, tmp_path, optimizer, VirtualCluster(lambda _: 9))
    assert optimizer.prepared == []


def test_a_prepared_proposal_is_dropped_when_a_result_comes_in(store: Store, tmp_path: Path) -> None:
    optimizer = random_search()
    run(study(trials=6), store, tmp_path, optimizer, VirtualCluster(lambda number: 4 + 3 * number))
    for (what, history), (then, newer) in pairwise(optimizer.asked):
        if what == "prepare":
            assert then == "propose"
            assert len(newer.completed) == len(history.completed) + 1


def by_model(trials: int) -> Study:
    return Study.parse(study(trials=trials).text.replace('"random"', '"gp"'), directory=Path(__file__).parent)


def gaussian_process() -> GaussianProcessOptimizer:
    return GaussianProcessOptimizer(study().space, maximize=True, seed=0)


def untimed(proposals: list[Proposal]) -> list[Proposal]:
    return [dataclasses.replace(proposal, seconds=0.0) for proposal in proposals]


def test_what_was_prepared_is_used_where_nothing_is_heard_and_is_what_a_fresh_optimizer_proposes(
    store: Store, tmp_path: Path
) -> None:
    real = gaussian_process()
    sources = []

    def a_job_becomes_free(history: History) -> None:
        ready = real.propose(history)
        assert ready[0] is real.propose(history)[0]
        assert untimed(ready) == untimed(gaussian_process().propose(history))
        sources.append(ready[0].source)

    optimizer = Listening(real, a_job_becomes_free)
    run(by_model(8), store, tmp_path, optimizer, VirtualCluster(lambda number: 4 + 3 * number))
    assert sources == ["startup"] * 3 + ["model"] * 3


def test_a_campaign_comes_to_the_same_whether_the_optimizer_works_ahead_or_not(tmp_path: Path) -> None:
    class Unprepared(GaussianProcessOptimizer):
        def prepare(self, history: History, n: int = 1) -> None:
            """Do nothing."""

    configurations = []
    for kind in (GaussianProcessOptimizer, Unprepared):
        home = tmp_path / kind.__name__
        home.mkdir()
        with contextlib.closing(open_store(str(home / "bohpo.db"))) as opened:
            optimizer = kind(study().space, maximize=True, seed=0)
            run(by_model(8), opened, home, optimizer, VirtualCluster(lambda number: 4 + 3 * number))
            configurations.append([trial.configuration for trial in opened.trials("specimen")])
    assert configurations[0] == configurations[1]
