"""A small campaign, again and again, with something going wrong at every point where it can."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from random import Random

import pytest

from bohpo.simulation.clock import VirtualClock
from bohpo.simulation.site import dead_driver
from bohpo.simulation.store import MemoryStore
from bohpo.store import Store, open_store
from bohpo.store.records import CampaignState
from tests.simulation.campaigns import begin, drive, finish, folder, points
from tests.simulation.failpoints import Failpoints, Kind
from tests.simulation.promises import Witness, breaches

SEQUENCES, DRIVERS, FAULTS_WITHIN = 40, 4, 60
"""Sequences that are tried, drivers in each, and how many points a driver passes at the most before its fault."""

READS = ("store.campaign", "store.events", "store.trials", "queue.look", "queue.find")


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a campaign.

    Attributes:
        reached: Names of the points that the first driver reached.
        has_begun: Whether the first driver began to drive.
        is_finished_by_first: Whether it also finished the campaign.
        broken: The promises that were broken.
    """

    reached: list[str]
    has_begun: bool
    is_finished_by_first: bool
    broken: list[str]


def play(at: int | None = None, kind: Kind | None = None, *, trials: int = 4, database: bool = False) -> Played:
    """Run the campaign with a fault at a point, and have other drivers finish it.

    Args:
        at: Number of the point, or None for none.
        kind: What goes wrong there.
        trials: Trials of the campaign.
        database: Whether a real one records it, instead of memory.
    """
    with folder() as home, contextlib.ExitStack() as opened:

        def open_database(_clock: VirtualClock) -> Store:
            return opened.enter_context(contextlib.closing(open_store(str(home / "bohpo.db"))))

        site, witness = begin(home, trials=trials, store=open_database if database else MemoryStore), Witness()
        failpoints = Failpoints(site.clock, at=at, kind=kind)
        state = drive(site, dead_driver(1), failpoints, witness)
        reached = list(failpoints.reached)
        finish(site, witness)
        return Played(reached, failpoints.has_begun, state is CampaignState.FINISHED, breaches(site, witness))


def play_all(kind: Kind) -> dict[str, Played]:
    """Run the campaign once for each point, with a fault there."""
    return {f"{kind.value} {number}, {name}": play(number, kind) for number, name in points()}


def test_a_campaign_without_faults_keeps_all_promises() -> None:
    played = play()
    assert played.broken == []
    assert played.is_finished_by_first
    requests = {"store.add_trial", "store.save_attempt", "store.complete_trial", "store.renew_lease"}
    assert requests | {"queue.submit", "queue.look"} <= set(played.reached)


def test_points_are_left_out_only_where_nothing_has_happened() -> None:
    names = [name for _, name in points()]
    assert set(names) == set(play().reached)
    assert len([name for name in names if name == "store.save_attempt"]) == play().reached.count("store.save_attempt")


@pytest.mark.parametrize("kind", [Kind.DEATH_BEFORE, Kind.DEATH_AFTER])
def test_a_driver_that_dies_at_any_point_breaks_no_promise(kind: Kind) -> None:
    broken = {point: played.broken for point, played in play_all(kind).items() if played.broken}
    assert broken == {}


@pytest.mark.parametrize("kind", [Kind.LOST_ACKNOWLEDGEMENT, Kind.OUTAGE])
def test_whatever_is_out_of_reach_at_any_point_breaks_no_promise_and_ends_no_driver(kind: Kind) -> None:
    played = play_all(kind)
    assert {point: known.broken for point, known in played.items() if known.broken} == {}
    assert [point for point, known in played.items() if known.has_begun and not known.is_finished_by_first] == []


def test_a_driver_that_dies_with_any_write_breaks_no_promise_on_a_real_database() -> None:
    writes = [number for number, name in points(trials=2) if name not in READS]
    broken = {number: play(number, Kind.DEATH_AFTER, trials=2, database=True).broken for number in writes}
    assert {number: found for number, found in broken.items() if found} == {}


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_no_sequence_of_faults_of_one_driver_after_another_breaks_a_promise(seed: int) -> None:
    random = Random(seed)
    with folder() as home:
        site, witness = begin(home), Witness()
        for number in range(1, 1 + DRIVERS):
            kind = random.choice([Kind.DEATH_BEFORE, Kind.DEATH_AFTER, Kind.LOST_ACKNOWLEDGEMENT, Kind.OUTAGE])
            failpoints = Failpoints(site.clock, at=random.randrange(FAULTS_WITHIN), kind=kind)
            drive(site, dead_driver(number), failpoints, witness)
        finish(site, witness)
        assert breaches(site, witness) == []
