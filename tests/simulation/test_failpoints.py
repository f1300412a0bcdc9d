"""A small campaign, again and again, with something going wrong at every point where it can."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from bohpo.simulation.comparison import MEMORY_DISK
from bohpo.simulation.site import dead_driver
from tests.simulation.campaigns import begin, drive, finish
from tests.simulation.failpoints import Failpoints, Kind
from tests.simulation.promises import Witness, breaches


def play(at: int | None = None, kind: Kind | None = None) -> tuple[list[str], list[str]]:
    """Run the campaign with a fault at a point, and have other drivers finish it.

    Returns:
        The names of the points that the first driver reached, and the promises that were broken.
    """
    with tempfile.TemporaryDirectory(dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None) as home:
        site, witness = begin(Path(home)), Witness()
        failpoints = Failpoints(site.clock, at=at, kind=kind)
        drive(site, dead_driver(1), failpoints, witness)
        finish(site, witness)
        return failpoints.reached, breaches(site, witness)


def test_a_campaign_without_faults_keeps_all_promises() -> None:
    reached, broken = play()
    assert broken == []
    assert {"store.add_trial", "store.save_attempt", "store.complete_trial", "queue.submit", "queue.look"} <= set(
        reached
    )


@pytest.mark.parametrize("kind", Kind)
def test_no_fault_at_any_point_breaks_a_promise(kind: Kind) -> None:
    reached, _ = play()
    broken = {f"{kind.value} {number}, {name}": play(number, kind)[1] for number, name in enumerate(reached)}
    assert {point: found for point, found in broken.items() if found} == {}
