"""Jobs of this host: a process id means something only where it was given."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from bohpo.cluster.local import OUT_OF_SIGHT, RUNS, LocalCluster, _here
from bohpo.cluster.protocol import JobState
from bohpo.processes import process_started


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(("sleep", "1000")) as started:
        yield started
        started.kill()


def test_a_job_of_an_earlier_driver_here_is_seen_and_asked_to_stop(process: subprocess.Popen[bytes]) -> None:
    job = f"{process.pid}-{process_started(process.pid)}-{_here()}"
    assert LocalCluster().look([job]) == {job: RUNS}
    LocalCluster().cancel(job)
    process.wait()
    assert LocalCluster().look([job])[job].state is JobState.GONE


def test_a_job_of_another_host_or_container_is_out_of_sight_and_no_stranger_is_killed(
    process: subprocess.Popen[bytes],
) -> None:
    job = f"{process.pid}-{process_started(process.pid)}-0badcafe"
    assert LocalCluster().look([job]) == {job: OUT_OF_SIGHT}
    LocalCluster().cancel(job)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)


@pytest.mark.parametrize("job", ["1234", "1234.server", "12-x-y", "", "a-b", "1-2-3-4", "1234_7", "9999999-1"])
def test_what_a_queue_called_a_job_is_gone(job: str) -> None:
    assert LocalCluster().look([job])[job].state is JobState.GONE


def test_an_id_of_an_older_version_is_understood(process: subprocess.Popen[bytes]) -> None:
    job = f"{process.pid}-{process_started(process.pid)}"
    assert LocalCluster().look([job]) == {job: RUNS}
