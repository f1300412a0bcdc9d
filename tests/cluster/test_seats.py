"""Jobs that take several attempts, with real processes; the queue that starts them is a fake."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bohpo.cluster import seat
from bohpo.cluster.backends import BACKENDS
from bohpo.cluster.factory import make_queue_cluster
from bohpo.cluster.protocol import Cluster, Job, JobState
from bohpo.cluster.queue import QueueCluster
from bohpo.cluster.seat import Assignment, Seat, SeatFolder
from bohpo.cluster.seating import SeatedCluster, seat_job
from bohpo.durable import write_json
from bohpo.errors import QueueError
from bohpo.processes import ATTEMPT_DIRECTORY, process_started
from tests.cluster.fake_slurm import FakeSlurm
from tests.cluster.requests import settings_of

WORKER = """
import os, signal, sys, time
folder = os.environ["BOHPO_DIRECTORY"]
def stop(*_):
    open(os.path.join(folder, "stopped"), "w").close()
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
with open(os.path.join(folder, "pid"), "w") as file:
    file.write(f"{os.getpid()} {os.getppid()} {os.environ.get('BOHPO_WALL_SECONDS')}")
print("at work", flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlurm]:
    fake = FakeSlurm(tmp_path / "slurm")
    fake.behave("run")
    for module in ("queue", "seating"):
        monkeypatch.setattr(f"bohpo.cluster.{module}.LISTING_S", 0.1)
    monkeypatch.setenv("PATH", f"{fake.bin}:{os.environ['PATH']}")
    yield fake
    for path in (tmp_path / "slurm").glob("pid.*"):
        pid = int(path.read_text())
        for end in (os.killpg, os.kill):  # it may not lead its group yet
            with contextlib.suppress(ProcessLookupError):
                end(pid, signal.SIGKILL)


@pytest.fixture
def drivers(slurm: FakeSlurm, tmp_path: Path) -> Callable[..., SeatedCluster]:
    def driver(attempts: int | str = 3, **settings: str) -> SeatedCluster:
        table = settings_of("slurm", attempts_per_job=attempts, **settings)
        return SeatedCluster(QueueCluster(BACKENDS["slurm"], table), table, tmp_path / "campaign/jobs")

    return driver


def attempt(tmp_path: Path, number: int, seconds: float = 0.1) -> Job:
    folder = tmp_path / f"campaign/trials/{number}/attempt-1"
    folder.mkdir(parents=True)
    (folder / "worker.py").write_text(WORKER)
    command = (sys.executable, str(folder / "worker.py"), str(seconds))
    return Job(f"c-{number}-1-0123abcd", command, folder / "worker.log", {ATTEMPT_DIRECTORY: str(folder)})


def file_of(job: Job, name: str) -> Path:
    return Path(job.environment[ATTEMPT_DIRECTORY]) / name


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def state_of(cluster: Cluster, job_id: str) -> JobState:
    return cluster.look([job_id])[job_id].state


def run_one(cluster: Cluster, job: Job) -> str:
    job_id = cluster.submit(job)
    wait_until(lambda: state_of(cluster, job_id) is JobState.GONE)
    return job_id


def test_attempts_go_to_a_free_seat_until_it_has_taken_its_share(
    drivers: Callable[..., SeatedCluster], slurm: FakeSlurm, tmp_path: Path
) -> None:
    cluster = drivers(attempts=2)
    jobs = [attempt(tmp_path, number) for number in range(3)]
    assert [run_one(cluster, job) for job in jobs] == ["101/1", "101/2", "102/1"]
    assert all(job.log.read_text() == "at work\n" for job in jobs)
    parents = [file_of(job, "pid").read_text().split()[1] for job in jobs]
    assert parents[0] == parents[1] != parents[2]


def test_two_attempts_at_a_time_take_two_jobs(drivers: Callable[..., SeatedCluster], tmp_path: Path) -> None:
    cluster = drivers()
    first, second = attempt(tmp_path, 0, 600), attempt(tmp_path, 1, 600)
    assert cluster.submit(first) == "101/1"
    wait_until(file_of(first, "pid").exists)
    assert cluster.submit(second) == "102/1"


def test_an_attempt_is_asked_to_stop_and_its_seat_goes_on(
    drivers: Callable[..., SeatedCluster], tmp_path: Path
) -> None:
    cluster = drivers()
    first = attempt(tmp_path, 0, 600)
    job_id = cluster.submit(first)
    wait_until(file_of(first, "pid").exists)
    wait_until(lambda: state_of(cluster, job_id) is JobState.RUNNING)
    cluster.cancel(job_id)
    wait_until(lambda: state_of(cluster, job_id) is JobState.GONE)
    assert file_of(first, "stopped").exists()
    assert run_one(cluster, attempt(tmp_path, 1)) == "101/2"


def test_the_next_driver_finds_an_attempt_and_hands_its_seat_the_next_one(
    drivers: Callable[..., SeatedCluster], tmp_path: Path
) -> None:
    first = attempt(tmp_path, 0, 3)
    job_id = drivers().submit(first)
    wait_until(file_of(first, "pid").exists)
    later = drivers()
    assert later.find([first.name, "c-7-1-0123abcd"]) == {first.name: job_id}
    wait_until(lambda: state_of(later, job_id) is JobState.GONE)
    assert later.find([first.name]) == {}
    assert run_one(later, attempt(tmp_path, 1)) == "101/2"


@pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 3)])
def test_a_driver_with_other_settings_knows_the_attempts_of_the_one_before(
    drivers: Callable[..., SeatedCluster], tmp_path: Path, before: int, after: int
) -> None:
    job = attempt(tmp_path, 0, 600)
    job_id = drivers(before).submit(job)
    wait_until(file_of(job, "pid").exists)
    later = drivers(after)
    assert later.find([job.name]) == {job.name: job_id}
    assert state_of(later, job_id) is JobState.RUNNING
    later.cancel(job_id)
    wait_until(lambda: not state_of(later, job_id).is_alive)
    assert later.find([job.name]) == {}
    assert file_of(job, "stopped").exists()


@pytest.mark.parametrize("grace_s", [30.0, 0.0])
def test_a_leftover_is_gone_when_it_was_ended(
    drivers: Callable[..., SeatedCluster], tmp_path: Path, grace_s: float
) -> None:
    cluster = drivers()
    job = attempt(tmp_path, 0, 600)
    job_id = cluster.submit(job)
    wait_until(file_of(job, "pid").exists)
    wait_until(lambda: state_of(cluster, job_id) is JobState.RUNNING)
    cluster.end_leftover(job, grace_s=grace_s)
    assert process_started(int(file_of(job, "pid").read_text().split()[0])) is None
    assert file_of(job, "stopped").exists() is (grace_s > 0)


def test_a_killed_seat_has_its_worker_save_a_checkpoint_and_is_told_as_its_job_is(
    drivers: Callable[..., SeatedCluster], slurm: FakeSlurm, tmp_path: Path
) -> None:
    cluster = drivers()
    job = attempt(tmp_path, 0, 600)
    job_id = cluster.submit(job)
    wait_until(file_of(job, "pid").exists)
    os.kill(int((slurm.folder / "pid.101").read_text()), signal.SIGKILL)
    wait_until(file_of(job, "stopped").exists)
    wait_until(lambda: not state_of(cluster, job_id).is_alive)


def test_closing_ends_the_seats_that_wait_and_no_other(
    drivers: Callable[..., SeatedCluster], slurm: FakeSlurm, tmp_path: Path
) -> None:
    cluster = drivers()
    busy = attempt(tmp_path, 0, 600)
    cluster.submit(busy)
    wait_until(file_of(busy, "pid").exists)
    run_one(cluster, attempt(tmp_path, 1))
    cluster.close()
    wait_until(lambda: process_started(int((slurm.folder / "pid.102").read_text())) is None)
    assert process_started(int((slurm.folder / "pid.101").read_text())) is not None


def test_the_attempts_of_a_seat_share_its_wall_time(drivers: Callable[..., SeatedCluster], tmp_path: Path) -> None:
    cluster = drivers("until-walltime", wall_time="00:10:00")
    first, second = attempt(tmp_path, 0, 2), attempt(tmp_path, 1)
    run_one(cluster, first)
    run_one(cluster, second)
    left = [int(file_of(job, "pid").read_text().split()[2]) for job in (first, second)]
    assert 0 < left[1] <= left[0] - 2 < 600


def test_an_attempt_is_gone_where_the_queue_gave_its_jobs_id_to_another(
    drivers: Callable[..., SeatedCluster], slurm: FakeSlurm, tmp_path: Path
) -> None:
    """A queue that lost its memory counts from the beginning again."""
    cluster = drivers()
    first, second = attempt(tmp_path, 0, 600), attempt(tmp_path, 1, 600)
    job_id = cluster.submit(first)
    wait_until(file_of(first, "pid").exists)
    wait_until(lambda: cluster.look({job_id: first.name})[job_id].state is JobState.RUNNING)
    os.killpg(int((slurm.folder / "pid.101").read_text()), signal.SIGKILL)
    (slurm.folder / "number").write_text("100\n")
    drivers().submit(second)
    wait_until(file_of(second, "pid").exists)
    for driver in (cluster, drivers()):
        wait_until(lambda driver=driver: driver.find([first.name, second.name]) == {second.name: job_id})  # type: ignore[misc]
        assert driver.look({job_id: first.name})[job_id].state is JobState.GONE
        assert driver.look({job_id: second.name})[job_id].state is JobState.RUNNING


def test_seats_that_take_no_more_are_not_looked_at_again(
    drivers: Callable[..., SeatedCluster], slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = drivers(attempts=1 + 1)
    for number in range(4):
        run_one(cluster, attempt(tmp_path, number))
    killed = attempt(tmp_path, 4, 600)
    cluster.submit(killed)
    wait_until(file_of(killed, "pid").exists)
    os.killpg(int((slurm.folder / "pid.103").read_text()), signal.SIGKILL)
    run_one(cluster, attempt(tmp_path, 5))
    wait_until(lambda: state_of(cluster, "103/1") is not JobState.RUNNING)
    cluster.submit(attempt(tmp_path, 6, 600))  # what is learned of the seats is learned here at the latest
    asked: list[str] = []
    last = SeatFolder.last

    def asked_last(folder: SeatFolder) -> int:
        asked.append(folder.path.name)
        return last(folder)

    monkeypatch.setattr(SeatFolder, "last", asked_last)
    assert cluster.submit(attempt(tmp_path, 7, 600)) == "105/1"
    assert set(asked) == {"c-5-1-0123abcd"}


def test_folders_that_cannot_be_used_are_told_of_as_a_queue_that_does_not_answer(
    drivers: Callable[..., SeatedCluster], tmp_path: Path
) -> None:
    job, in_the_way = attempt(tmp_path, 0, 600), tmp_path / "campaign/jobs"
    in_the_way.touch()
    with pytest.raises(QueueError, match=r"cannot be used: .*; see `df`, `quota`"):
        drivers().submit(job)
    in_the_way.unlink()
    cluster = drivers()
    job_id = cluster.submit(job)
    assignment = in_the_way / job.name / "assignment-1.json"
    wait_until(file_of(job, "pid").exists)
    assignment.unlink()
    assignment.symlink_to(assignment)
    with pytest.raises(QueueError, match="cannot be used"):
        cluster.look({job_id: job.name})


def seat_in(
    folder: Path, *, attempts: int | None = None, idle_s: float = 60.0, wall_seconds: float | None = None
) -> Seat:
    made = SeatFolder(folder)
    made.prepare(Assignment("c-0-1", ("true",), str(folder / "log"), {}), attempts=attempts, idle_s=idle_s)
    return Seat(made, wall_seconds=wall_seconds)


@pytest.mark.parametrize(
    "limits", [{"attempts": 1}, {"idle_s": 0.0}, {"wall_seconds": 100.0}], ids=["share", "idle", "wall-time"]
)
def test_a_seat_leaves_when_it_can_take_no_more(tmp_path: Path, limits: dict[str, float]) -> None:
    seat_in(tmp_path, **limits).run()  # type: ignore[arg-type]
    folder = SeatFolder(tmp_path)
    assert folder.has_ended(1)
    assert folder.is_closed(2)
    assert not folder.assign(2, Assignment("c-1-1", ("true",), str(tmp_path / "log"), {}))


@pytest.mark.parametrize("limits", [{"attempts": 1}, {"wall_seconds": 100.0}], ids=["share", "wall-time"])
def test_a_seat_that_takes_no_more_never_looks_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, float]
) -> None:
    """A driver that is quicker than the seat cannot hand over one attempt too many."""
    was_closed = []

    def watched(path: Path, data: object) -> None:
        if path.name == "ended-1.json":
            was_closed.append(SeatFolder(tmp_path).is_closed(2))
        write_json(path, data)

    full = seat_in(tmp_path, **limits)  # type: ignore[arg-type]
    monkeypatch.setattr(seat, "write_json", watched)
    full.run()
    assert was_closed == [True]


def test_the_folder_of_a_seat_at_work_is_left_as_it_is(tmp_path: Path) -> None:
    seat_in(tmp_path)
    folder, other = SeatFolder(tmp_path), Assignment("c-0-1", ("false",), "log", {})
    folder.ask_to_stop(1)
    with folder.held() as is_held:
        assert is_held
        with pytest.raises(QueueError, match="c-0-1: a job of this name is at work that the queue does not list yet"):
            folder.prepare(other, attempts=1)
    assert folder.is_asked_to_stop(1)
    assert folder.assignment(1) != other
    folder.prepare(other, attempts=1)
    assert not folder.is_asked_to_stop(1)
    assert folder.assignment(1) == other


def test_of_two_seats_of_a_folder_the_second_one_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seat_in(tmp_path, attempts=1)
    monkeypatch.setattr(seat, "LOCK_PATIENCE_S", 0.0)
    with SeatFolder(tmp_path).held():
        seat.main(tmp_path)
    assert "another job of this name is at work" in capsys.readouterr().err
    assert not SeatFolder(tmp_path).has_ended(1)


def test_a_seat_whose_job_was_requeued_waits_for_the_one_that_leaves(tmp_path: Path) -> None:
    seat_in(tmp_path, attempts=1)
    command = (sys.executable, "-P", "-m", "bohpo.cluster.seat", str(tmp_path))
    with SeatFolder(tmp_path).held():
        requeued = subprocess.Popen(command)
        time.sleep(2.0)
        assert requeued.poll() is None
        assert not SeatFolder(tmp_path).has_ended(1)
    assert requeued.wait() == 0
    assert SeatFolder(tmp_path).has_ended(1)


def test_a_seat_told_to_stop_while_it_waits_leaves(tmp_path: Path) -> None:
    seat = seat_in(tmp_path)
    at_work = threading.Thread(target=seat.run)
    at_work.start()
    wait_until(lambda: SeatFolder(tmp_path).has_ended(1))
    seat.stop()
    at_work.join(60)
    assert not at_work.is_alive()


def test_a_seat_and_a_driver_never_miss_each_other(tmp_path: Path) -> None:
    """Whoever is first at a number has it: each is either run or known to be closed, in a hundred races."""
    folder = SeatFolder(tmp_path)
    assignment = Assignment("c-1-1", ("true",), "log", {})
    for number in range(1, 101):
        answers: list[bool] = []
        both = threading.Barrier(2)

        def closing(number: int = number, both: threading.Barrier = both, answers: list[bool] = answers) -> None:
            both.wait()
            answers.append(folder.close(number))

        other = threading.Thread(target=closing)
        other.start()
        both.wait()
        assigned = folder.assign(number, assignment)
        other.join()
        assert answers == [not assigned]
        assert (folder.assignment(number) is not None) is assigned


def test_a_seats_own_processes_are_not_taken_for_its_attempts(tmp_path: Path) -> None:
    job = attempt(tmp_path, 0)
    alone = seat_job(job, tmp_path / "campaign/jobs")
    assert ATTEMPT_DIRECTORY not in alone.environment
    assert (alone.name, alone.log) == (job.name, tmp_path / f"campaign/jobs/{job.name}/seat.log")


def test_a_copied_campaign_hands_nothing_to_the_jobs_of_the_original_and_ends_none(
    slurm: FakeSlurm, tmp_path: Path
) -> None:
    table = settings_of("slurm", attempts_per_job=3)
    original = make_queue_cluster(table, tmp_path / "campaign")
    assert run_one(original, attempt(tmp_path, 0)) == "101/1"
    shutil.copytree(tmp_path / "campaign", tmp_path / "copy")
    copy = make_queue_cluster(table, tmp_path / "copy", "c0ffee")
    job = attempt(tmp_path, 1)
    named = Job("c-1-1-c0ffee00", job.command, job.log, job.environment)
    assert run_one(copy, named) == "102/1", "it has a job of its own, though one of the original waits for an attempt"
    copy.end_leftover(named, grace_s=0.0)
    copy.close()
    assert run_one(original, attempt(tmp_path, 2)) == "101/2", "the original's job still takes attempts"
