"""What a trainer leaves in place of its files costs one trial at most, and no driver waits for it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bohpo.campaign.reach import FILES_PATIENCE_S
from bohpo.cluster.protocol import JobState
from bohpo.regular_files import MOST_BYTES
from bohpo.simulation.store import MemoryStore
from bohpo.store import Store
from bohpo.trainer import AttemptDirectory
from bohpo.trial import AttemptState, Trial, TrialState
from tests.campaign.scripted import Course, ScriptedCluster, StepClock, nothing, say, succeed
from tests.campaign.test_deaths import few_steps, make_loop, run
from tests.unreadable import DamagedFiles

assert few_steps

TRIALS = 4


@pytest.fixture
def cluster() -> ScriptedCluster:
    return ScriptedCluster(StepClock())


@pytest.fixture
def store(cluster: ScriptedCluster) -> Store:
    return MemoryStore(cluster.clock)


def link_loop(path: Path) -> None:
    path.symlink_to(path.name)


def link(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_text('{"value": 0.5, "metrics": {"score": 0.5}}')
    path.symlink_to(target)


def listening_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def device(path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root makes devices")
    os.mknod(path, 0o20666, os.makedev(1, 5))  # /dev/zero, which never ends


def gigantic(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


def others_complete(trials: list[Trial]) -> None:
    assert [trial.state for trial in trials] == [TrialState.FAILED] + [TrialState.COMPLETE] * (TRIALS - 1)


@pytest.mark.parametrize("has_last_word", [True, False])
@pytest.mark.parametrize(
    ("put", "why"),
    [
        (link_loop, "it is a symbolic link"),
        (link, "it is a symbolic link"),
        (os.mkfifo, "it is a named pipe"),
        (listening_socket, "it is a socket"),
        (device, "it is a device"),
        (gigantic, f"it is longer than {MOST_BYTES:,} bytes"),
        (Path.mkdir, "Is a directory"),
    ],
)
def test_what_is_no_outcome_fails_its_trial_at_once(
    store: Store,
    tmp_path: Path,
    cluster: ScriptedCluster,
    put: Callable[[Path], None],
    why: str,
    *,
    has_last_word: bool,
) -> None:
    def leave(files: AttemptDirectory) -> None:
        put(files.outcome)
        if has_last_word:
            say(AttemptState.COMPLETED)(files)

    cluster.courses[0, 1] = Course(leaves=leave)
    trials = run(store, tmp_path, cluster, trials=TRIALS)
    if has_last_word:
        others_complete(trials)
        assert trials[0].reason.startswith(f"invalid-outcome: outcome.json cannot be read: {why}")
    else:  # nobody said that the trainer was through
        assert [attempt.state for attempt in trials[0].attempts] == [AttemptState.LOST, AttemptState.COMPLETED]
    assert cluster.clock.elapsed < FILES_PATIENCE_S


@pytest.mark.parametrize("put", [os.mkfifo, link_loop, listening_socket])
def test_pipes_and_links_in_place_of_all_other_files_are_not_waited_for(
    store: Store, tmp_path: Path, cluster: ScriptedCluster, put: Callable[[Path], None]
) -> None:
    def leave(files: AttemptDirectory) -> None:
        succeed(files)
        for name in ("progress.jsonl", "log.txt", "worker.log", "config.json", "heartbeat", "closed", "model"):
            (files.path / name).unlink(missing_ok=True)
            put(files.path / name)
        files.checkpoint.mkdir()
        put(files.checkpoint / "step-000000000001.ckpt")

    cluster.courses[0, 1] = Course(leaves=leave)
    trials = run(store, tmp_path, cluster, trials=TRIALS)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * TRIALS


@pytest.mark.parametrize("name", ["ended.json", "attempt.json"])
@pytest.mark.parametrize("put", [os.mkfifo, link_loop])
def test_without_the_last_word_or_the_task_another_attempt_is_made(
    store: Store, tmp_path: Path, cluster: ScriptedCluster, name: str, put: Callable[[Path], None]
) -> None:
    def leave(files: AttemptDirectory) -> None:
        (files.path / name).unlink(missing_ok=True)
        put(files.path / name)

    cluster.courses[0, 1] = Course(leaves=leave)
    trials = run(store, tmp_path, cluster, trials=TRIALS)
    assert [attempt.state for attempt in trials[0].attempts] == [AttemptState.LOST, AttemptState.COMPLETED]


@pytest.mark.parametrize("name", ["outcome.json", "ended.json", "attempt.json"])
def test_a_file_that_stays_unreadable_fails_its_trial_alone(
    store: Store, tmp_path: Path, cluster: ScriptedCluster, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    damaged = DamagedFiles(monkeypatch)

    def leave(files: AttemptDirectory) -> None:
        succeed(files)
        damaged.paths.add(files.path / name)

    cluster.courses[0, 1] = Course(leaves=leave)
    trials = run(store, tmp_path, cluster, trials=TRIALS)
    others_complete(trials)
    assert f"{name} cannot be read: Input/output error, for 30" in trials[0].reason
    assert FILES_PATIENCE_S < cluster.clock.elapsed < FILES_PATIENCE_S + 60.0


def test_a_file_is_waited_for_as_long_as_the_whole_folder_is_out_of_reach(
    store: Store, tmp_path: Path, cluster: ScriptedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = DamagedFiles(monkeypatch)

    def leave(files: AttemptDirectory) -> None:
        succeed(files)
        damaged.paths |= {files.outcome, tmp_path / "specimen/study.toml"}

    def mend() -> None:
        if cluster.clock.elapsed > 4 * FILES_PATIENCE_S:
            damaged.paths.clear()

    cluster.courses[0, 1], cluster.each_wait = Course(leaves=leave), mend
    trials = run(store, tmp_path, cluster, trials=TRIALS)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * TRIALS
    assert [len(trial.attempts) for trial in trials] == [1] * TRIALS


def test_a_campaigns_folder_that_is_not_mounted_loses_no_attempt(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    home, away = tmp_path / "specimen", tmp_path / "not mounted"
    loop = make_loop(store, tmp_path, cluster, trials=1)
    unmounted: list[float] = []

    def unmount_and_mount() -> None:
        is_gone = all(not entry.status.state.is_alive for entry in cluster.entries.values())
        if cluster.entries and is_gone and not unmounted:
            home.rename(away)
            unmounted.append(cluster.clock.elapsed)
        if unmounted and away.exists() and cluster.clock.elapsed - unmounted[0] > 120.0:
            away.rename(home)

    cluster.each_wait = unmount_and_mount
    loop.run()
    [trial] = store.trials("specimen")
    assert [attempt.state for attempt in trial.attempts] == [AttemptState.COMPLETED]


def test_an_attempts_path_that_is_taken_by_something_else_is_cleared(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    def leave_traps(files: AttemptDirectory) -> None:
        files.path.with_name("attempt-2").symlink_to("attempt-2")
        os.mkfifo(files.path.parents[1] / "2")
        nothing(files)

    cluster.courses[0, 1] = Course(leaves=leave_traps)
    trials = run(store, tmp_path, cluster, trials=TRIALS)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * TRIALS


def test_a_worker_out_of_the_drivers_sight_is_told_by_its_heartbeat(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    """As one of this host is that an earlier driver started in another container."""
    cluster.courses[0, 1] = Course(state=JobState.NODE_FAILED, outlives_s=200.0)
    cluster.courses[1, 1] = Course(state=JobState.NODE_FAILED, leaves=nothing)
    loop = make_loop(store, tmp_path, cluster, trials=2)
    loop._jobs._may_outlive = loop._leaves_jobs = False
    loop.run()
    states = [[attempt.state for attempt in trial.attempts] for trial in store.trials("specimen")]
    assert states == [[AttemptState.COMPLETED], [AttemptState.LOST, AttemptState.COMPLETED]]
