"""The same jobs on a real Slurm and a real Grid Engine."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bohpo.cluster.factory import make_queue_cluster
from bohpo.cluster.protocol import Cluster, Job, JobState
from bohpo.errors import QueueError
from bohpo.processes import ATTEMPT_DIRECTORY
from tests.cluster.requests import settings_of

WORKER = """
import os, signal, subprocess, sys, time
folder = os.environ["BOHPO_DIRECTORY"]
def note(name):
    open(os.path.join(folder, name), "w").close()
def stop(*_):
    time.sleep(1)
    if loader.poll() is None:
        note("saved-with-its-loader")
    loader.kill()
    sys.exit(75)
loader = subprocess.Popen((sys.executable, "-c", "import time; time.sleep(600)"), start_new_session=True)
signal.signal(signal.SIGTERM, stop)
print(os.environ.get("BOHPO_STORE"), os.environ["BOHPO_WALL_SECONDS"], flush=True)
note("at-work")
time.sleep(float(sys.argv[1]))
loader.kill()
"""


@pytest.fixture(
    params=[pytest.param("slurm", marks=pytest.mark.slurm), pytest.param("sge", marks=pytest.mark.grid_engine)]
)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    request.getfixturevalue("slurm" if request.param == "slurm" else "grid_engine")
    monkeypatch.setenv("BOHPO_STORE", "postgresql://user:canary@host/database")  # the queue's daemons have not seen it
    return str(request.param)


def cluster_of(backend: str, folder: Path, attempts: int = 1, **settings: str) -> Cluster:
    table = settings_of(backend, wall_time="00:20:00", gpus=1, memory="100MB", attempts_per_job=attempts, **settings)
    return make_queue_cluster(table, folder)


def attempt(tmp_path: Path, number: int, seconds: float) -> Job:
    folder = tmp_path / f"trials/{number}/attempt-1"
    folder.mkdir(parents=True)
    (folder / "worker.py").write_text(WORKER)
    command = (sys.executable, str(folder / "worker.py"), str(seconds))
    name = f"7-{tmp_path.name}-with-a-name-longer-than-queues-like-to-show-{number}-1-0123abcd"
    return Job(name, command, folder / "worker.log", {ATTEMPT_DIRECTORY: str(folder)})


def noted(job: Job, name: str) -> bool:
    return (Path(job.environment[ATTEMPT_DIRECTORY]) / name).exists()


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.2)


def wait_for(cluster: Cluster, job_id: str, state: JobState) -> None:
    wait_until(lambda: cluster.look([job_id])[job_id].state is state)


def test_a_job_runs_to_its_end_and_is_found_by_its_name_until_then(backend: str, tmp_path: Path) -> None:
    cluster = cluster_of(backend, tmp_path)
    short, long = attempt(tmp_path, 0, 0.1), attempt(tmp_path, 1, 600)
    ids = [cluster.submit(job) for job in (short, long)]
    wait_for(cluster, ids[0], JobState.GONE)
    wait_for(cluster, ids[1], JobState.RUNNING)
    assert cluster_of(backend, tmp_path).find([short.name, long.name]) == {long.name: ids[1]}
    store, seconds = short.log.read_text().split()
    assert store == "None"
    assert 0 < int(seconds) <= 1200
    assert "canary" not in short.log.with_suffix(".sh").read_text()


def test_a_cancelled_jobs_worker_has_time_to_save_and_its_loaders_live_meanwhile(backend: str, tmp_path: Path) -> None:
    cluster = cluster_of(backend, tmp_path)
    job = attempt(tmp_path, 0, 600)
    job_id = cluster.submit(job)
    wait_until(lambda: noted(job, "at-work"))
    wait_for(cluster, job_id, JobState.RUNNING)
    cluster.cancel(job_id)
    wait_until(lambda: not cluster.look([job_id])[job_id].state.is_alive)
    assert noted(job, "saved-with-its-loader")


@pytest.mark.parametrize("grace_s", [30.0, 0.0])
def test_a_leftover_is_gone_when_it_was_ended(backend: str, tmp_path: Path, grace_s: float) -> None:
    job = attempt(tmp_path, 0, 600)
    cluster_of(backend, tmp_path).submit(job)
    wait_until(lambda: noted(job, "at-work"))
    cluster = cluster_of(backend, tmp_path)
    cluster.end_leftover(job, grace_s=grace_s)
    assert cluster.find([job.name]) == {}


def test_a_queue_that_is_not_there_is_a_refusal_for_good(backend: str, tmp_path: Path) -> None:
    with pytest.raises(QueueError, match=r"nosuch|partition") as refused:
        cluster_of(backend, tmp_path, queue="nosuch").submit(attempt(tmp_path, 0, 1))
    assert refused.value.is_for_good


def test_attempts_share_a_job_and_one_of_them_is_stopped_alone(backend: str, tmp_path: Path) -> None:
    cluster = cluster_of(backend, tmp_path, attempts=3)
    jobs = [attempt(tmp_path, 0, 0.1), attempt(tmp_path, 1, 600), attempt(tmp_path, 2, 0.1)]
    ids = [cluster.submit(jobs[0])]
    wait_for(cluster, ids[0], JobState.GONE)
    ids.append(cluster.submit(jobs[1]))
    wait_until(lambda: noted(jobs[1], "at-work"))
    wait_for(cluster, ids[1], JobState.RUNNING)
    cluster.cancel(ids[1])
    wait_for(cluster, ids[1], JobState.GONE)
    assert noted(jobs[1], "saved-with-its-loader")
    ids.append(cluster.submit(jobs[2]))
    wait_for(cluster, ids[2], JobState.GONE)
    queue_id = ids[0].partition("/")[0]
    assert ids == [f"{queue_id}/1", f"{queue_id}/2", f"{queue_id}/3"]
