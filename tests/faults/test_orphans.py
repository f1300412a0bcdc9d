"""Trainings on real queues whose driver is killed: they run on, and the next driver records or adopts them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bohpo.trial import TrialState
from tests.faults.campaigns import CountedCampaign
from tests.faults.queues import GRID_ENGINE, SLURM, attempts_that_ended
from tests.services.daemon import wait_until

TRIALS = 5


@pytest.mark.parametrize(
    ("cluster", "fixture"),
    [
        pytest.param(SLURM, "slurm", marks=pytest.mark.slurm, id="slurm"),
        pytest.param(GRID_ENGINE, "grid_engine", marks=pytest.mark.grid_engine, id="sge"),
    ],
)
def test_the_death_of_drivers_costs_running_trainings_nothing(
    cluster: str,
    fixture: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    measured: Callable[[str, str], None],
) -> None:
    request.getfixturevalue(fixture)
    campaign = CountedCampaign(tmp_path, cluster, trials=TRIALS, jobs=3, steps=200, step_seconds=0.2)
    first = campaign.drive()
    recorded_by_next = campaign.wait_for_steps(2, trainings=2)
    first.kill()
    first.wait()
    campaign.hurry()
    assert wait_until(lambda: len(attempts_that_ended(recorded_by_next)) == len(recorded_by_next)), campaign.log()
    campaign.tarry()
    second = campaign.drive()
    adopted_by_next = campaign.wait_for_steps(2, trainings=2)
    second.kill()
    second.wait()
    third = campaign.drive()
    campaign.wait_until_driven(third)
    campaign.hurry()
    left = campaign.finish(third)
    assert [len(trial.attempts) for trial in left.trials] == [1] * TRIALS
    assert {trial.state for trial in left.trials} == {TrialState.COMPLETE}
    assert all(len({step.pid for step in left.trace(trial)}) == 1 for trial in left.trials)
    orphans = len(recorded_by_next) + len(adopted_by_next)
    measured(
        "P15", f"{fixture}: 2 drivers killed under {orphans} running trainings, 0 lost, 0 restarted, 1 attempt each"
    )
