"""A driver with files that cannot be written or read for a while, and with jobs that no queue can end."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from bohpo.campaign.loop import OUTAGE_S
from bohpo.cluster.protocol import Job, JobStatus
from bohpo.errors import LivingJobError
from bohpo.simulation.store import MemoryStore
from bohpo.store import Store
from bohpo.trainer import AttemptDirectory
from bohpo.trial import AttemptState, TrialState
from tests.campaign.scripted import Course, ScriptedCluster, StepClock, say, succeed
from tests.campaign.test_deaths import make_loop, run
from tests.unreadable import DamagedFiles

LONG_UP_S = 1e6
"""A host's clock does not begin at zero."""


@pytest.fixture
def cluster() -> ScriptedCluster:
    clock = StepClock()
    clock.sleep(LONG_UP_S)
    return ScriptedCluster(clock)


@pytest.fixture
def store(cluster: ScriptedCluster) -> Store:
    return MemoryStore(cluster.clock)


def test_a_folder_that_cannot_be_written_for_a_while_does_not_end_a_driver(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    in_the_way = tmp_path / "specimen/trials"
    loop = make_loop(store, tmp_path, cluster)
    in_the_way.touch()
    cluster.each_wait = lambda: in_the_way.unlink(missing_ok=True) if in_the_way.is_file() else None
    loop.run()
    assert [trial.state for trial in store.trials("specimen")] == [TrialState.COMPLETE]


def test_an_outcome_that_the_file_system_cannot_give_for_a_while_is_not_lost(
    store: Store, tmp_path: Path, cluster: ScriptedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = DamagedFiles(monkeypatch)

    def leave_out_of_reach(files: AttemptDirectory) -> None:
        succeed(files)
        damaged.paths.add(files.outcome)

    def mend() -> None:
        if any(cluster.clock.elapsed - entry.submitted > 60.0 for entry in cluster.entries.values()):
            damaged.paths.clear()

    cluster.courses[0, 1] = Course(leaves=leave_out_of_reach)
    cluster.each_wait = mend
    [trial] = run(store, tmp_path, cluster)
    assert [attempt.state for attempt in trial.attempts] == [AttemptState.COMPLETED]


def test_an_outcome_that_only_its_worker_could_not_read_is_recorded(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    def succeed_unheard(files: AttemptDirectory) -> None:
        succeed(files)
        say(AttemptState.LOST, "its outcome.json cannot be read: Stale file handle")(files)

    cluster.courses[0, 1] = Course(leaves=succeed_unheard)
    [trial] = run(store, tmp_path, cluster)
    assert [attempt.state for attempt in trial.attempts] == [AttemptState.COMPLETED]


def test_a_worker_that_could_not_read_an_outcome_costs_an_attempt_and_no_trial(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.courses[0, 1] = Course(leaves=say(AttemptState.LOST, "its outcome.json cannot be read"))
    [trial] = run(store, tmp_path, cluster)
    assert [attempt.state for attempt in trial.attempts] == [AttemptState.LOST, AttemptState.COMPLETED]


@pytest.mark.parametrize("name", ["attempt.json", "ended.json"])
def test_one_attempt_that_cannot_be_read_is_waited_for_and_the_others_go_on(
    store: Store, tmp_path: Path, cluster: ScriptedCluster, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = DamagedFiles(monkeypatch)

    def leave_out_of_reach(files: AttemptDirectory) -> None:
        succeed(files)
        damaged.paths.add(files.path / name)

    def mend() -> None:
        if {trial.state for trial in store.trials("specimen")[1:]} == {TrialState.COMPLETE}:
            damaged.paths.clear()

    cluster.courses[0, 1] = Course(leaves=leave_out_of_reach)
    cluster.each_wait = mend
    trials = run(store, tmp_path, cluster, trials=4)
    assert [[attempt.state for attempt in trial.attempts] for trial in trials] == [[AttemptState.COMPLETED]] * 4


class Unreachable(ScriptedCluster):
    """A cluster on a file system that is away for a while."""

    away_s = (0.0, 0.0)

    def look(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Tell where jobs stand."""
        began, until = self.away_s
        if began < self.clock.elapsed - LONG_UP_S < until:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return super().look(job_ids)


def test_a_file_system_that_is_away_for_half_an_hour_does_not_end_a_driver_and_is_told_of_once(
    cluster: ScriptedCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = Unreachable(cluster.clock)
    away.away_s = (3.0, 1800.0)
    trials = run(MemoryStore(cluster.clock), tmp_path, away, trials=4)
    assert [[attempt.state for attempt in trial.attempts] for trial in trials] == [[AttemptState.COMPLETED]] * 4
    told = f"the trainings go on while {tmp_path / 'specimen'} is out of reach: [Errno 116] Stale file handle"
    assert caplog.text.count(told) == 1


def test_a_file_system_that_stays_away_ends_the_driver_and_costs_no_trial_anything(
    cluster: ScriptedCluster, tmp_path: Path
) -> None:
    away, store = Unreachable(cluster.clock), MemoryStore(cluster.clock)
    away.away_s = (3.0, 2 * OUTAGE_S)
    with pytest.raises(OSError, match="Stale file handle"):
        make_loop(store, tmp_path, away, trials=4).run()
    assert OUTAGE_S < cluster.clock.elapsed - LONG_UP_S < OUTAGE_S + 60.0
    away.away_s = (0.0, 0.0)
    trials = run(store, tmp_path, away, trials=4)
    assert [[attempt.state for attempt in trial.attempts] for trial in trials] == [[AttemptState.COMPLETED]] * 4


class StuckCluster(ScriptedCluster):
    """A queue that lets one wait for the end of every job, and never ends one that shows no sign of life."""

    longest_step_s = 0.0
    _stepped = LONG_UP_S

    def __init__(self, clock: StepClock, courses: Mapping[tuple[int, int], Course]) -> None:
        """Say what the jobs do."""
        super().__init__(clock, courses)
        self.told: set[str] = set()

    def wait(self, seconds: float) -> None:
        """Note how long the driver was busy since it last waited."""
        self.longest_step_s = max(self.longest_step_s, self.clock.elapsed - self._stepped)
        super().wait(seconds)
        self._stepped = self.clock.elapsed

    def end_leftover(self, job: Job, *, grace_s: float) -> None:
        """Wait in vain."""
        self.told.add(job.name)
        self.clock.sleep(120.0)
        raise LivingJobError(job.name)


def test_jobs_that_no_queue_can_end_do_not_keep_the_driver_from_the_others(
    cluster: ScriptedCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = StuckCluster(cluster.clock, {(number, 1): Course(runs_s=1e9, beats=False) for number in range(8)})
    stuck.courses |= {(number, 2): Course(runs_s=1000.0) for number in range(8)}
    trials = run(MemoryStore(cluster.clock), tmp_path, stuck, trials=8, jobs=8)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 8
    assert stuck.longest_step_s <= 130.0
    assert "does not answer" not in caplog.text
    assert caplog.text.count("was told to remove it and still lists it; is its node down?") == len(stuck.told) > 0
