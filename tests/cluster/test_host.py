"""Whether a study's jobs fit a host, how many do, and what their user is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bohpo.cluster.devices import Inventory
from bohpo.cluster.host import Host, fit_jobs, notices, pins_cpus, settle_on_host
from bohpo.errors import StudyError
from bohpo.service.checking import examined
from bohpo.service.plan import plan_of
from bohpo.study import Settled, Study, settle
from tests.cluster.fake_gpus import gpu, instances_of, make_nvidia_smi, path_with

BASE = {"command": ["true"], "objective": {"direction": "minimize"}, "space": {}, "budget": {"trials": 1}}


def settled_of(jobs: int | str = 1, *, threads: int | None = None, processes: int = 1, **cluster: Any) -> Settled:
    parallel = {"jobs": jobs} if threads is None else {"jobs": jobs, "threads": threads}
    data = {**BASE, "parallel": parallel, "cluster": cluster}
    if processes > 1:
        data = {**data, "trainer": "trainers.aneurysm:train", "training": {"processes": processes}}
        del data["command"]
    return settle(Study.from_data(data), environment={"HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"})


def host_of(gpus: int, cpus: int = 16, problem: str = "", instances: int = 0) -> Host:
    devices = tuple(gpu(i) for i in range(gpus))
    return Host(Inventory(devices + instances_of(gpu(9), instances), problem), frozenset(range(cpus)))


@pytest.mark.parametrize(
    ("cluster", "host", "jobs"),
    [
        ({"gpus": 1}, host_of(4), 4),
        ({"gpus": 2}, host_of(5), 2),
        ({"gpus": 0.5}, host_of(3), 6),
        ({"gpus": 0.3}, host_of(2), 6),
        ({"gpus": 0.7}, host_of(2), 2),
        ({"gpus": 1, "cpus": 8}, host_of(4), 2),
        ({"gpus": 1}, host_of(1, instances=7), 8),
        ({"gpus": 0, "cpus": 4}, host_of(4), 4),
        ({"cpus": 3}, host_of(0), 5),
        ({"cpus": 32}, host_of(0), 1),
        ({}, host_of(0), 16),
    ],
)
def test_auto_is_as_many_jobs_as_fit(cluster: dict[str, Any], host: Host, jobs: int) -> None:
    settled = settle_on_host(settled_of("auto", **cluster), host)
    assert settled.study.jobs == jobs
    assert 'jobs = "auto"' in settled.study.text
    assert settled.study.hash == settled_of("auto", **cluster).study.hash


def test_a_number_of_jobs_stays_what_it_is() -> None:
    assert fit_jobs(settled_of(3, gpus=1).study, host_of(8)).jobs == 3


@pytest.mark.parametrize(
    ("jobs", "gpus", "host", "told"),
    [
        (4, 1, host_of(2), "cluster.gpus: 1 for each of parallel.jobs = 4 jobs are too many: this host has 2 GPUs"),
        (4, 1, host_of(2), 'set parallel.jobs to 2 or "auto", or a smaller cluster.gpus such as 0.5'),
        (5, 0.5, host_of(2), "0.5 for each of parallel.jobs = 5 jobs"),
        (1, 3, host_of(2), "3 are too many: this host has 2 GPUs for them; set cluster.gpus to 2 or less"),
        (1, 2, host_of(0, instances=4), "a process sees one MIG instance at most"),
        (1, 1, host_of(0), "this host has 0 GPUs for them; see `bohpo doctor`; set cluster.gpus = 0"),
        (1, 1, host_of(0, problem="nvidia-smi did not answer within 15 s"), "(nvidia-smi did not answer within 15 s)"),
        ("auto", 1, host_of(0), "1 are too many: this host has 0 GPUs"),
        ("auto", None, host_of(4), '"auto" needs to know how many of the 4 GPUs here each job takes'),
    ],
)
def test_jobs_that_need_more_gpus_than_the_host_has_are_refused(
    jobs: int | str, gpus: float | None, host: Host, told: str
) -> None:
    cluster: dict[str, Any] = {} if gpus is None else {"gpus": gpus}
    with pytest.raises(StudyError) as refused:
        settle_on_host(settled_of(jobs, **cluster), host)
    assert told in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("gpus", "told"),
    [
        (1.5, "cluster.gpus: 1.5 GPUs are neither a whole number nor a share of one; write 1, 2 ..., or 0.01 to 0.99"),
        (0.001, "cluster.gpus: 0.001 GPUs are neither"),
        (float("inf"), "cluster.gpus: inf GPUs are neither"),
        (float("nan"), "cluster.gpus: nan GPUs are neither"),
        (-0.5, "cluster.gpus: -0.5 is out of range; write a number >= 0"),
        ("two", 'cluster.gpus: "two" is no number of GPUs'),
        (True, "cluster.gpus: true is no number of GPUs"),
    ],
)
def test_what_is_no_number_of_gpus_is_refused(gpus: object, told: str) -> None:
    with pytest.raises(StudyError) as refused:
        settled_of(gpus=gpus)
    assert str(refused.value).startswith(told)


@pytest.mark.parametrize("backend", ["slurm", "pbs", "sge", "lsf", "htcondor", "oar", "moab"])
def test_a_queue_gives_whole_gpus_and_counts_no_jobs_of_this_host(backend: str) -> None:
    with pytest.raises(StudyError, match=f"cluster.gpus: {backend} gives a job whole GPUs, not 0.5 of one"):
        settled_of(backend=backend, gpus=0.5)
    with pytest.raises(StudyError, match=f'parallel.jobs: "auto" .* {backend} run elsewhere; write a number'):
        settled_of("auto", backend=backend, gpus=1)


def test_a_share_of_a_gpu_may_come_from_the_environment() -> None:
    named = {"XDG_CONFIG_HOME": "/nonexistent", "BOHPO_CLUSTER_GPUS": "0.5"}
    assert settle(Study.from_data(BASE), environment=named).study.cluster.gpus == 0.5
    with pytest.raises(StudyError, match=r"BOHPO_CLUSTER_GPUS: 1.5 GPUs are neither"):
        settle(Study.from_data(BASE), environment={**named, "BOHPO_CLUSTER_GPUS": "1.5"})


def test_a_number_of_jobs_that_nobody_worked_out_is_an_error_and_no_guess() -> None:
    with pytest.raises(StudyError, match=r'parallel.jobs: "auto" is a number only on the host that runs the jobs'):
        _ = settled_of("auto", gpus=1).study.jobs


def test_jobs_are_pinned_where_all_find_room() -> None:
    assert pins_cpus(settled_of(4, cpus=4).study, frozenset(range(16))) == 4
    assert pins_cpus(settled_of(4, threads=2, cpus=8).study, frozenset(range(16))) == 2
    assert pins_cpus(settled_of(5, cpus=4).study, frozenset(range(16))) is None
    assert pins_cpus(settled_of(4).study, frozenset(range(16))) is None


def test_cpus_of_a_local_job_are_its_threads() -> None:
    assert settled_of(4, cpus=3).study.threads == 3


def told_of(settled: Settled) -> list[str]:
    return [str(notice) for notice in notices(settled)]


def test_gpus_that_all_jobs_share_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_nvidia_smi(tmp_path / "bin", 4)
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    (told,) = told_of(settled_of(4))
    assert told.startswith("cluster.gpus: 4 GPUs here, and all jobs share them; set cluster.gpus = 1")
    assert told_of(settled_of(4, gpus=1)) == told_of(settled_of(4, gpus=0)) == told_of(settled_of(1)) == []


def test_more_processes_than_gpus_are_told_on_every_backend() -> None:
    for backend in ("local", "slurm"):
        told = told_of(settled_of(processes=4, backend=backend, gpus=2))
        assert "training.processes: a training of 4 processes has 2 GPUs, and each needs its own" in told[0]
    assert told_of(settled_of(processes=2, backend="slurm", gpus=2)) == []


def test_more_cpus_than_there_are_are_told() -> None:
    (told,) = told_of(settled_of(2, cpus=100_000))
    assert told.startswith("cluster.cpus: 2 jobs with 100000 each are more than the ")
    (told,) = told_of(settled_of(2, threads=100_000))
    assert told.startswith("parallel.threads: ")


def test_a_study_that_is_sent_to_the_service_is_held_against_its_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_nvidia_smi(tmp_path / "bin", 2)
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    data = {**BASE, "cluster": {"gpus": 1}}
    (mistake,), settled = examined(Study.from_data({**data, "parallel": {"jobs": 3}}))
    assert (mistake.key, settled) == ("cluster.gpus", None)
    nothing, fitted = examined(Study.from_data({**data, "parallel": {"jobs": "auto"}}))
    assert nothing == () and fitted is not None and fitted.study.jobs == 2
    plan = plan_of(fitted, "c", tmp_path)
    assert (plan["jobs"], plan["gpus_of_jobs"]) == (2, [["0"], ["1"]])
