"""Two drivers of one campaign, the first of which was stopped and goes on when the second has taken over."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bohpo.campaign.ledger import LEASE_S
from bohpo.errors import LeaseError
from bohpo.store import open_store
from tests.faults.campaigns import PATIENCE_S, CountedCampaign
from tests.faults.queues import SLURM
from tests.services import SlurmCluster
from tests.services.daemon import wait_until
from tests.store.examples import create_campaign
from tests.store.processes import remaining_lines, wait_until_stopped, writer
from tests.store.test_fencing import take_over

pytestmark = [pytest.mark.postgresql, pytest.mark.long]

Measured = Callable[[str, str], None]

TAKE_OVER_S = 1.5 * LEASE_S + 5.0
CYCLES = 100


@pytest.mark.slurm
def test_a_driver_that_was_stopped_writes_nothing_once_another_has_taken_over(
    slurm: SlurmCluster, postgresql_url: str, tmp_path: Path, measured: Measured
) -> None:
    campaign = CountedCampaign(tmp_path, SLURM, trials=6, jobs=2, steps=15, step_seconds=0.2, store=postgresql_url)
    first = campaign.drive()
    campaign.wait_for_steps(2)
    first.send_signal(signal.SIGSTOP)
    os.waitpid(first.pid, os.WUNTRACED)
    stopped = time.monotonic()
    second = next_driver(campaign)
    took = time.monotonic() - stopped
    first.send_signal(signal.SIGCONT)
    assert first.wait(PATIENCE_S) == LeaseError.exit_code, campaign.log()
    left = campaign.finish(second)
    assert [len(trial.attempts) for trial in left.trials] == [1] * 6
    assert [event.kind for event in left.events].count("driver-started") == 2
    measured(
        "P5", f"stopped driver replaced after {took:.0f} s; going on, it was refused (exit code 5): 0 stale writes"
    )
    assert took <= TAKE_OVER_S


def test_a_hundred_stopped_drivers_write_nothing(postgresql_url: str, measured: Measured) -> None:
    store = open_store(postgresql_url)
    create_campaign(store)
    for _ in range(CYCLES):
        with writer(postgresql_url, "stop-between") as driver:
            wait_until_stopped(driver)
            lease = take_over(store)
            driver.send_signal(signal.SIGCONT)
            assert [line["did"] for line in remaining_lines(driver)] == ["refused"]
            store.release_lease(lease)
    assert {trial.uid for trial in store.trials("aneurysm")} == {"before"}
    store.close()
    measured("P5", f"{CYCLES} SIGSTOP/SIGCONT cycles with a take-over in each: 0 stale writes")


def next_driver(campaign: CountedCampaign) -> subprocess.Popen[bytes]:
    """Launch the campaign again and again, as a user would, until a driver gets the lease; give it."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        driver = campaign.drive()
        assert wait_until(lambda this=driver: this.poll() is not None or campaign.is_driven_by(this.pid))  # type: ignore[misc]
        if driver.poll() is None:
            return driver
        assert driver.returncode == LeaseError.exit_code, campaign.log()
    raise AssertionError(f"nobody took over:\n{campaign.log()}")
