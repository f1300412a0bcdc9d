"""Read what a campaign left in its database and its folders, and hold it against the promises.

`python -m tests.faults.history DATABASE CAMPAIGN` does so for any campaign that has ended; those of the counting
trainer also leave a trace of every step, and then more can be checked.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bohpo.store import open_store
from bohpo.store.records import Campaign, Event, Lease
from bohpo.trial import Trial


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the counting trainer.

    Attributes:
        attempt: Name of the attempt's folder.
        step: 0, 1, ...
        pid: The process that took it.
        time: When it was done, seconds since the epoch.
    """

    attempt: str
    step: int
    pid: int
    time: float


@dataclass(frozen=True, slots=True)
class History:
    """What a campaign left behind.

    Attributes:
        campaign: Its record.
        trials: All its trials, by number.
        events: All that happened, in order.
        lease: Who drives it, or None.
        optuna: Number of a trial -> its state in Optuna's own table, read as another tool would.
        acknowledged: Number of a trial -> its value, as somebody read it from the database at any time before.
    """

    campaign: Campaign
    trials: tuple[Trial, ...]
    events: tuple[Event, ...]
    lease: Lease | None
    optuna: Mapping[int, str]
    acknowledged: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def read(cls, url: str, name: str, acknowledged: Mapping[int, float] | None = None) -> History:
        """Read a campaign that nobody writes to any more."""
        with contextlib.closing(open_store(url, create=False)) as store:
            return cls(
                store.campaign(name),
                tuple(store.trials(name)),
                tuple(store.events(name)),
                store.lease(name),
                _states_in_optuna(url, name),
                dict(acknowledged or {}),
            )

    def attempts(self, trial: Trial) -> list[Path]:
        """Give the folders of a trial's attempts that are there, by number."""
        folders = (self.folder(trial) / f"attempt-{attempt.number}" for attempt in trial.attempts)
        return [folder for folder in folders if folder.is_dir()]

    def folder(self, trial: Trial) -> Path:
        """Give a trial's folder."""
        return self.campaign.directory / "trials" / str(trial.number)

    def trace(self, trial: Trial) -> list[Step]:
        """Give the steps that the counting trainer took, in order; a line that a full disk cut off is passed over."""
        path = self.folder(trial) / "steps.jsonl"
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        return [Step(**json.loads(line)) for line in lines if line.endswith(b"\n")]


def read_json(path: Path) -> Any | None:
    """Read a JSON file, or give None where it is not there or is none."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def check(history: History, *, zombies: bool = False) -> None:
    """Refuse a history that breaks a promise, and name all that it breaks.

    Args:
        history: Of a campaign that has finished.
        zombies: Whether trainings were cut off from their driver and went on beside their successors.

    Raises:
        AssertionError: If it breaks one.
    """
    broken = list(broken_promises(history, zombies=zombies))
    assert not broken, "\n".join(broken)


def broken_promises(history: History, *, zombies: bool = False) -> Iterator[str]:
    """Give all that a history breaks, a line each that begins with the promise."""
    from tests.faults.promises import CHECKS

    for (promise, allows_zombies), find in CHECKS.items():
        if allows_zombies or not zombies:
            yield from (f"{promise}: {line}" for line in find(history))


def _states_in_optuna(url: str, name: str) -> dict[int, str]:
    """Read Optuna's tables as they are, past bohpo and Optuna."""
    from sqlalchemy import create_engine, text

    from bohpo.store.location import parse_location

    engine = create_engine(parse_location(url).url)
    query = text("SELECT number, state FROM trials JOIN studies USING (study_id) WHERE study_name = :name")
    try:
        with engine.connect() as connection:
            return {row.number: row.state for row in connection.execute(query, {"name": name})}
    finally:
        engine.dispose()


def main() -> None:
    """Check the campaign that the arguments name; the exit code tells whether it keeps its promises."""
    history = History.read(sys.argv[1], sys.argv[2])
    broken = list(broken_promises(history))
    sys.stdout.write("".join(f"{line}\n" for line in broken) or f"{len(history.trials)} trials, all promises kept\n")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
