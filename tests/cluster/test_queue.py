"""Jobs of a queue that refuses, is slow, talks nonsense, or does not answer."""

from __future__ import annotations

import os
import pwd
from collections.abc import Collection
from pathlib import Path

import pytest

from bohpo.cluster import commands
from bohpo.cluster.backends import BACKENDS
from bohpo.cluster.commands import Printed
from bohpo.cluster.factory import make_queue_cluster
from bohpo.cluster.protocol import JobState
from bohpo.cluster.queue import GRACE_S, LISTING_S, QueueCluster
from bohpo.errors import QueueError
from tests.cluster.fake_slurm import FakeSlurm
from tests.cluster.requests import job_in, settings_of


class Clock:
    """A clock that goes on only while somebody sleeps."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.now = 0.0

    def monotonic(self) -> float:
        """Give the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the time go on."""
        self.now += seconds


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    fake = FakeSlurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{fake.bin}:{os.environ['PATH']}")
    return fake


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cluster(slurm: FakeSlurm, clock: Clock) -> QueueCluster:
    return QueueCluster(BACKENDS["slurm"], settings_of("slurm"), monotonic=clock.monotonic, sleep=clock.sleep)


def state_of(cluster: QueueCluster, job_id: str) -> JobState:
    return cluster.look([job_id])[job_id].state


def test_what_is_submitted_is_the_script_beside_the_log(
    cluster: QueueCluster, slurm: FakeSlurm, tmp_path: Path
) -> None:
    job_id = cluster.submit(job_in(tmp_path))
    assert job_id == "101"
    assert slurm.script(job_id) == (tmp_path / "worker.sh").read_text()


def test_a_job_is_followed_from_the_queue_to_its_end(
    cluster: QueueCluster, slurm: FakeSlurm, clock: Clock, tmp_path: Path
) -> None:
    job_id = cluster.submit(job_in(tmp_path))
    told = []
    for state in ("PENDING", "RUNNING", "TIMEOUT"):
        slurm.move(job_id, state)
        clock.sleep(LISTING_S)
        told.append(state_of(cluster, job_id))
    assert told == [JobState.QUEUED, JobState.RUNNING, JobState.TIME_LIMIT]


def test_a_job_of_a_submission_that_failed_is_found_without_delay(
    cluster: QueueCluster, slurm: FakeSlurm, tmp_path: Path
) -> None:
    job = job_in(tmp_path)
    assert cluster.find([job.name]) == {}
    slurm.behave("mute")
    with pytest.raises(QueueError, match="printed no job id"):
        cluster.submit(job)
    assert cluster.find([job.name]) == {job.name: "101"}


def test_all_jobs_are_asked_about_in_one_query_every_few_seconds(
    cluster: QueueCluster, slurm: FakeSlurm, clock: Clock, tmp_path: Path
) -> None:
    ids = [cluster.submit(job_in(tmp_path, f"c-{number}-1-0123abcd")) for number in range(5)]
    for _ in range(10):
        cluster.look(ids)
    assert slurm.calls.count("squeue") == 1
    clock.sleep(LISTING_S)
    cluster.look(ids)
    assert slurm.calls.count("squeue") == 2


def test_a_job_with_an_id_that_was_given_before_has_not_ended_as_the_one_before(
    slurm: FakeSlurm, clock: Clock, tmp_path: Path
) -> None:
    ended = Printed(0, "101|TIMEOUT|None|c-0-1-0123abcd\n", "")
    listings = [Printed(0, "", "")] * 9
    cluster = QueueCluster(
        BACKENDS["slurm"],
        settings_of("slurm"),
        run=lambda *command, accept=(0,): ended if command[0] == "sacct" else listings.pop(),
        monotonic=clock.monotonic,
    )
    cluster.submit(job_in(tmp_path))
    clock.sleep(GRACE_S)
    assert state_of(cluster, "101") is JobState.TIME_LIMIT
    (slurm.folder / "number").write_text("100\n")
    cluster.submit(job_in(tmp_path, "c-1-1-0123abcd"))
    assert cluster.look({"101": "c-1-1-0123abcd"})["101"].state is JobState.QUEUED


def test_the_accounting_is_asked_about_a_job_no_more_often_than_the_queue(clock: Clock) -> None:
    asked: list[str] = []

    def run(*command: str, accept: Collection[int] = (0,)) -> Printed:
        asked.append(command[0])
        return Printed(0, "", "")

    cluster = QueueCluster(BACKENDS["slurm"], settings_of("slurm"), run=run, monotonic=clock.monotonic)
    for _ in range(10):
        assert state_of(cluster, "101") is JobState.GONE
        clock.sleep(LISTING_S / 5)
    assert asked.count("sacct") == asked.count("squeue") == 2


def test_a_job_whose_name_the_queue_does_not_tell_is_known_by_its_id(clock: Clock) -> None:
    def run(*_command: str, accept: Collection[int] = (0,)) -> Printed:
        return Printed(0, "101|RUNNING|None|\n", "")

    cluster = QueueCluster(BACKENDS["slurm"], settings_of("slurm"), run=run, monotonic=clock.monotonic)
    assert cluster.look({"101": "c-0-1-0123abcd"})["101"].state is JobState.RUNNING


def test_another_driver_finds_a_job_by_its_name_while_it_lives(
    cluster: QueueCluster, slurm: FakeSlurm, clock: Clock, tmp_path: Path
) -> None:
    job_id = cluster.submit(job_in(tmp_path, "7-days-0-1-0123abcd"))
    other = QueueCluster(BACKENDS["slurm"], settings_of("slurm"), monotonic=clock.monotonic)
    assert other.find(["7-days-0-1-0123abcd", "c-1-1-0123abcd"]) == {"7-days-0-1-0123abcd": job_id}
    slurm.move(job_id, "COMPLETED")
    clock.sleep(LISTING_S)
    assert other.find(["7-days-0-1-0123abcd"]) == {}


@pytest.mark.parametrize("mode", ["down", "garbage"])
def test_an_answer_that_fails_never_means_gone(
    cluster: QueueCluster, slurm: FakeSlurm, tmp_path: Path, mode: str
) -> None:
    job_id = cluster.submit(job_in(tmp_path))
    slurm.behave(mode)
    for question in (lambda: cluster.look([job_id]), lambda: cluster.find(["c"]), lambda: cluster.cancel(job_id)):
        with pytest.raises(QueueError):
            question()
    slurm.behave("ok")
    assert state_of(cluster, job_id) is JobState.QUEUED


def test_a_queue_that_hangs_is_given_up_on(
    slurm: FakeSlurm, cluster: QueueCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "TIMEOUT_S", 0.2)
    slurm.behave("slow")
    with pytest.raises(QueueError, match="squeue did not answer for 0 s"):
        cluster.look(["101"])
    with pytest.raises(QueueError, match="sbatch did not answer"):
        cluster.submit(job_in(tmp_path))


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("invalid", ("sbatch refused it: sbatch: error: invalid partition specified: nosuch; correct", True)),
        ("limit", ("QOSMaxSubmitJobPerUserLimit; it is asked again", False)),
        ("down", ("Unable to contact slurm controller", False)),
        ("garbage", ("sbatch printed no job id, but 'hello'", False)),
    ],
)
def test_a_refusal_has_the_queues_own_words_and_whether_it_is_for_good(
    cluster: QueueCluster, slurm: FakeSlurm, tmp_path: Path, mode: str, told: tuple[str, bool]
) -> None:
    slurm.behave(mode)
    with pytest.raises(QueueError, match=told[0]) as refused:
        cluster.submit(job_in(tmp_path))
    assert refused.value.is_for_good is told[1]


def test_a_job_that_was_accepted_and_is_not_listed_yet_waits_for_a_while(
    cluster: QueueCluster, slurm: FakeSlurm, clock: Clock, tmp_path: Path
) -> None:
    job_id = cluster.submit(job_in(tmp_path))
    slurm.behave("blind")
    assert state_of(cluster, job_id) is JobState.QUEUED
    clock.sleep(GRACE_S)
    assert state_of(cluster, job_id) is JobState.GONE


def test_a_job_that_was_listed_and_is_purged_is_gone_at_once(
    cluster: QueueCluster, slurm: FakeSlurm, clock: Clock, tmp_path: Path
) -> None:
    job_id = cluster.submit(job_in(tmp_path))
    assert state_of(cluster, job_id) is JobState.QUEUED
    slurm.forget(job_id)
    clock.sleep(LISTING_S)
    assert state_of(cluster, job_id) is JobState.GONE


def test_a_running_job_is_asked_and_a_waiting_one_removed(
    cluster: QueueCluster, slurm: FakeSlurm, tmp_path: Path
) -> None:
    running = cluster.submit(job_in(tmp_path, "c-0-1-0123abcd"))
    waiting = cluster.submit(job_in(tmp_path, "c-1-1-0123abcd"))
    slurm.move(running, "RUNNING")
    cluster.cancel(running)
    cluster.cancel(waiting)
    assert [call for call in slurm.calls if call.startswith("scancel")] == [
        f"scancel --batch --signal=TERM {running}",
        f"scancel {waiting}",
    ]


def test_cancelling_what_has_ended_is_harmless(cluster: QueueCluster, slurm: FakeSlurm, tmp_path: Path) -> None:
    job_id = cluster.submit(job_in(tmp_path))
    slurm.forget(job_id)
    cluster.cancel(job_id)
    cluster.cancel("7777")


def test_a_leftover_is_asked_first_then_removed_and_waited_for(
    cluster: QueueCluster, slurm: FakeSlurm, tmp_path: Path
) -> None:
    job = job_in(tmp_path)
    for grace_s in (10.0, 0.0):
        job_id = cluster.submit(job)
        slurm.move(job_id, "RUNNING")
        cluster.end_leftover(job, grace_s=grace_s)
        assert cluster.find([job.name]) == {}


def test_a_leftover_that_the_queue_keeps_is_reported(cluster: QueueCluster, slurm: FakeSlurm, tmp_path: Path) -> None:
    cluster.submit(job_in(tmp_path))
    slurm.behave("stubborn")
    with pytest.raises(QueueError, match="still lists it"):
        cluster.end_leftover(job_in(tmp_path), grace_s=0.0)


def test_closing_leaves_the_jobs_alone(cluster: QueueCluster, slurm: FakeSlurm, tmp_path: Path) -> None:
    job_id = cluster.submit(job_in(tmp_path))
    cluster.close()
    assert state_of(cluster, job_id) is JobState.QUEUED


def test_the_accounting_is_asked_about_jobs_that_are_listed_no_more(tmp_path: Path) -> None:
    def run(*command: str, accept: Collection[int] = (0,)) -> Printed:
        return Printed(0, "" if command[0] == "squeue" else "55|NODE_FAIL|None|c\n", "")

    cluster = QueueCluster(BACKENDS["slurm"], settings_of("slurm"), run=run)
    assert state_of(cluster, "55") is JobState.NODE_FAILED


def test_a_queue_without_its_commands_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(QueueError, match="condor_submit is not on PATH; run bohpo where") as refused:
        make_queue_cluster(settings_of("htcondor"), Path())
    assert refused.value.is_for_good


def test_no_secret_and_no_setting_of_an_outer_job_reaches_a_queues_command() -> None:
    outer = {"BOHPO_STORE": "postgresql://u:canary@h/d", "PGPASSWORD": "canary", "SLURM_JOB_ID": "1", "PATH": "/bin"}
    seen = commands.commands_environment({**outer, "SLURM_CONF": "/etc/slurm.conf", "SGE_ROOT": "/sge"})
    assert seen == {"PATH": "/bin", "SLURM_CONF": "/etc/slurm.conf", "SGE_ROOT": "/sge"}


def test_the_queue_is_asked_about_the_user_that_this_process_runs_as(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setenv("USER", "somebody-else")
    asked: list[str] = []

    def run(*command: str, accept: Collection[int] = (0,)) -> Printed:
        asked.extend(command)
        return Printed(0, "", "")

    QueueCluster(BACKENDS["slurm"], settings_of("slurm"), run=run).find(["c"])
    assert f"--user={pwd.getpwuid(os.getuid()).pw_name}" in asked
