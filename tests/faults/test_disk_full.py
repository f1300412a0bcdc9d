"""A disk that fills up under a campaign, its database on it: a real one, of a few megabytes in memory."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bohpo.store import open_store
from tests.faults.campaigns import NAME, CountedCampaign
from tests.services.absence import require_root, unable
from tests.services.daemon import wait_until

Measured = Callable[[str, str], None]

MEGABYTES = 4


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system, which takes root."""
    require_root("a small tmpfs")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(disk))
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        unable("a small tmpfs", done.stderr.strip())
    yield disk
    subprocess.run(("umount", "--lazy", str(disk)), check=True)


def fill(disk: Path) -> Path:
    """Fill a disk to the last byte, and give the file that does."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        for size in (65536, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
    assert os.statvfs(disk).f_bavail == 0
    return ballast


def test_a_full_disk_is_told_and_nothing_is_damaged(small_disk: Path, measured: Measured) -> None:
    campaign = CountedCampaign(small_disk, logs=small_disk.parent, trials=6, jobs=2, steps=8, step_seconds=0.2)
    driver = campaign.drive()
    campaign.wait_for(lambda trials: any(trial.value is not None for trial in trials), "a result")
    ballast = fill(small_disk)
    assert wait_until(lambda: driver.poll() is not None or is_told(campaign), seconds=60), campaign.log()
    ballast.unlink()
    if driver.poll() is not None:
        assert driver.returncode not in (0, 2), campaign.log()
        driver = campaign.drive()
    left = campaign.finish(driver)
    with contextlib.closing(sqlite3.connect(campaign.store)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    failed = sum(trial.value is None for trial in left.trials)
    measured("P13", f"disk full under a campaign: told, database whole, campaign finished; {failed} trials failed")


def is_told(campaign: CountedCampaign) -> bool:
    """Tell whether a driver said what is wrong."""
    return "full" in campaign.log() or "No space" in campaign.log()


def test_a_locked_database_stalls_a_campaign_and_it_goes_on(tmp_path: Path, measured: Measured) -> None:
    campaign = CountedCampaign(tmp_path, trials=6, jobs=2, steps=5, step_seconds=0.1)
    driver = campaign.drive()
    campaign.wait_for(lambda trials: any(trial.value is not None for trial in trials), "a result")
    with contextlib.closing(sqlite3.connect(campaign.store, isolation_level=None, timeout=60.0)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        wait_until(lambda: driver.poll() is not None, seconds=3)
        connection.execute("ROLLBACK")
    assert driver.poll() is None, campaign.log()
    campaign.finish(driver)
    with contextlib.closing(open_store(campaign.store, create=False)) as store:
        assert store.campaign(NAME).ended is not None
    measured("P13", "database locked by another tool for 3 s: the campaign waits and goes on")
