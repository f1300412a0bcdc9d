"""A driver is stopped (SIGSTOP) at any point, another takes over, and the first goes on without knowing."""

from __future__ import annotations

from bohpo.campaign.ledger import LEASE_S
from bohpo.simulation.site import remote_driver
from bohpo.simulation.trainings import Duration
from tests.simulation.campaigns import begin, drive, finish, folder, points
from tests.simulation.failpoints import Failpoints, Kind
from tests.simulation.paced import Paced
from tests.simulation.promises import Witness, breaches

TRAINING = Duration(40.0, 0.5)
"""Longer than a lease."""

LATE_S = 60.0
"""What the first driver submitted too late may be in the queue for so long after the campaign."""

STEPS_BESIDE = 3
"""Steps that the second driver takes before the first goes on."""


def play_both(at: int) -> list[str]:
    """Stop the first driver at a point, and have it go on when a second one has begun; give the broken promises."""
    with folder() as home:
        site, witness = begin(home, training=TRAINING), Witness()
        first, second = Paced(site.clock), Paced(site.clock)
        failpoints = Failpoints(site.clock, at=at, kind=Kind.FREEZE, freeze=first.halt)
        first.start(lambda: drive(site, remote_driver(1), failpoints, witness, first))
        while first.is_alive and len(failpoints.reached) <= at:
            first.step()
        site.clock.sleep(LEASE_S + 1.0)
        second.start(lambda: drive(site, remote_driver(2), Failpoints(site.clock), witness, second))
        for _ in range(STEPS_BESIDE):
            second.step()
        while first.is_alive or second.is_alive:
            first.step()
            second.step()
        finish(site, witness)
        site.clock.sleep(LATE_S)
        return breaches(site, witness)


def test_a_driver_that_is_stopped_at_any_point_and_goes_on_beside_its_successor_does_no_harm() -> None:
    broken = {f"before {number}, {name}": play_both(number) for number, name in points(training=TRAINING)}
    assert {point: found for point, found in broken.items() if found} == {}
