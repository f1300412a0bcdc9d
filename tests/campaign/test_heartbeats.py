"""Signs of life: when a worker counts as silent, and how many files a step looks at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bohpo.campaign.heartbeats import LONGEST_GAP_S, Heartbeats, Turns
from tests.campaign.scripted import StepClock


@pytest.fixture
def clock() -> StepClock:
    return StepClock()


def beat(path: Path, moment: float) -> None:
    path.touch()
    os.utime(path, (moment, moment))


def test_a_worker_is_silent_for_as_long_as_its_file_was_seen_to_stand_still(clock: StepClock, tmp_path: Path) -> None:
    heartbeats, path = Heartbeats(clock), tmp_path / "heartbeat"
    assert not heartbeats.look(1, path)
    beat(path, 5.0)
    for _ in range(4):
        assert heartbeats.look(1, path)
        clock.sleep(10.0)
    assert heartbeats.silent_s(1) == 30.0
    beat(path, 4.0)  # clocks may differ and go back: only that it changed counts
    heartbeats.look(1, path)
    assert heartbeats.silent_s(1) == 0.0


def test_what_happened_while_the_driver_did_not_look_is_not_held_against_a_worker(
    clock: StepClock, tmp_path: Path
) -> None:
    heartbeats, path = Heartbeats(clock), tmp_path / "heartbeat"
    beat(path, 5.0)
    heartbeats.look(1, path)
    clock.sleep(LONGEST_GAP_S + 1.0)
    heartbeats.look(1, path)
    assert heartbeats.silent_s(1) == 0.0


def test_a_slow_file_system_is_looked_at_for_so_long_in_each_step_and_everything_has_its_turn(
    clock: StepClock,
) -> None:
    turns, seen = Turns(clock, 0.25), []
    things = list(range(4096))
    for _ in range(66):
        began, step = clock.elapsed, []
        for thing in turns.among(things):
            clock.sleep(0.004)
            step.append(thing)
        assert clock.elapsed - began <= 0.26
        assert len(set(step)) == len(step)
        seen += step
    assert set(seen) == set(things)


def test_no_step_looks_at_anything_twice(clock: StepClock) -> None:
    assert sorted(Turns(clock, 0.25).among(["a", "b", "c"])) == ["a", "b", "c"]
