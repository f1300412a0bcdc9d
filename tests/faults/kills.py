"""Campaigns on a real Slurm and PostgreSQL under kill -9 of driver, workers and database at seeded moments.

`python -m tests.faults.kills --kills 1000` starts both, and campaign after campaign until there were so many kills.
After each kill everything that the database says is complete is noted, and at the end of each campaign the checker
holds the whole history, the files and these notes against the promises.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.campaigns import WORKER, CountedCampaign, processes_of
from tests.faults.figures import append_figure
from tests.faults.history import History
from tests.faults.queues import SLURM
from tests.services import PostgresqlServer, start_postgresql, start_slurm
from tests.services.daemon import wait_until

SEED = 20181
WEIGHTS = {"driver": 4, "worker": 4, "database": 2}
LONGEST_GAP_S = 1.5
"""Time between kills."""

SHARE_AT_WORK = 0.7
"""Of the kills, those that wait until the driver has begun to drive; the others may hit it while it starts."""


@dataclass
class Tally:
    """What the kills came to.

    Attributes:
        kills: Kills by what was killed.
        campaigns: Campaigns that were driven to their end.
        trials: Their trials.
        attempts: The attempts at these.
        acknowledged: Trials that were seen complete before the last kill of their campaign.
        steps_again: Steps that were taken more than once.
    """

    kills: Counter[str] = field(default_factory=Counter)
    campaigns: int = 0
    trials: int = 0
    attempts: int = 0
    acknowledged: int = 0
    steps_again: int = 0

    def add(self, left: History, acknowledged: int) -> None:
        """Add a campaign that has ended and was checked."""
        self.campaigns += 1
        self.trials += len(left.trials)
        self.attempts += sum(len(trial.attempts) for trial in left.trials)
        self.acknowledged += acknowledged
        for trial in left.trials:
            steps = [step.step for step in left.trace(trial)]
            self.steps_again += len(steps) - len(set(steps))

    def __str__(self) -> str:
        """Write it as one line."""
        killed = ", ".join(f"{count} {what}" for what, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kill -9 ({killed}) over {self.campaigns} campaigns, {self.trials} trials,"
            f" {self.attempts} attempts: of {self.acknowledged} acknowledged results 0 lost, 0 duplicates,"
            f" 0 torn files, {self.steps_again} steps taken again"
        )


class Killer:
    """Kills what a campaign consists of, at moments that a seed tells."""

    def __init__(self, campaign: CountedCampaign, server: PostgresqlServer, moments: random.Random) -> None:
        """Start the campaign's driver."""
        self._campaign = campaign
        self._server = server
        self._moments = moments
        self.driver = self._drive()

    def kill_next(self) -> str:
        """Wait for the next moment, kill, have it go on, and give what was killed; nothing where nothing was there."""
        if self._moments.random() < SHARE_AT_WORK:
            wait_until(lambda: self.driver.poll() is not None or self._size_of_log() > self._silent)
        time.sleep(self._moments.uniform(0.0, LONGEST_GAP_S))
        what = self._moments.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        killed = {"driver": self._kill_driver, "worker": self._kill_worker, "database": self._kill_database}[what]()
        self._campaign.acknowledge()
        return what if killed else ""

    def _drive(self) -> subprocess.Popen[bytes]:
        """Start a driver; it speaks when it has begun to drive."""
        driver = self._campaign.drive()
        self._silent = self._size_of_log()
        return driver

    def _size_of_log(self) -> int:
        return self._campaign.log_path.stat().st_size

    def _kill_driver(self) -> bool:
        if self.driver.poll() is not None:
            return False
        self.driver.kill()
        self.driver.wait()
        self.driver = self._drive()
        return True

    def _kill_worker(self) -> bool:
        folders = self._campaign.folder.glob("campaigns/*/trials/*/attempt-*")
        alive = [folder for folder in sorted(folders) if not (folder / "ended.json").exists()]
        workers = [pid for folder in alive for pid in processes_of(folder, WORKER)]
        if workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._moments.choice(workers), 9)
                return True
        return False

    def _kill_database(self) -> bool:
        self._server.crash()
        self._server.start()
        return True


def kill_campaigns(kills: int, seed: int, folder: Path, server: PostgresqlServer, *, trials: int = 50) -> Tally:
    """Drive campaigns under kills until there were enough, and check each; Slurm's variables are in the environment.

    Args:
        kills: How many.
        seed: Of the moments and of what is killed.
        folder: For the campaigns' folders; each is removed when it was checked.
        server: The database's server.
        trials: Trials of a campaign.

    Raises:
        AssertionError: If a promise is broken; the campaign's folder is left.
    """
    moments = random.Random(seed)
    tally = Tally()
    while tally.kills.total() < kills:
        place = folder / str(tally.campaigns)
        place.mkdir()
        url = server.empty_database()
        campaign = CountedCampaign(place, SLURM, trials=trials, jobs=5, steps=8, step_seconds=0.15, store=url)
        killer = Killer(campaign, server, moments)
        at_stake = 0
        while tally.kills.total() < kills and killer.driver.poll() is None:
            acknowledged = len(campaign.acknowledged)
            if killed := killer.kill_next():
                tally.kills[killed] += 1
                at_stake = acknowledged
        tally.add(_finish(campaign, killer.driver), at_stake)
        sys.stderr.write(f"seed {seed}, so far {tally}\n")
    return tally


def _finish(campaign: CountedCampaign, driver: subprocess.Popen[bytes]) -> History:
    try:
        return campaign.finish(driver, zombies=False)
    finally:
        if driver.poll() is None:
            driver.kill()
            driver.wait()


def main() -> None:
    """Kill as the arguments tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--trials", type=int, default=50, help="trials of a campaign")
    wanted = parser.parse_args()
    with contextlib.ExitStack() as stack:
        try:
            slurm, server = start_slurm(), start_postgresql()
        except (pytest.skip.Exception, pytest.fail.Exception) as error:
            sys.exit(str(error))
        stack.callback(slurm.remove)
        stack.callback(server.remove)
        os.environ.update(slurm.environment)
        folder = Path(tempfile.mkdtemp(prefix="kills-"))
        tally = kill_campaigns(wanted.kills, wanted.seed, folder, server, trials=wanted.trials)
    figure = f"{tally}; seed {wanted.seed}"
    for promise in ("P1", "P12"):
        append_figure(promise, figure, f"python -m tests.faults.kills --kills {wanted.kills} --seed {wanted.seed}")
    sys.stdout.write(f"{figure}\n")


if __name__ == "__main__":
    main()
