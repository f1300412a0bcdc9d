"""A driver at work on trainings of seconds, as a process of its own."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bohpo.errors import NotFoundError
from bohpo.store import Store, TrialsReader, open_store
from bohpo.trial import TrialState
from tests.benchmarks.viewers import PATIENCE_S

NAME = "paced"
JOBS = 4
TRAINING_S = 2.0
PAUSE_S = 0.1
STUDY = f"""\
name = "{NAME}"
command = ["sh", "-c", "sleep {TRAINING_S}; echo '{{\\"value\\": 0.5}}' > \\"$BOHPO_DIRECTORY/outcome.json\\""]

[objective]
metric = "value"
direction = "maximize"

[budget]
trials = 100000

[parallel]
jobs = {JOBS}
threads = 1

[optimizer]
method = "random"

[space]
rate = {{ type = "float", low = 1e-4, high = 0.3, log = true }}
depth = {{ type = "int", low = 2, high = 6 }}
"""


@contextlib.contextmanager
def driving(folder: Path) -> Iterator[Driven]:
    """Have a campaign driven on the database of a folder; gives way once its first trainings have ended."""
    (folder / "paced.toml").write_text(STUDY)
    command = [sys.executable, "-m", "bohpo", "launch", "paced.toml", f"--store={folder / 'bohpo.db'}"]
    command.append(f"--directory={folder / 'campaigns'}")
    with (
        contextlib.closing(open_store(str(folder / "bohpo.db"))) as store,
        subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as driver,
    ):
        try:
            driven, give_up = Driven(store), time.monotonic() + PATIENCE_S
            while driven.finished < JOBS:
                if driver.poll() is not None or time.monotonic() > give_up:
                    raise RuntimeError(f"the driver has not begun, exit code {driver.returncode}")
                time.sleep(PAUSE_S)
            yield driven
        finally:
            driver.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                driver.wait(60)
            driver.kill()


class Driven:
    """The campaign that is driven."""

    def __init__(self, store: Store) -> None:
        """Watch its database."""
        self._reader = TrialsReader(store, NAME)

    @property
    def finished(self) -> int:
        """How many trials have finished."""
        try:
            return sum(trial.state is TrialState.COMPLETE for trial in self._reader.read())
        except NotFoundError:
            return 0

    def per_minute(self, seconds: float) -> float:
        """Count the trials that finish in so many seconds, per minute, from one that finishes to another."""
        before, began = self._next()
        time.sleep(seconds)
        after, ended = self._next()
        return 60 * (after - before) / (ended - began)

    def _next(self) -> tuple[int, float]:
        """Wait for the next trial that finishes; gives how many there are then, and the moment."""
        known = self.finished
        while (now := self.finished) == known:
            time.sleep(PAUSE_S)
        return now, time.monotonic()
