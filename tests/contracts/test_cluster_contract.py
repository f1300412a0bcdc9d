"""What the loop expects of any cluster, over every implementation."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bohpo.cluster.device_cluster import DeviceCluster
from bohpo.cluster.devices import Inventory
from bohpo.cluster.host import Host
from bohpo.cluster.local import LocalCluster
from bohpo.cluster.protocol import Cluster, Job, JobState
from bohpo.errors import QueueError
from bohpo.processes import ATTEMPT_DIRECTORY, process_started
from bohpo.study import Cluster as ClusterTable
from bohpo.study import Study
from tests.cluster.fake_gpus import gpu


def _on_devices() -> Cluster:
    data = {"command": ["true"], "objective": {"direction": "minimize"}, "space": {}, "budget": {"trials": 1}}
    study = Study.from_data(data).on(ClusterTable(gpus=1))
    return DeviceCluster(study, Host(Inventory(tuple(gpu(i) for i in range(4))), frozenset({0})))


IMPLEMENTATIONS: dict[str, Callable[[], Cluster]] = {"local": LocalCluster, "devices": _on_devices}


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with contextlib.closing(IMPLEMENTATIONS[request.param]()) as made:
        yield made


def job(folder: Path, code: str, name: str = "c-0-1") -> Job:
    return Job(name, (sys.executable, "-c", code), folder / f"{name}.log", {ATTEMPT_DIRECTORY: str(folder / name)})


def is_alive(cluster: Cluster, job_id: str) -> bool:
    return cluster.look([job_id])[job_id].state.is_alive


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_a_job_is_alive_until_it_ends(cluster: Cluster, tmp_path: Path) -> None:
    short = cluster.submit(job(tmp_path, "print('done')", "c-0-1"))
    long = cluster.submit(job(tmp_path, "import time; time.sleep(600)", "c-1-1"))
    assert short != long
    wait_until(lambda: not is_alive(cluster, short))
    assert is_alive(cluster, long)
    assert (tmp_path / "c-0-1.log").read_text() == "done\n"


def test_wait_returns_when_a_job_ends(cluster: Cluster, tmp_path: Path) -> None:
    job_id = cluster.submit(job(tmp_path, "pass"))
    while is_alive(cluster, job_id):
        cluster.wait(600.0)


def test_a_job_is_found_by_its_name_while_it_lives_whoever_submitted_it(cluster: Cluster, tmp_path: Path) -> None:
    job_id = cluster.submit(job(tmp_path, "import time; time.sleep(600)", "c-0-1"))
    ended = cluster.submit(job(tmp_path, "pass", "c-1-1"))
    wait_until(lambda: not is_alive(cluster, ended))
    with contextlib.closing(IMPLEMENTATIONS["local"]()) as another:
        wait_until(lambda: bool(another.find(["c-0-1"])))
        assert another.find(["c-0-1", "c-1-1", "c-2-1"]) == {"c-0-1": job_id}
        assert is_alive(another, job_id)


def test_a_job_that_never_was_is_gone(cluster: Cluster) -> None:
    assert cluster.look(["1-1"])["1-1"].state is JobState.GONE


def test_a_cancelled_job_is_asked_to_stop(cluster: Cluster, tmp_path: Path) -> None:
    code = (
        "import signal, sys, time, pathlib\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('stopping', flush=True), sys.exit(0)))\n"
        f"pathlib.Path({str(tmp_path / 'ready')!r}).touch()\n"
        "time.sleep(600)"
    )
    job_id = cluster.submit(job(tmp_path, code))
    wait_until((tmp_path / "ready").exists)
    cluster.cancel(job_id)
    wait_until(lambda: not is_alive(cluster, job_id))
    assert (tmp_path / "c-0-1.log").read_text() == "stopping\n"
    cluster.cancel(job_id)


def test_a_job_that_cannot_start_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(QueueError, match="no-such-program"):
        cluster.submit(Job("c-0-1", ("no-such-program",), tmp_path / "log"))


def test_jobs_see_their_environment(cluster: Cluster, tmp_path: Path) -> None:
    job_id = cluster.submit(job(tmp_path, f"import os; print(os.environ[{ATTEMPT_DIRECTORY!r}])"))
    wait_until(lambda: not is_alive(cluster, job_id))
    assert (tmp_path / "c-0-1.log").read_text() == f"{tmp_path / 'c-0-1'}\n"


def test_what_an_earlier_driver_left_is_ended_with_all_its_children(cluster: Cluster, tmp_path: Path) -> None:
    code = (
        "import os, signal, time, pathlib\n"
        "signal.signal(signal.SIGTERM, lambda *_: os._exit(0))\n"
        "if os.fork() == 0: os.setsid()\n"
        f"pathlib.Path({str(tmp_path)!r}, f'pid-{{os.getpid()}}').touch()\n"
        "time.sleep(600)"
    )
    left = job(tmp_path, code)
    other = cluster.submit(job(tmp_path, "import time; time.sleep(600)", "c-1-1"))
    with contextlib.closing(IMPLEMENTATIONS["local"]()) as earlier:
        job_id = earlier.submit(left)
        wait_until(lambda: len(list(tmp_path.glob("pid-*"))) == 2)
        cluster.end_leftover(left, grace_s=10.0)
        assert not is_alive(cluster, job_id)
        assert is_alive(cluster, other)
        for path in tmp_path.glob("pid-*"):
            assert process_started(int(path.name.removeprefix("pid-"))) is None


def test_closing_ends_all_jobs(tmp_path: Path) -> None:
    for make in IMPLEMENTATIONS.values():
        cluster = make()
        job_id = cluster.submit(job(tmp_path, "import time; time.sleep(600)"))
        cluster.close()
        assert not is_alive(cluster, job_id)
