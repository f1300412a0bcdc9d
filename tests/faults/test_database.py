"""A campaign on a real Slurm whose PostgreSQL goes away, crashes and comes back; passwords and sockets meanwhile."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from bohpo.trial import AttemptState
from tests.faults.campaigns import WORKER, CountedCampaign, processes_of
from tests.faults.queues import SLURM
from tests.faults.sockets import sockets_of
from tests.services import DATABASE, PostgresqlServer, SlurmCluster, start_postgresql
from tests.services.daemon import wait_until

pytestmark = [pytest.mark.postgresql, pytest.mark.slurm]

Measured = Callable[[str, str], None]
CONNECTIONS_ALLOWED = 5


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """Run a server that these tests may stop."""
    started = start_postgresql()
    yield started
    started.remove()


def with_password(server: PostgresqlServer) -> str:
    """Give the database's URL over the loopback interface, where the server asks for a password."""
    return f"postgresql://postgres:{quote(server.password)}@127.0.0.1:{server.port}/{DATABASE}"


def test_a_database_that_restarts_and_crashes_costs_no_trial(
    slurm: SlurmCluster, server: PostgresqlServer, tmp_path: Path, measured: Measured
) -> None:
    server.empty_database()
    url = with_password(server)
    campaign = CountedCampaign(tmp_path, SLURM, trials=10, jobs=3, steps=15, step_seconds=0.2, store=url)
    driver = campaign.drive()
    for round_, how in enumerate((signal.SIGINT, signal.SIGQUIT, signal.SIGQUIT), start=1):
        campaign.wait_for_steps(round_, trainings=2)
        server.stop(how)
        time.sleep(1.0)  # an outage, not a hiccup
        server.start()
    left = campaign.finish(driver)
    assert all([a.state for a in trial.attempts] == [AttemptState.COMPLETED] for trial in left.trials)
    assert holding(tmp_path, secrets_of(server)) == [], "a password is in what was said about the outages"
    measured("P2", "PostgreSQL restarted once and crashed twice under a campaign: 0 duplicates")
    measured("P7", "3 outages of PostgreSQL of some seconds: campaign survives, 0 attempts lost")


@pytest.mark.long
def test_a_campaign_outlasts_a_database_that_is_away_for_ten_minutes(
    slurm: SlurmCluster, server: PostgresqlServer, tmp_path: Path, measured: Measured
) -> None:
    url = server.empty_database()
    campaign = CountedCampaign(tmp_path, SLURM, trials=8, jobs=3, steps=15, step_seconds=0.2, store=url)
    driver = campaign.drive()
    campaign.wait_for_steps(3, trainings=3)
    server.stop()
    wait_until(lambda: driver.poll() is not None, seconds=600)
    assert driver.poll() is None, campaign.log()
    ended = len([1 for trial in campaign.folder.glob("campaigns/*/trials/*/attempt-*/ended.json") if trial])
    server.start()
    back = time.monotonic()
    campaign.wait_for(lambda trials: sum(t.ended is not None for t in trials) >= ended, "the results are recorded")
    took = time.monotonic() - back
    campaign.finish(driver)
    measured("P7", f"10 minutes without PostgreSQL survived; {ended} results recorded {took:.1f} s after its return")
    assert took <= 10.0


def test_nothing_listens_and_no_password_is_left_anywhere(
    slurm: SlurmCluster, server: PostgresqlServer, tmp_path: Path, measured: Measured
) -> None:
    server.empty_database()
    url = with_password(server)
    campaign = CountedCampaign(tmp_path, SLURM, trials=3, jobs=3, steps=200, step_seconds=0.2, store=url)
    driver = campaign.drive()
    running = campaign.wait_for_steps(3, trainings=3)
    of_driver = sockets_of(driver.pid)
    of_workers = [socket for _, folder in running for pid in processes_of(folder, WORKER) for socket in sockets_of(pid)]
    assert of_workers == []
    assert not [socket for socket in of_driver if socket.is_listening or socket.remote_port != server.port]
    assert 1 <= len(of_driver) <= CONNECTIONS_ALLOWED
    secrets = secrets_of(server)
    assert not [pid for _, folder in running for pid in processes_of(folder, "") if told_of(pid, secrets)]
    places = (slurm.folder, tmp_path)  # Slurm keeps the scripts and environments of jobs that run
    tell_tales = [path for place in places for path in holding(place, secrets)]
    campaign.hurry()
    campaign.finish(driver)
    tell_tales += [path for place in places for path in holding(place, secrets)]
    assert tell_tales == []
    figure = (
        f"driver: {len(of_driver)} connections to the database, 0 listening; workers: no socket; password in 0 files"
    )
    measured("security", figure)


def secrets_of(server: PostgresqlServer) -> list[bytes]:
    """Give the password as it is, and as a URL has it."""
    return [server.password.encode(), quote(server.password).encode()]


def told_of(pid: int, secrets: list[bytes]) -> bool:
    """Tell whether a process finds one of the secrets in its environment or its arguments."""
    told = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
    return any(secret in told for secret in secrets)


def holding(folder: Path, secrets: list[bytes]) -> list[Path]:
    """Give the files below a folder that hold one of the secrets."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if any(secret in path.read_bytes() for secret in secrets)]
