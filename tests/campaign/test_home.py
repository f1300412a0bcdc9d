"""A copy of a campaign is a campaign of its own; a moved one is found where it is."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bohpo.campaign.attempts import job_name
from bohpo.campaign.home import check_home, find_home, settle_home
from bohpo.campaign.launch import begin
from bohpo.campaign.marker import MARKER, Marker
from bohpo.errors import NotFoundError, UsageError
from bohpo.processes import processes_by_environment
from bohpo.store import Campaign, Owner, open_store
from bohpo.store.database import DatabaseStore
from bohpo.store.relocation import holds_campaign
from bohpo.study import Study
from bohpo.trial import Attempt, AttemptState, Proposal

SPECIMENS = Path(__file__).with_name("specimens.py")

STUDY = """
name = "copied"
trainer = "specimens:{function}"
[objective]
metric = "score"
direction = "maximize"
[budget]
trials = 2
[parallel]
jobs = 2
[optimizer]
method = "random"
[space]
x = {{ type = "float", low = 0.0, high = 1.0 }}
[fixed]
step_seconds = 0.1
"""


def written_study(home: Path, function: str = "quadratic") -> Study:
    """Write a study and its trainer into a folder."""
    home.mkdir(exist_ok=True)
    (home / "specimens.py").write_text(SPECIMENS.read_text())
    (home / "study.toml").write_text(STUDY.format(function=function))
    return Study.load(home / "study.toml")


def launched(home: Path) -> Campaign:
    """Make a campaign in a folder of its own, as `bohpo launch` does there."""
    study = written_study(home)
    with closing(open_store(str(home / "bohpo.db"))) as store:
        return begin(study, store, home / "campaigns")


@contextmanager
def opened(home: Path, name: str = "bohpo.db") -> Iterator[DatabaseStore]:
    with closing(open_store(str(home / name), create=False)) as store:
        yield store


def settled(home: Path, campaigns: Path = Path("campaigns"), name: str = "bohpo.db") -> Campaign:
    """Settle the campaign of a home, as a driver does when it begins."""
    with opened(home, name) as store:
        found = find_home(store.campaign("copied"), store, campaigns)
        lease = store.acquire_lease("copied", Owner.this_process(), 30.0)
        try:
            return settle_home(found, lease, store)
        finally:
            store.release_lease(lease)


def record_absolute_paths(home: Path) -> None:
    """Leave the record and the folder as versions did that recorded absolute paths and wrote no marker."""
    with closing(sqlite3.connect(home / "bohpo.db")) as connection, connection:
        (text,) = connection.execute("SELECT provenance FROM bohpo_campaign").fetchone()
        provenance = json.dumps(json.loads(text) | {"working_directory": str(home)})
        connection.execute(
            "UPDATE bohpo_campaign SET directory = ?, provenance = ?", (str(home / "campaigns" / "copied"), provenance)
        )
    (home / "campaigns" / "copied" / MARKER).unlink()


def test_paths_below_the_database_are_recorded_relative_to_it(tmp_path: Path) -> None:
    campaign = launched(tmp_path / "a")
    with closing(sqlite3.connect(tmp_path / "a" / "bohpo.db")) as connection:
        directory, provenance = connection.execute("SELECT directory, provenance FROM bohpo_campaign").fetchone()
    assert directory == "campaigns/copied"
    assert json.loads(provenance)["working_directory"] == "."
    assert campaign.directory == tmp_path / "a" / "campaigns" / "copied"
    with opened(tmp_path / "a") as store:
        assert store.campaign("copied") == campaign
        assert store.campaigns() == [campaign]
        assert store.summaries()[0].campaign == campaign
    assert campaign.provenance["working_directory"] == str(tmp_path / "a")


def test_a_folder_elsewhere_stays_absolute(tmp_path: Path) -> None:
    (tmp_path / "databases").mkdir()
    study = written_study(tmp_path)
    with closing(open_store(str(tmp_path / "databases" / "bohpo.db"))) as store:
        made = begin(study, store, tmp_path / "campaigns")
        assert store.campaign("copied").directory == made.directory == tmp_path / "campaigns" / "copied"


def test_a_copied_home_is_an_incarnation_of_its_own_in_its_own_folder(tmp_path: Path) -> None:
    original = launched(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    copy = settled(tmp_path / "b")
    assert copy.directory == tmp_path / "b" / "campaigns" / "copied"
    assert copy.provenance["working_directory"] == str(tmp_path / "b")
    assert copy.incarnation
    assert settled(tmp_path / "b").incarnation == copy.incarnation, "it is the same copy the next time"
    assert settled(tmp_path / "a") == original, "the original stays as it was"


def test_a_copy_leaves_no_file_in_the_home_of_the_original(tmp_path: Path) -> None:
    launched(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    before = sorted(tmp_path.glob("a/**/*"))
    assert settled(tmp_path / "b").incarnation
    assert sorted(tmp_path.glob("a/**/*")) == before


def test_an_original_whose_campaign_is_still_in_the_log_of_its_database_is_found(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as writer, writer:
        writer.executescript("PRAGMA journal_mode = WAL; CREATE TABLE bohpo_campaign (created REAL)")
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        writer.execute("INSERT INTO bohpo_campaign VALUES (7.0)")
        writer.commit()
        assert holds_campaign(str(tmp_path / "a.db"), 7.0)
        assert not holds_campaign(str(tmp_path / "a.db"), 8.0)


def test_a_file_that_is_no_database_may_hold_anything(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database at all" * 100)
    assert holds_campaign(str(tmp_path / "a.db"), 7.0)
    assert not holds_campaign(str(tmp_path / "b.db"), 7.0)


def test_a_copy_of_a_copy_differs_from_both(tmp_path: Path) -> None:
    launched(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    second = settled(tmp_path / "b").incarnation
    shutil.copytree(tmp_path / "b", tmp_path / "c")
    assert len({"", second, settled(tmp_path / "c").incarnation}) == 3


def test_a_copy_neither_knows_nor_names_the_jobs_of_the_original(tmp_path: Path) -> None:
    original = launched(tmp_path / "a")
    with opened(tmp_path / "a") as store:
        lease = store.acquire_lease("copied", Owner.this_process(), 30.0)
        store.add_trial(lease, "0123456789abcdef", Proposal({"x": 0.5}, "random", 0.0))
        store.save_attempt(lease, Attempt(0, 1, AttemptState.RUNNING, job="4711-1"))
        store.release_lease(lease)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    copy = settled(tmp_path / "b")
    with opened(tmp_path / "b") as store:
        trial = store.trial("copied", 0)
        assert [attempt.job for attempt in trial.attempts] == [""]
    with opened(tmp_path / "a") as store:
        assert [attempt.job for attempt in store.trial("copied", 0).attempts] == ["4711-1"]
    assert job_name(copy, trial, 1) != job_name(original, trial, 1) == "copied-0-1-01234567"


def test_a_crash_between_record_and_marker_leaves_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launched(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("bohpo.campaign.home.mark_home", crash)
        settled(tmp_path / "b")
    copy = settled(tmp_path / "b")
    assert copy.incarnation
    marker = Marker.read(copy.directory)
    assert marker is not None
    assert marker.incarnation == copy.incarnation


def test_a_moved_home_goes_on_as_what_it_was(tmp_path: Path) -> None:
    launched(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    moved = settled(tmp_path / "b")
    assert (moved.directory, moved.incarnation) == (tmp_path / "b" / "campaigns" / "copied", "")


def test_a_moved_folder_is_found_where_it_is_said_to_be_and_recorded(tmp_path: Path) -> None:
    campaign = launched(tmp_path / "a")
    (tmp_path / "elsewhere").mkdir()
    campaign.directory.rename(tmp_path / "elsewhere" / "copied")
    with pytest.raises(NotFoundError, match="--directory"):
        settled(tmp_path / "a")
    for named in (tmp_path / "elsewhere", tmp_path / "elsewhere" / "copied"):
        moved = settled(tmp_path / "a", named)
        assert (moved.directory, moved.incarnation) == (tmp_path / "elsewhere" / "copied", "")
    with opened(tmp_path / "a") as store:
        assert store.campaign("copied").directory == tmp_path / "elsewhere" / "copied"


def test_a_copied_database_never_writes_into_the_folder_of_the_original(tmp_path: Path) -> None:
    launched(tmp_path / "a")
    shutil.copy(tmp_path / "a" / "bohpo.db", tmp_path / "a" / "copy.db")
    with pytest.raises(UsageError, match=r"belongs to the database .*a/bohpo\.db.*copy the folder"):
        settled(tmp_path / "a", name="copy.db")
    with opened(tmp_path / "a", "copy.db") as store, pytest.raises(UsageError):
        check_home(store.campaign("copied"), store)


def test_a_renamed_database_keeps_its_folder(tmp_path: Path) -> None:
    launched(tmp_path / "a")
    (tmp_path / "a" / "bohpo.db").rename(tmp_path / "a" / "renamed.db")
    with closing(open_store(str(tmp_path / "a" / "bohpo.db"))):
        pass  # another database under the old name has no such campaign
    assert settled(tmp_path / "a", name="renamed.db").incarnation == ""


def test_a_copied_folder_is_refused_by_the_database_of_the_original(tmp_path: Path) -> None:
    campaign = launched(tmp_path / "a")
    shutil.copytree(campaign.directory, tmp_path / "b" / "copied")
    with pytest.raises(UsageError, match=r"is a copy.*copy the database, too"):
        settled(tmp_path / "a", tmp_path / "b")


def test_an_old_record_of_a_copied_home_is_read_as_the_copy(tmp_path: Path) -> None:
    launched(tmp_path / "a")
    record_absolute_paths(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    copy = settled(tmp_path / "b")
    assert copy.directory == tmp_path / "b" / "campaigns" / "copied"
    assert copy.provenance["working_directory"] == str(tmp_path / "b")
    assert copy.incarnation
    original = settled(tmp_path / "a")
    assert (original.directory, original.incarnation) == (tmp_path / "a" / "campaigns" / "copied", "")


def test_an_old_record_in_a_copied_database_is_refused_without_its_folder(tmp_path: Path) -> None:
    launched(tmp_path / "a")
    record_absolute_paths(tmp_path / "a")
    (tmp_path / "b").mkdir()
    shutil.copy(tmp_path / "a" / "bohpo.db", tmp_path / "b" / "bohpo.db")
    with pytest.raises(UsageError, match="is a copy of that"):
        settled(tmp_path / "b")


def test_an_old_record_of_a_folder_elsewhere_goes_on_there(tmp_path: Path) -> None:
    launched(tmp_path / "a")
    record_absolute_paths(tmp_path / "a")
    (tmp_path / "databases").mkdir()
    (tmp_path / "a" / "bohpo.db").rename(tmp_path / "databases" / "bohpo.db")
    found = settled(tmp_path / "databases")
    assert (found.directory, found.incarnation) == (tmp_path / "a" / "campaigns" / "copied", "")


def test_a_database_that_is_behind_its_folder_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    campaign = launched(tmp_path / "a")
    settled(tmp_path / "a")
    assert not caplog.messages
    (campaign.directory / "trials" / "17" / "attempt-1").mkdir(parents=True)
    settled(tmp_path / "a")
    assert "has trials up to 17, and the database knows 0" in caplog.text


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"{", b'{"created": 1}'])
def test_an_unreadable_marker_is_written_anew(tmp_path: Path, content: bytes) -> None:
    campaign = launched(tmp_path / "a")
    (campaign.directory / MARKER).write_bytes(content)
    assert settled(tmp_path / "a") == campaign
    marker = Marker.read(campaign.directory)
    assert marker is not None
    assert marker.database == str(tmp_path / "a" / "bohpo.db")


@pytest.mark.postgresql
def test_postgresql_refuses_a_copied_folder_and_takes_a_moved_one(tmp_path: Path, postgresql_url: str) -> None:
    study = written_study(tmp_path)
    with closing(open_store(postgresql_url)) as store:
        made = begin(study, store, tmp_path / "campaigns")
        marker = Marker.read(made.directory)
        assert marker is not None
        assert marker.database == store.identity
        assert marker.database.startswith("postgresql:")
        assert "@" not in marker.database, "it shows no address and no user"
        copy = tmp_path / "b" / "copied"
        shutil.copytree(made.directory, copy)
        with pytest.raises(UsageError, match="is a copy, and this database has"):
            find_home(store.campaign("copied"), store, tmp_path / "b")
        shutil.rmtree(copy.parent)
        (tmp_path / "elsewhere").mkdir()
        made.directory.rename(tmp_path / "elsewhere" / "copied")
        moved = find_home(store.campaign("copied"), store, tmp_path / "elsewhere")
        lease = store.acquire_lease("copied", Owner.this_process(), 30.0)
        assert settle_home(moved, lease, store).incarnation == ""
        assert store.campaign("copied").directory == tmp_path / "elsewhere" / "copied"
        assert (moved.directory / "home.json").stat().st_size > 0


@pytest.mark.postgresql
def test_the_folder_of_one_postgresql_database_is_refused_by_another(tmp_path: Path, postgresql_url: str) -> None:
    """Another identity in the marker stands for a database that was dumped and restored beside the first one."""
    study = written_study(tmp_path)
    with closing(open_store(postgresql_url)) as store:
        made = begin(study, store, tmp_path / "campaigns")
        marker = Marker.read(made.directory)
        assert marker is not None
        dataclasses.replace(marker, database="postgresql:17/4").write(made.directory)
        with pytest.raises(UsageError, match=r"belongs to the database postgresql:17/4.*delete .*home\.json"):
            check_home(made, store)
        (made.directory / MARKER).unlink()
        check_home(made, store)


# -- with real drivers and jobs --------------------------------------------------------------------------------------


def bohpo(home: Path, *words: str) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOHPO_")}
    with (home.parent / f"{home.name}-{words[0]}.log").open("ab") as log:
        return subprocess.Popen((sys.executable, "-m", "bohpo", *words), cwd=home, env=environment, stderr=log)


def digest(home: Path) -> str:
    """Return a digest of all that is in a folder, by name and content."""
    files = sorted(path for path in home.rglob("*") if path.is_file() and path.suffix not in {".pyc", ".db-shm"})
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()


def running(home: Path) -> list[int]:
    found = processes_by_environment("BOHPO_DIRECTORY")
    return [pid for folder, pids in found.items() if Path(folder).is_relative_to(home) for pid in pids]


def wait_until(holds: Callable[[], bool], seconds: float = 90.0) -> None:
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def checkpoints(home: Path) -> int:
    return len({path.parent for path in home.rglob("*.ckpt")})


def steps(home: Path) -> list[list[int]]:
    return [[int(step) for step in path.read_text().split()] for path in sorted(home.rglob("steps.txt"))]


def copy_home(source: Path, target: Path) -> None:
    """Copy a home that is in use: the database by its backup, the rest file by file."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("bohpo.db*", ".*"))
    assert bohpo(source, "db", "backup", str(target / "bohpo.db")).wait() == 0


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A home whose driver has two trainings at work, each with a checkpoint; they go on once `hold` is gone."""
    home = tmp_path / "a"
    written_study(home, "stepwise")
    (home / "hold").touch()
    driver = bohpo(home, "launch", "study.toml")
    try:
        wait_until(lambda: checkpoints(home) == 2)
        yield home, driver
    finally:
        driver.kill()
        driver.wait()
        wait_until(lambda: not running(tmp_path))


@pytest.mark.kills
def test_a_copy_that_is_resumed_leaves_the_original_byte_by_byte(at_work: tuple[Path, subprocess.Popen[bytes]]) -> None:
    home, driver = at_work
    driver.kill()
    driver.wait()
    wait_until(lambda: not running(home))
    (home / "hold").unlink()
    shutil.copytree(home, home.parent / "b")
    before = digest(home)
    assert bohpo(home.parent / "b", "resume", "copied").wait() == 0
    assert digest(home) == before
    assert bohpo(home, "resume", "copied").wait() == 0
    for each in (home, home.parent / "b"):
        assert steps(each) == [list(range(20))] * 2, "each went on from its own checkpoints"


@pytest.mark.kills
def test_original_and_copy_run_at_once_and_neither_touches_the_others_jobs(
    at_work: tuple[Path, subprocess.Popen[bytes]],
) -> None:
    home, driver = at_work
    copy = home.parent / "b"
    copy_home(home, copy)
    with closing(sqlite3.connect(copy / "bohpo.db")) as connection, connection:
        connection.execute("UPDATE bohpo_lease SET expires = 0")  # as 30 s later: nobody renews the copied lease
    jobs = running(home)
    second = bohpo(copy, "resume", "copied")
    wait_until(lambda: bool(running(copy)) or second.poll() is not None)
    second.send_signal(signal.SIGINT)
    assert second.wait() == 130
    assert set(running(home)) == set(jobs), "a stop of the copy ends its own jobs only"
    for each in (home, copy):
        (each / "hold").unlink()
    assert bohpo(copy, "resume", "copied").wait() == 0
    assert driver.wait() == 0
    assert steps(home) == [list(range(20))] * 2
    assert [sorted(set(taken)) for taken in steps(copy)] == [list(range(20))] * 2
