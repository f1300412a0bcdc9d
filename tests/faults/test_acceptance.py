"""Campaigns through `bohpo launch --cluster` on the real queues; `tests.faults.acceptance` runs larger ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bohpo.trial import AttemptState
from tests.faults.acceptance import run_campaign

Measured = Callable[[str, str], None]


@pytest.mark.parametrize(
    ("queue", "fixture"),
    [
        pytest.param("slurm", "slurm", marks=pytest.mark.slurm),
        pytest.param("sge", "grid_engine", marks=pytest.mark.grid_engine),
    ],
)
def test_a_campaign_runs_on_a_real_queue(
    queue: str, fixture: str, request: pytest.FixtureRequest, tmp_path: Path, measured: Measured
) -> None:
    request.getfixturevalue(fixture)
    left, throughput = run_campaign(queue, tmp_path, trials=8, jobs=4, seconds=2.0)
    assert [[a.state for a in trial.attempts] for trial in left.trials] == [[AttemptState.COMPLETED]] * 8
    assert len({attempt.job for trial in left.trials for attempt in trial.attempts}) == 8
    measured("acceptance", f"{queue}, 4 jobs at a time: {throughput}")
