"""The worker as a queue's job: wall time, requeue, a second start, and broken folders."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bohpo.campaign.ending import Ending
from bohpo.campaign.supervision import WallTime
from bohpo.processes import ATTEMPT_DIRECTORY, WALL_SECONDS
from bohpo.trainer import AttemptDirectory, Checkpoint
from bohpo.trial import AttemptState
from tests.campaign.test_worker import prepare, start, stop_once_it_reports, wait_for


def steps_of(attempt: AttemptDirectory) -> list[int]:
    return [int(line) for line in (attempt.path.parent / "steps.txt").read_text().split()]


def run_for(wall_seconds: float, attempt: AttemptDirectory) -> Ending:
    command = (sys.executable, "-P", "-m", "bohpo.campaign.worker", str(attempt.path))
    environment = {**os.environ, ATTEMPT_DIRECTORY: str(attempt.path), WALL_SECONDS: str(wall_seconds)}
    assert subprocess.run(command, env=environment, check=False).returncode == 0
    ending = Ending.read(attempt)
    assert ending is not None
    return ending


def test_a_checkpoint_is_saved_before_the_wall_time_is_reached(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "stepwise")
    attempt.config.write_text('{"x": 0.7, "step_seconds": 1.0}')
    began = time.monotonic()
    ending = run_for(12.0, attempt)
    assert time.monotonic() - began < 12.0
    assert (ending.state, ending.reason) == (
        AttemptState.PREEMPTED,
        "its job's wall time was near; goes on from its checkpoint",
    )
    saved = Checkpoint(attempt.checkpoint).load()
    assert saved is not None
    assert steps_of(attempt) == list(range(saved[0]))


def test_a_trainer_that_saves_nothing_before_the_wall_time_is_told_of(tmp_path: Path) -> None:
    ending = run_for(4.0, prepare(tmp_path, "hanging"))
    assert ending.state is AttemptState.PREEMPTED
    assert "it has saved no checkpoint; save more often, or set a longer cluster.wall_time" in ending.reason


@pytest.mark.parametrize(("wall_s", "reserve_s"), [(60.0, 15.0), (480.0, 120.0), (86400.0, 120.0)])
def test_the_reserve_is_two_minutes_or_a_quarter_of_a_short_wall_time(wall_s: float, reserve_s: float) -> None:
    before = time.monotonic()
    wall = WallTime.of_job(str(wall_s))
    assert wall is not None
    assert before + wall_s - reserve_s <= wall.stop_at <= time.monotonic() + wall_s - reserve_s
    assert wall.grace_s < reserve_s


@pytest.mark.parametrize("said", [None, "", "soon"])
def test_without_a_wall_time_nothing_is_stopped(said: str | None) -> None:
    assert WallTime.of_job(said) is None


def test_a_requeued_job_goes_on_from_the_attempts_own_checkpoint(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "stepwise")
    assert stop_once_it_reports(attempt).state is AttemptState.PREEMPTED
    assert start(attempt).wait() == 0
    ending = Ending.read(attempt)
    assert ending is not None
    assert ending.state is AttemptState.COMPLETED
    assert steps_of(attempt) == list(range(20))


def test_a_worker_that_was_killed_goes_on_from_its_checkpoint_when_its_job_is_requeued(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "stepwise")
    worker = start(attempt)
    wait_for(attempt.checkpoint)
    worker.kill()
    worker.wait()
    assert start(attempt).wait() == 0
    ending = Ending.read(attempt)
    assert ending is not None
    assert ending.state is AttemptState.COMPLETED
    assert sorted(set(steps_of(attempt))) == list(range(20))
    assert len(steps_of(attempt)) <= 21


def test_a_closed_attempt_is_not_gone_on_with(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "stepwise")
    ending = stop_once_it_reports(attempt)
    attempt.closed.touch()
    assert start(attempt).wait() == 0
    assert Ending.read(attempt) == ending
    assert len(steps_of(attempt)) < 20


def test_two_workers_are_never_at_one_attempt_at_once(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "stepwise")
    attempt.config.write_text('{"x": 0.7, "step_seconds": 0.1}')
    first = start(attempt)
    wait_for(attempt.progress)
    second = start(attempt)
    assert first.wait() == 0
    second.wait()  # it finds nothing left to do, or is ended with all else that the first one leaves on its host
    assert steps_of(attempt) == list(range(20))


def test_a_folder_without_an_attempt_is_told_of(tmp_path: Path) -> None:
    command = (sys.executable, "-P", "-m", "bohpo.campaign.worker", str(tmp_path / "nowhere"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nowhere" in done.stderr.splitlines()[-1]
    assert "was not run to its end: FileNotFoundError" in done.stderr.splitlines()[-1]


def test_a_stop_while_another_worker_is_waited_for_ends_the_waiting_one(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "stepwise")
    attempt.config.write_text('{"x": 0.7, "step_seconds": 0.1}')
    first = start(attempt)
    wait_for(attempt.progress)
    second = start(attempt)
    time.sleep(0.5)
    second.send_signal(signal.SIGTERM)
    assert second.wait() != 0
    assert first.wait() == 0
    assert steps_of(attempt) == list(range(20))


def test_a_worker_whose_attempt_is_given_up_stops_by_itself(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "stepwise")
    attempt.config.write_text('{"x": 0.7, "step_seconds": 2.0}')
    worker = start(attempt)
    wait_for(attempt.progress)
    attempt.closed.touch()
    assert worker.wait() == 0
    ending = Ending.read(attempt)
    assert ending is not None
    assert ending.state is AttemptState.PREEMPTED
