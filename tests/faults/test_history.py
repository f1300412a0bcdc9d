"""The checker finds what is wrong with a history; whatever it cannot find, no other test of this folder does."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bohpo.processes import ATTEMPT_DIRECTORY
from bohpo.trial import AttemptState
from tests.faults.campaigns import NAME, CountedCampaign
from tests.faults.history import History, broken_promises


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> CountedCampaign:
    """Run a small campaign to its end."""
    campaign = CountedCampaign(tmp_path_factory.mktemp("kept"), trials=2, jobs=2, steps=3, step_seconds=0.01)
    campaign.finish(campaign.drive())
    return campaign


@pytest.fixture
def copied(kept: CountedCampaign, tmp_path: Path) -> Path:
    """Give a copy of what the campaign left."""
    return Path(shutil.copytree(kept.folder, tmp_path / "copy"))


def broken(folder: Path, **changes: object) -> list[str]:
    """Check a copy."""
    history = History.read(str(folder / "bohpo.db"), NAME, {0: 0.5} if "acknowledged" in changes else None)
    campaign = dataclasses.replace(history.campaign, directory=folder / "campaigns" / NAME)
    return list(broken_promises(dataclasses.replace(history, campaign=campaign)))


def change_database(statement: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with contextlib.closing(sqlite3.connect(folder / "bohpo.db")) as connection, connection:
            connection.execute(statement)

    return change


def change_file(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: bytes_to(folder / "campaigns" / NAME / "trials" / "0" / name, text)


def bytes_to(path: Path, text: str) -> None:
    path.write_text(text)


def repeat_step(folder: Path) -> None:
    path = folder / "campaigns" / NAME / "trials" / "0" / "steps.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[-1]]))


def interleave(folder: Path) -> None:
    path = folder / "campaigns" / NAME / "trials" / "0" / "steps.jsonl"
    first = json.loads(path.read_text().splitlines()[0])
    with path.open("a") as trace:
        trace.write(json.dumps({**first, "pid": 1}) + "\n" + json.dumps(first) + "\n")


def test_a_campaign_without_faults_keeps_all_promises(copied: Path) -> None:
    assert broken(copied) == []


@pytest.mark.parametrize(
    ("promise", "damage"),
    [
        ("P1", change_database("UPDATE trials SET state = 'FAIL' WHERE number = 0")),
        ("P2", change_database("DELETE FROM trials WHERE number = 0")),
        ("P2", change_database("UPDATE bohpo_event SET trial = 0 WHERE kind = 'completed'")),
        ("P3", change_database("UPDATE trial_values SET value = 0.123")),
        ("P4", change_database("UPDATE trials SET state = 'RUNNING' WHERE number = 1")),
        ("P4", change_database("UPDATE bohpo_attempt SET state = 'running'")),
        ("P4", change_database("UPDATE bohpo_campaign SET state = 'active'")),
        ("P8", change_file("attempt-1/config.json", '{"x": 7.0}')),
        ("P8", repeat_step),
        ("P12", change_file("attempt-1/ended.json", '{"state": "comp')),
        ("P15", interleave),
    ],
)
def test_damage_is_found(copied: Path, promise: str, damage: Callable[[Path], None]) -> None:
    damage(copied)
    found = broken(copied)
    assert any(line.startswith(f"{promise} ") for line in found), found


def test_a_value_that_was_acknowledged_and_changed_is_found(copied: Path) -> None:
    assert any(line.startswith("P1 ") for line in broken(copied, acknowledged=True))


def test_a_process_that_was_left_is_found(copied: Path) -> None:
    attempt = str(copied / "campaigns" / NAME / "trials" / "0" / "attempt-1")
    with subprocess.Popen(
        (sys.executable, "-c", "input()"), stdin=subprocess.PIPE, env={ATTEMPT_DIRECTORY: attempt}
    ) as left:
        found = broken(copied)
        left.communicate(b"\n")
    assert any(line.startswith("P4 ") for line in found), found


@pytest.mark.parametrize("state", [AttemptState.KILLED, AttemptState.LOST])
def test_budgets_that_were_passed_are_found(copied: Path, state: AttemptState) -> None:
    change_database("UPDATE trials SET state = 'FAIL' WHERE number = 0")(copied)
    history = History.read(str(copied / "bohpo.db"), NAME)
    trial = history.trials[0]
    attempts = tuple(dataclasses.replace(trial.attempts[0], number=number, state=state) for number in range(1, 5))
    trials = (dataclasses.replace(trial, attempts=attempts), *history.trials[1:])
    found = list(broken_promises(dataclasses.replace(history, trials=trials)))
    promise = "P9 " if state is AttemptState.KILLED else "P10 "
    assert any(line.startswith(promise) for line in found), found
