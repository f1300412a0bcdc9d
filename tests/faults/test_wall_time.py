"""Wall times of one minute, the shortest that Slurm knows, under trainings that take longer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bohpo.trial import AttemptState
from tests.faults.campaigns import CountedCampaign
from tests.faults.queues import SHORT_GRID_ENGINE, SHORT_SLURM

pytestmark = pytest.mark.long

Measured = Callable[[str, str], None]

STEPS = 180
"""Steps of a second."""


@pytest.mark.parametrize(
    ("cluster", "fixture"),
    [
        pytest.param(SHORT_SLURM, "slurm", marks=pytest.mark.slurm, id="slurm"),
        pytest.param(SHORT_GRID_ENGINE, "grid_engine", marks=pytest.mark.grid_engine, id="sge"),
    ],
)
def test_a_training_of_three_minutes_takes_several_jobs_of_one_minute(
    cluster: str, fixture: str, request: pytest.FixtureRequest, tmp_path: Path, measured: Measured
) -> None:
    request.getfixturevalue(fixture)
    campaign = CountedCampaign(tmp_path, cluster, trials=2, jobs=2, steps=STEPS, step_seconds=1.0)
    left = campaign.finish(campaign.drive())
    for trial in left.trials:
        *cut, last = [attempt.state for attempt in trial.attempts]
        assert last is AttemptState.COMPLETED
        assert len(cut) >= 2
        assert set(cut) == {AttemptState.PREEMPTED}, trial.attempts
    again = sum(len(left.trace(trial)) - STEPS for trial in left.trials)
    attempts = [len(trial.attempts) for trial in left.trials]
    measured("P8", f"{fixture}, wall time 1 min, trainings of 3 min: {attempts} attempts, {again} steps taken again")
    measured("P10", f"{fixture}, wall time reached {sum(attempts) - len(attempts)} times: 0 trials failed")
