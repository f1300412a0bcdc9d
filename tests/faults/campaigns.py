"""Campaigns of the counting trainer, driven by real `bohpo` processes that a test may kill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bohpo.errors import BohpoError
from bohpo.processes import ATTEMPT_DIRECTORY, process_started
from bohpo.store import open_store
from bohpo.trial import Trial, TrialState
from tests.faults import counting, history
from tests.services.daemon import wait_until

NAME = "counted"
PATIENCE_S = 600.0
"""How long a test waits for what should come soon."""

WORKER = "bohpo.campaign.worker"
TRAINER = "counting.py"

_STARTED: list[subprocess.Popen[bytes]] = []


def end_drivers() -> None:
    """Kill the drivers that a test which failed has left."""
    for process in _STARTED:
        process.kill()
        process.wait()
    _STARTED.clear()


@dataclass
class CountedCampaign:
    """One campaign in a folder of its own.

    Attributes:
        folder: Where `study.toml`, the database and the campaign's folder are.
        cluster: Lines of the study's table [cluster].
        trials: Budget.
        jobs: Jobs at a time.
        steps: Steps of a training.
        step_seconds: Length of a step.
        constants: More constants of the counting trainer.
        store: The database; a file in the folder by default.
        logs: Folder of `drivers.log`, what all drivers said; the same folder by default.
        acknowledged: Number -> value of all trials that were ever read as complete.
    """

    folder: Path
    cluster: str = 'backend = "local"'
    trials: int = 6
    jobs: int = 3
    steps: int = 5
    step_seconds: float = 0.1
    constants: Mapping[str, float] = field(default_factory=dict)
    store: str = ""
    logs: Path | None = None
    acknowledged: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Write the study."""
        self.store = self.store or str(self.folder / "bohpo.db")
        (self.folder / "study.toml").write_text(self.study())

    @property
    def log_path(self) -> Path:
        """File for what the drivers say."""
        return (self.logs or self.folder) / "drivers.log"

    def study(self) -> str:
        """Write the study file."""
        command = [sys.executable, "-I", "-S", counting.__file__]
        pace = {"steps": self.steps, "step_seconds": self.step_seconds, "haste": str(self._haste)}
        fixed = {**pace, **self.constants}
        return "\n".join(
            [
                f'name = "{NAME}"',
                f"command = {json.dumps(command)}",
                '[objective]\nmetric = "value"\ndirection = "maximize"',
                f"[budget]\ntrials = {self.trials}",
                f"[parallel]\njobs = {self.jobs}",
                '[optimizer]\nmethod = "random"',
                '[space]\nx = { type = "float", low = 0.0, high = 1.0 }',
                "[fixed]",
                *(f"{name} = {json.dumps(value)}" for name, value in fixed.items()),
                f"[cluster]\n{self.cluster}\n",
            ]
        )

    @property
    def _haste(self) -> Path:
        return self.folder / "haste"

    def hurry(self) -> None:
        """Have all trainings end soon: what was to be done to them while they run is done."""
        self._haste.touch()

    def tarry(self) -> None:
        """Have trainings take their time again."""
        self._haste.unlink()

    def drive(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a driver, which begins the campaign or goes on with it; `words` are more options of `launch`."""
        return self.bohpo("launch", "study.toml", *words)

    def bohpo(self, *words: str) -> subprocess.Popen[bytes]:
        """Run a command on the campaign's database; what it says goes to `drivers.log`."""
        with self.log_path.open("ab") as log:
            log.write(f"--- {time.strftime('%X')} bohpo {' '.join(words)}\n".encode())
            process = subprocess.Popen(
                (sys.executable, "-m", "bohpo", *words),
                cwd=self.folder,
                env={**os.environ, "BOHPO_STORE": self.store, "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        _STARTED.append(process)
        return process

    def finish(self, driver: subprocess.Popen[bytes], *, zombies: bool = False) -> history.History:
        """Wait for a driver to finish the campaign, and check its history."""
        try:
            code = driver.wait(PATIENCE_S + self.trials * self.steps * self.step_seconds)
        except subprocess.TimeoutExpired:
            driver.kill()
            driver.wait()
            raise AssertionError(f"the campaign does not finish:\n{self.log()}") from None
        assert code == 0, self.log()
        self.acknowledge()
        left = history.History.read(self.store, NAME, self.acknowledged)
        history.check(left, zombies=zombies)
        assert len(left.trials) == self.trials, self.log()
        return left

    def wait_until_driven(self, driver: subprocess.Popen[bytes]) -> None:
        """Wait until a driver holds the campaign's lease."""
        assert wait_until(lambda: self.is_driven_by(driver.pid), seconds=PATIENCE_S), self.log()

    def is_driven_by(self, pid: int) -> bool:
        """Tell whether a process holds the campaign's lease."""
        with contextlib.suppress(BohpoError), contextlib.closing(open_store(self.store, create=False)) as store:
            lease = store.lease(NAME)
            return lease is not None and lease.owner.pid == pid
        return False

    def acknowledge(self) -> list[Trial]:
        """Read the trials, and remember what was said of them; none while the database does not answer."""
        trials = self.recorded()
        for trial in trials:
            if trial.state is TrialState.COMPLETE and trial.value is not None:
                self.acknowledged.setdefault(trial.number, trial.value)
        return trials

    def recorded(self) -> list[Trial]:
        """Read the trials; none before there is a database."""
        with contextlib.suppress(BohpoError), contextlib.closing(open_store(self.store, create=False)) as store:
            return store.trials(NAME)
        return []

    def wait_for(self, holds: Callable[[list[Trial]], bool], what: str) -> list[Trial]:
        """Wait until the recorded trials are as wanted, and give them."""
        seen: list[Trial] = []

        def is_so() -> bool:
            seen[:] = self.acknowledge()
            return holds(seen)

        assert wait_until(is_so, seconds=PATIENCE_S, every=0.2), f"never: {what}\n{self.log()}"
        return seen

    def wait_for_steps(self, count: int, trainings: int = 1) -> list[tuple[int, Path]]:
        """Wait until so many trainings run that have taken `count` steps; give their trials and attempts' folders."""
        found: list[tuple[int, Path]] = []

        def is_so() -> bool:
            found[:] = [
                (int(path.parents[1].name), path.parent)
                for path in self.folder.glob(f"campaigns/{NAME}/trials/*/attempt-*/progress.jsonl")
                if path.read_bytes().count(b"\n") >= count and not (path.parent / "ended.json").exists()
            ]
            return len(found) >= trainings

        assert wait_until(is_so, seconds=PATIENCE_S), f"no {trainings} trainings in progress\n{self.log()}"
        return sorted(found)

    def log(self) -> str:
        """Give what the drivers said, for the message of a test that fails."""
        return self.log_path.read_text(errors="replace")[-6000:]


def processes_of(attempt: Path, what: str) -> list[int]:
    """List the processes of an attempt whose command line holds `what`: WORKER or TRAINER."""
    entry = f"{ATTEMPT_DIRECTORY}={attempt}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and entry in (folder / "environ").read_bytes().split(b"\0"):
                arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if any(part.endswith(what) for part in arguments) and process_started(int(folder.name)):
                    found.append(int(folder.name))
    return found


def kill(attempt: Path, what: str, how: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to an attempt's worker or trainer, which has to be there."""
    pids = processes_of(attempt, what)
    assert pids, f"no {what} runs for {attempt}"
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
