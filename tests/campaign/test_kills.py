"""kill -9 of the driver at seeded moments: no result lost, no trial twice, trainings go on from their checkpoints."""

from __future__ import annotations

import contextlib
import logging
import random
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest

from bohpo.errors import BohpoError
from bohpo.processes import ATTEMPT_DIRECTORY, processes_with_environment
from bohpo.store import open_store
from bohpo.trial import AttemptState, Trial, TrialState
from tests.campaign.specimens import STEPS
from tests.services.daemon import wait_until

KILLS = 20
SEED = 20181
TRIALS = 14
SHARE_AT_WORK = 0.8
"""Of the kills, those that wait until the driver has begun to drive; the others may hit it while it starts."""

LONGEST_S = 3.0
"""Seconds until a kill."""


STUDY = f"""
name = "killed"
trainer = "specimens:stepwise"
[objective]
metric = "score"
direction = "maximize"
[budget]
trials = {TRIALS}
[parallel]
jobs = 2
[optimizer]
method = "random"
[space]
x = {{ type = "float", low = 0.0, high = 1.0 }}
[fixed]
step_seconds = 0.18
"""


def bohpo(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen((sys.executable, "-m", "bohpo", *words), cwd=folder, stderr=subprocess.DEVNULL)


def recorded(folder: Path) -> list[Trial]:
    with contextlib.closing(open_store(str(folder / "bohpo.db"))) as store:
        return store.trials("killed") if store.campaigns() else []


def is_driven_by(folder: Path, pid: int) -> bool:
    with (
        contextlib.suppress(BohpoError),
        contextlib.closing(open_store(str(folder / "bohpo.db"), create=False)) as store,
    ):
        lease = store.lease("killed")
        return lease is not None and lease.owner.pid == pid
    return False


def steps_of(folder: Path, trial: int) -> list[int]:
    return [int(s) for s in (folder / "campaigns/killed/trials" / str(trial) / "steps.txt").read_text().split()]


@pytest.mark.kills
def test_a_driver_killed_at_twenty_moments_loses_nothing_and_trains_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    specimens = (Path(__file__).parent / "specimens.py").read_text()
    (tmp_path / "specimens.py").write_text(specimens)
    moments = random.Random(SEED)
    acknowledged: dict[int, float | None] = {}
    resumed = 0
    for kill in range(KILLS):
        words = (
            ("launch", "study.toml") if kill % 2 == 0 or not (tmp_path / "bohpo.db").exists() else ("resume", "killed")
        )
        driver = bohpo(tmp_path, *words)
        if moments.random() < SHARE_AT_WORK:
            assert wait_until(lambda this=driver: this.poll() is not None or is_driven_by(tmp_path, this.pid))  # type: ignore[misc]
        time.sleep(moments.uniform(0.0, LONGEST_S))
        driver.kill()
        driver.wait()
        trials = recorded(tmp_path) if (tmp_path / "bohpo.db").exists() else []
        for trial in trials:
            if trial.number in acknowledged:
                assert trial.state is TrialState.COMPLETE
                assert trial.value == acknowledged[trial.number]
            elif trial.state is TrialState.COMPLETE:
                acknowledged[trial.number] = trial.value

    assert bohpo(tmp_path, "resume", "killed").wait() == 0
    trials = recorded(tmp_path)
    assert [trial.number for trial in trials] == list(range(TRIALS))
    assert len({trial.uid for trial in trials}) == TRIALS
    for trial in trials:
        assert trial.state is TrialState.COMPLETE
        assert trial.value == pytest.approx(STEPS * float(str(trial.configuration["x"])))
        assert [a.state for a in trial.attempts].count(AttemptState.COMPLETED) == 1
        steps = steps_of(tmp_path, trial.number)
        assert sorted(set(steps)) == list(range(STEPS))
        resumed += len(trial.attempts) - 1
        assert len(steps) - STEPS <= len(trial.attempts) - 1, "more than the step in progress was lost at a kill"
        for attempt in trial.attempts:
            folder = tmp_path / f"campaigns/killed/trials/{trial.number}/attempt-{attempt.number}"
            assert processes_with_environment(ATTEMPT_DIRECTORY, str(folder)) == []
    assert acknowledged.items() <= {trial.number: trial.value for trial in trials}.items()
    assert resumed > 0, "no kill hit a training; choose later moments"
    study = optuna.load_study(study_name="killed", storage=f"sqlite:///{tmp_path / 'bohpo.db'}")
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * TRIALS
    told = f"{KILLS} kills, seed {SEED}: {len(acknowledged)} acknowledged before the last, {resumed} attempts resumed"
    logging.getLogger(__name__).warning(told)
