"""A driver is killed again and again while it writes: nothing acknowledged is lost, doubled or torn."""

from __future__ import annotations

import random
import sqlite3
import time
from typing import Any

import pytest

from bohpo.store import open_store
from bohpo.store.location import parse_location
from bohpo.trial import Trial, TrialState
from tests.store.examples import OUTCOME, PROPOSAL, create_campaign
from tests.store.processes import next_line, remaining_lines, writer

KILLS = 12
LONGEST_LIFE_S = 0.4


@pytest.mark.kills
def test_nothing_acknowledged_is_lost_to_kills(database_url: str) -> None:
    moments = random.Random(0)
    store = open_store(database_url)
    create_campaign(store)
    acknowledged: list[dict[str, Any]] = []
    for _ in range(KILLS):
        with writer(database_url, "write") as process:
            acknowledged.append(next_line(process))
            time.sleep(moments.uniform(0.0, LONGEST_LIFE_S))
            process.kill()
            acknowledged += remaining_lines(process)
        check(store.trials("aneurysm"), acknowledged)
    trials = store.trials("aneurysm")
    assert all(store.curves("aneurysm", trial.number) == OUTCOME.curves for trial in trials if trial.ended is not None)
    assert sum(trial.state is TrialState.PENDING for trial in trials) <= 1
    numbers = [event.trial for event in store.events("aneurysm")]
    assert len(set(numbers)) == len(numbers)
    store.close()
    check_integrity(database_url)


def check(trials: list[Trial], acknowledged: list[dict[str, Any]]) -> None:
    """Hold the database against what the killed drivers had acknowledged."""
    done = {kind: [line for line in acknowledged if line["did"] == kind] for kind in ("lease", "add", "complete")}
    tokens = [line["token"] for line in done["lease"]]
    assert tokens == list(range(1, len(tokens) + 1))
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert len({trial.uid for trial in trials}) == len(trials)
    uids = {trial.number: trial.uid for trial in trials}
    assert {line["number"]: line["uid"] for line in done["add"]}.items() <= uids.items()
    completed = [line["number"] for line in done["complete"]]
    assert all(line["recorded"] for line in done["complete"])
    assert len(set(completed)) == len(completed)
    assert set(completed) <= {trial.number for trial in trials if trial.state is TrialState.COMPLETE}
    for trial in trials:
        check_whole(trial)


def check_whole(trial: Trial) -> None:
    """Refuse a trial of which only a part was written."""
    assert trial.configuration == PROPOSAL.configuration
    if trial.state is TrialState.COMPLETE:
        assert (trial.value, trial.variance) == (float(trial.number), 0.25)
        assert trial.metrics == {"partial_auc": float(trial.number)}
        assert len(trial.attempts) == 1
        assert trial.ended is not None


def check_integrity(database_url: str) -> None:
    """Have SQLite look for damage in its file."""
    path = parse_location(database_url).path
    if path is not None:
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.close()
