"""Jobs of one host on GPUs and CPUs of their own: real processes, devices that are none."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bohpo.campaign.given_devices import given_devices, read_devices, record_devices
from bohpo.cluster.device_cluster import DeviceCluster
from bohpo.cluster.devices import Device, Inventory, job_environment, lock_devices, read_claims
from bohpo.cluster.host import Host
from bohpo.cluster.protocol import Job, JobState
from bohpo.processes import ATTEMPT_DIRECTORY, CPUS, DRIVER_PID, pin_process
from bohpo.study import Cluster, Study
from bohpo.trainer import AttemptDirectory
from tests.cluster.fake_gpus import gpu, living

SEES = "import os; print(os.environ.get('CUDA_VISIBLE_DEVICES', 'all'), flush=True)"
WAITS = SEES + "; import time; time.sleep(600)"


def study_of(jobs: int = 1, threads: int | None = None, **cluster: Any) -> Study:
    parallel = {"jobs": jobs} if threads is None else {"jobs": jobs, "threads": threads}
    data = {"command": ["true"], "objective": {"direction": "minimize"}, "space": {}, "budget": {"trials": 1}}
    return Study.from_data({**data, "parallel": parallel}).on(Cluster.model_validate(cluster))


def host_of(*devices: Device, cpus: frozenset[int] | None = None) -> Host:
    return Host(Inventory(devices), frozenset(os.sched_getaffinity(0)) if cpus is None else cpus)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., DeviceCluster]]:
    with contextlib.ExitStack() as stack:

        def made(study: Study, *devices: Device) -> DeviceCluster:
            cluster = DeviceCluster(study, host_of(*devices), lock=tmp_path / "lock")
            return stack.enter_context(contextlib.closing(cluster))

        yield made


def job(folder: Path, code: str, name: str) -> Job:
    name = f"{folder.name}-{name}"
    return Job(name, (sys.executable, "-c", code), folder / f"{name}.log", {ATTEMPT_DIRECTORY: str(folder / name)})


def seen_by(folder: Path, name: str) -> str:
    log = folder / f"{folder.name}-{name}.log"
    wait_until(lambda: log.exists() and log.read_text().endswith("\n"))
    return log.read_text().strip()


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def state(cluster: DeviceCluster, job_id: str) -> JobState:
    return cluster.look([job_id])[job_id].state


def test_every_job_sees_a_gpu_of_its_own(make: Callable[..., DeviceCluster], tmp_path: Path) -> None:
    cluster = make(study_of(4, gpus=1), *(gpu(i) for i in range(4)))
    for name in "abcd":
        cluster.submit(job(tmp_path, WAITS, name))
    assert sorted(seen_by(tmp_path, name) for name in "abcd") == ["0", "1", "2", "3"]


def test_a_data_parallel_job_sees_several(make: Callable[..., DeviceCluster], tmp_path: Path) -> None:
    cluster = make(study_of(2, gpus=2), *(gpu(i) for i in range(4)))
    for name in "ab":
        cluster.submit(job(tmp_path, WAITS, name))
    assert [seen_by(tmp_path, name) for name in "ab"] == ["0,1", "2,3"]


def test_two_jobs_share_a_gpu_when_each_takes_half(make: Callable[..., DeviceCluster], tmp_path: Path) -> None:
    cluster = make(study_of(4, gpus=0.5), gpu(0), gpu(1))
    for name in "abcd":
        cluster.submit(job(tmp_path, WAITS, name))
    assert [seen_by(tmp_path, name) for name in "abcd"] == ["0", "0", "1", "1"]


def test_gpus_are_hidden_by_0_and_left_alone_where_the_key_is_left_out(
    make: Callable[..., DeviceCluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    make(study_of(gpus=0), gpu(0)).submit(job(tmp_path, f"{SEES}; print('.')", "hidden"))
    make(study_of(), gpu(0)).submit(job(tmp_path, SEES, "as-it-is"))
    assert seen_by(tmp_path, "hidden") == "."
    assert seen_by(tmp_path, "as-it-is") == "5"


def test_a_job_waits_for_a_free_gpu_and_starts_when_one_is(make: Callable[..., DeviceCluster], tmp_path: Path) -> None:
    cluster = make(study_of(2, gpus=1), gpu(0))
    first, second = cluster.submit(job(tmp_path, WAITS, "a")), cluster.submit(job(tmp_path, SEES, "b"))
    status = cluster.look([second])[second]
    assert status.state is JobState.QUEUED
    assert f"owned by {tmp_path.name}-a" in status.detail
    assert not (tmp_path / f"{tmp_path.name}-b.log").exists()
    assert cluster.find([f"{tmp_path.name}-b"]) == {f"{tmp_path.name}-b": second}
    cluster.cancel(first)
    while state(cluster, second).is_alive:
        cluster.wait(600.0)
    assert seen_by(tmp_path, "b") == "0"


def test_jobs_that_wait_start_in_their_order(make: Callable[..., DeviceCluster], tmp_path: Path) -> None:
    cluster = make(study_of(3, gpus=1), gpu(0))
    first, second, third = (cluster.submit(job(tmp_path, WAITS, name)) for name in "abc")
    cluster.cancel(first)
    wait_until(lambda: state(cluster, second) is JobState.RUNNING)
    assert state(cluster, third) is JobState.QUEUED


def test_a_job_that_waits_can_be_cancelled_and_is_not_started(
    make: Callable[..., DeviceCluster], tmp_path: Path
) -> None:
    cluster = make(study_of(2, gpus=1), gpu(0))
    first, second = cluster.submit(job(tmp_path, WAITS, "a")), cluster.submit(job(tmp_path, SEES, "b"))
    cluster.cancel(second)
    assert state(cluster, second) is JobState.CANCELLED
    cluster.cancel(first)
    wait_until(lambda: not state(cluster, first).is_alive)
    assert not (tmp_path / f"{tmp_path.name}-b.log").exists()


def test_a_job_that_waits_and_cannot_start_then_is_told_as_failed(
    make: Callable[..., DeviceCluster], tmp_path: Path
) -> None:
    cluster = make(study_of(2, gpus=1), gpu(0))
    first = cluster.submit(job(tmp_path, WAITS, "a"))
    second = cluster.submit(Job("absent", ("no-such-program",), tmp_path / "absent.log"))
    cluster.cancel(first)
    wait_until(lambda: not state(cluster, second).is_alive)
    assert "no-such-program" in cluster.look([second])[second].detail


def test_a_driver_that_takes_over_leaves_the_gpu_to_a_job_that_lives_on(
    make: Callable[..., DeviceCluster], tmp_path: Path
) -> None:
    device = gpu(0)
    left = {"BOHPO_JOB": "left-over", ATTEMPT_DIRECTORY: str(tmp_path / "left"), **job_environment([device])}
    with living(**left) as survivor:
        cluster = make(study_of(gpus=1), device)
        waiting = cluster.submit(job(tmp_path, SEES, "a"))
        assert "owned by left-over" in cluster.look([waiting])[waiting].detail
        survivor.kill()
        survivor.wait()
        while state(cluster, waiting).is_alive:
            cluster.wait(0.05)
    assert seen_by(tmp_path, "a") == "0"


def test_a_gpu_is_owned_until_the_last_process_of_its_job_is_gone(
    make: Callable[..., DeviceCluster], tmp_path: Path
) -> None:
    cluster = make(study_of(gpus=1), gpu(0))
    code = (
        "import os, time, pathlib\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        f"    pathlib.Path({str(tmp_path / 'child')!r}).touch()\n"
        "    time.sleep(600)"
    )
    parent = cluster.submit(job(tmp_path, code, "a"))
    wait_until((tmp_path / "child").exists)
    wait_until(lambda: not state(cluster, parent).is_alive)
    waiting = cluster.submit(job(tmp_path, SEES, "b"))
    assert state(cluster, waiting) is JobState.QUEUED
    cluster.end_leftover(job(tmp_path, code, "a"), grace_s=0.0)
    wait_until(lambda: not state(cluster, waiting).is_alive)
    assert seen_by(tmp_path, "b") == "0"


def test_two_drivers_of_a_host_share_no_gpu_and_say_who_waits(
    make: Callable[..., DeviceCluster], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    devices = gpu(0), gpu(1)
    one, other = make(study_of(2, gpus=1), *devices), make(study_of(2, gpus=1), *devices)
    for cluster, name in ((one, "a"), (other, "b"), (one, "c"), (other, "d")):
        cluster.submit(job(tmp_path, WAITS, name))
    assert sorted(seen_by(tmp_path, name) for name in "ab") == ["0", "1"]
    assert list(tmp_path.glob("*-[cd].log")) == []
    assert f"jobs of other drivers own some: {tmp_path.name}-b" in caplog.text


def test_a_driver_that_hangs_with_the_lock_delays_others_and_stops_none(
    make: Callable[..., DeviceCluster], tmp_path: Path
) -> None:
    cluster = make(study_of(gpus=1), gpu(0))
    with lock_devices(tmp_path / "lock"):
        waiting = cluster.submit(job(tmp_path, SEES, "a"))
        assert state(cluster, waiting) is JobState.QUEUED
    wait_until(lambda: not state(cluster, waiting).is_alive)
    assert seen_by(tmp_path, "a") == "0"


def test_a_driver_inside_a_job_may_use_that_jobs_gpu(
    make: Callable[..., DeviceCluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, outer = gpu(0), str(tmp_path / "outer")
    with living(**{ATTEMPT_DIRECTORY: outer}, **job_environment([device])):
        monkeypatch.setenv(ATTEMPT_DIRECTORY, outer)
        cluster = make(study_of(gpus=1), device)
        assert state(cluster, cluster.submit(job(tmp_path, WAITS, "a"))) is JobState.RUNNING


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
def test_jobs_are_pinned_to_cpus_of_their_own_within_the_drivers(
    make: Callable[..., DeviceCluster], tmp_path: Path
) -> None:
    shown = f"import os; print(os.environ.get({CPUS!r}, 'any'), flush=True); import time; time.sleep(600)"
    first, second, *_ = sorted(os.sched_getaffinity(0))
    host = host_of(gpu(0), gpu(1), cpus=frozenset({first, second}))
    with contextlib.closing(DeviceCluster(study_of(2, cpus=1, gpus=1), host, lock=tmp_path / "lock")) as cluster:
        before = frozenset[int]().union(*(claim.cpus for claim in read_claims()))
        for name in "ab":
            cluster.submit(job(tmp_path, shown, name))
        if not before & {first, second}:  # no other campaign of this host has pinned its jobs there
            assert sorted(seen_by(tmp_path, name) for name in "ab") == sorted([str(first), str(second)])


def test_jobs_with_more_cpus_than_there_are_share_them(make: Callable[..., DeviceCluster], tmp_path: Path) -> None:
    shown = f"import os; print(os.environ.get({CPUS!r}, 'any'))"
    cpus = len(os.sched_getaffinity(0))
    cluster = make(study_of(2, cpus=cpus))
    for name in "ab":
        cluster.submit(job(tmp_path, shown, name))
    assert [seen_by(tmp_path, name) for name in "ab"] == ["any", "any"]


def test_cpus_near_the_gpu_are_preferred_where_none_are_named(tmp_path: Path) -> None:
    near = frozenset({min(os.sched_getaffinity(0))})
    shown = "import os; print(os.environ['BOHPO_NEAR_CPUS'], os.environ.get('BOHPO_CPUS'))"
    study = study_of(len(os.sched_getaffinity(0)), gpus=1)  # a thread each
    host = host_of(*(gpu(i, node=0, cpus=near) for i in range(study.jobs)))
    with contextlib.closing(DeviceCluster(study, host, lock=tmp_path / "lock")) as cluster:
        cluster.submit(job(tmp_path, shown, "a"))
        assert seen_by(tmp_path, "a") == f"{min(near)} None"


def test_a_process_is_pinned_with_all_that_it_starts() -> None:
    cpu = min(os.sched_getaffinity(0))
    code = (
        "import os, subprocess, sys\nfrom bohpo.processes import pin_process\npin_process(os.environ)\n"
        "shown = 'import os; print(os.sched_getaffinity(0))'\nsubprocess.run([sys.executable, '-c', shown])"
    )
    env = {**os.environ, CPUS: str(cpu)}
    done = subprocess.run((sys.executable, "-c", code), env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"{{{cpu}}}\n"
    before = os.sched_getaffinity(0)
    pin_process({})
    assert os.sched_getaffinity(0) == before


def test_wall_time_interpreter_and_set_up_lines_hold_on_one_host_too(
    make: Callable[..., DeviceCluster], tmp_path: Path
) -> None:
    python = tmp_path / "python with a space"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    setup = ["export GREETING='good morning'", "cd /"]
    cluster = make(study_of(wall_time="01:00:00", python=str(python), setup=setup))
    shown = "import os; print(os.environ['BOHPO_WALL_SECONDS'], os.environ['GREETING'], os.getcwd(), os.getppid())"
    cluster.submit(job(tmp_path, shown, "a"))
    assert seen_by(tmp_path, "a") == f"3600 good morning / {os.getpid()}"  # the worker's parent is its driver


def test_a_leftover_with_another_interpreter_is_asked_before_it_is_killed(
    make: Callable[..., DeviceCluster], tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('asked', flush=True), sys.exit(0)))\n"
        "print('ready', flush=True)\ntime.sleep(600)"
    )
    cluster, left = make(study_of(python=str(python))), job(tmp_path, code, "a")
    cluster.submit(left)
    assert seen_by(tmp_path, "a") == "ready"
    cluster.end_leftover(left, grace_s=60.0)
    assert seen_by(tmp_path, "a") == "ready\nasked"


# -- what an attempt was given -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "devices"),
    [
        ({"BOHPO_DEVICES": "0=GPU-a,3=GPU-b", "CUDA_VISIBLE_DEVICES": "9"}, ("0", "3")),
        ({DRIVER_PID: "1", "CUDA_VISIBLE_DEVICES": "0,1"}, ()),  # shared with all that run here
        ({"CUDA_VISIBLE_DEVICES": "0,1"}, ("0", "1")),
        ({"SLURM_JOB_GPUS": "2,3", "CUDA_VISIBLE_DEVICES": "0,1"}, ("2", "3")),
        ({"ROCR_VISIBLE_DEVICES": "1"}, ("1",)),
        ({"SGE_HGR_gpu": "gpu0 gpu1"}, ("gpu0", "gpu1")),
        ({"CUDA_VISIBLE_DEVICES": ""}, ()),
        ({}, ()),
    ],
)
def test_a_worker_writes_down_which_gpus_its_job_has(
    tmp_path: Path, environment: dict[str, str], devices: tuple[str, ...]
) -> None:
    attempt = AttemptDirectory(tmp_path)
    assert given_devices(environment) == devices
    record_devices(attempt, environment)
    assert read_devices(attempt) == devices
    assert attempt.devices.exists() is bool(devices)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[1]", b'["\\u0000"]', b'["\\ud800"]', b"[" * 100_000, b"\xff"])
def test_a_file_that_a_trainer_spoilt_names_no_gpus(tmp_path: Path, content: bytes) -> None:
    attempt = AttemptDirectory(tmp_path)
    attempt.devices.write_bytes(content)
    assert read_devices(attempt) == ()


def test_a_pipe_or_a_link_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    attempt = AttemptDirectory(tmp_path)
    os.mkfifo(attempt.devices)
    assert read_devices(attempt) == ()
    attempt.devices.unlink()
    attempt.devices.symlink_to(attempt.devices)
    assert read_devices(attempt) == ()
