"""A driver's death costs running trainings nothing: they run on, and the next driver records them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bohpo.campaign.launch import begin
from bohpo.store import CampaignState, Store, open_store
from bohpo.trial import AttemptState, TrialState
from tests.campaign.detached import DIES_AFTER, DetachedCluster, lives
from tests.campaign.specimens import STEPS
from tests.campaign.test_loop import study

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as opened:
        yield opened


@pytest.fixture(autouse=True)
def nothing_left_over(tmp_path: Path) -> Iterator[None]:
    yield
    queue = DetachedCluster(tmp_path / "queue")
    for path in (tmp_path / "queue").iterdir():
        queue.cancel(path.read_text())


def driver(home: Path, **environment: str) -> subprocess.Popen[bytes]:
    command = (sys.executable, "-m", "tests.campaign.detached", str(home / "bohpo.db"))
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})


def begin_campaign(store: Store, home: Path, *, trials: int, pace: float) -> Path:
    return begin(study("stepwise", trials=trials, pace=pace), store, home).directory


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def steps_of(campaign: Path, trial: int) -> list[int]:
    path = campaign / "trials" / str(trial) / "steps.txt"
    return [int(step) for step in path.read_text().split()] if path.exists() else []


def assert_nothing_was_restarted(store: Store, campaign: Path, trials: int) -> None:
    recorded = store.trials("specimen")
    assert [trial.number for trial in recorded] == list(range(trials))
    for trial in recorded:
        assert trial.state is TrialState.COMPLETE
        assert [attempt.state for attempt in trial.attempts] == [AttemptState.COMPLETED]
        assert steps_of(campaign, trial.number) == list(range(STEPS))


def test_trainings_run_on_while_no_driver_is_there_and_the_next_one_takes_them_over(
    store: Store, tmp_path: Path
) -> None:
    campaign = begin_campaign(store, tmp_path, trials=3, pace=0.3)
    first = driver(tmp_path)
    wait_until(lambda: len(steps_of(campaign, 1)) >= 2)
    first.kill()
    first.wait()
    jobs = [store.trial("specimen", number).attempts[0].job for number in range(2)]
    done = len(steps_of(campaign, 1))
    wait_until(lambda: len(steps_of(campaign, 1)) >= done + 2)
    assert all(lives(job) for job in jobs)

    assert driver(tmp_path).wait() == 0
    assert_nothing_was_restarted(store, campaign, 3)
    assert [store.trial("specimen", number).attempts[0].job for number in range(2)] == jobs


def test_a_training_that_ended_while_no_driver_was_there_is_recorded(store: Store, tmp_path: Path) -> None:
    campaign = begin_campaign(store, tmp_path, trials=2, pace=0.1)
    first = driver(tmp_path)
    wait_until(lambda: len(steps_of(campaign, 1)) >= 2)
    first.kill()
    first.wait()
    wait_until(lambda: len(list(campaign.glob("trials/*/attempt-1/ended.json"))) == 2)
    assert all(trial.state is TrialState.PENDING for trial in store.trials("specimen"))
    assert driver(tmp_path).wait() == 0
    assert_nothing_was_restarted(store, campaign, 2)


@pytest.mark.parametrize("submission", [1, 2])
def test_a_job_whose_driver_died_before_it_knew_its_id_is_found_by_its_name(
    store: Store, tmp_path: Path, submission: int
) -> None:
    campaign = begin_campaign(store, tmp_path, trials=2, pace=0.2)
    assert driver(tmp_path, **{DIES_AFTER: str(submission)}).wait() == -signal.SIGKILL
    assert store.trial("specimen", submission - 1).attempts[0].job == ""
    assert driver(tmp_path).wait() == 0
    assert_nothing_was_restarted(store, campaign, 2)
    assert len(list((tmp_path / "queue").iterdir())) == 2


def test_a_driver_that_is_asked_to_stop_leaves_the_jobs_for_the_next_one(store: Store, tmp_path: Path) -> None:
    campaign = begin_campaign(store, tmp_path, trials=3, pace=0.2)
    first = driver(tmp_path)
    wait_until(lambda: len(steps_of(campaign, 1)) >= 2)
    first.terminate()
    assert first.wait() == 130
    assert store.campaign("specimen").state is CampaignState.STOPPED
    assert store.events("specimen")[-1].message.endswith("jobs that run on: 2")
    assert driver(tmp_path).wait() == 0
    assert_nothing_was_restarted(store, campaign, 3)


@pytest.mark.kills
def test_drivers_killed_at_many_moments_restart_no_training(store: Store, tmp_path: Path) -> None:
    campaign = begin_campaign(store, tmp_path, trials=8, pace=0.25)
    moments = random.Random(4096)
    for _ in range(12):
        killed = driver(tmp_path)
        time.sleep(moments.uniform(0.8, 4.0))
        killed.kill()
        killed.wait()
    assert driver(tmp_path).wait() == 0
    assert_nothing_was_restarted(store, campaign, 8)


def test_a_driver_whose_lease_was_taken_over_ends_and_leaves_the_jobs_to_the_other(
    store: Store, tmp_path: Path
) -> None:
    campaign = begin_campaign(store, tmp_path, trials=3, pace=0.4)
    first = driver(tmp_path)
    wait_until(lambda: len(steps_of(campaign, 1)) >= 1)
    first.send_signal(signal.SIGSTOP)
    wait_until(lambda: store.lease("specimen") is None)
    second = driver(tmp_path)
    wait_until(lambda: (lease := store.lease("specimen")) is not None and lease.owner.pid == second.pid)
    first.send_signal(signal.SIGCONT)
    assert first.wait() not in (0, 130)
    assert second.wait() == 0
    assert_nothing_was_restarted(store, campaign, 3)
