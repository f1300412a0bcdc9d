"""Configurations that kill their trainer, or make it write garbage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bohpo.trial import AttemptState, TrialState
from tests.faults.campaigns import CountedCampaign

Measured = Callable[[str, str], None]


def test_a_poison_configuration_is_tried_three_times_and_the_campaign_goes_on(
    tmp_path: Path, measured: Measured
) -> None:
    constants = {"poison_above": 0.8, "garbage_above": 0.6}
    campaign = CountedCampaign(tmp_path, trials=10, jobs=3, steps=2, step_seconds=0.05, constants=constants)
    left = campaign.finish(campaign.drive())
    poison = [trial for trial in left.trials if float(str(trial.configuration["x"])) > 0.8]
    garbage = [trial for trial in left.trials if 0.6 < float(str(trial.configuration["x"])) <= 0.8]
    assert poison
    assert garbage
    assert all([a.state for a in trial.attempts] == [AttemptState.KILLED] * 3 for trial in poison)
    assert all([a.state for a in trial.attempts] == [AttemptState.INVALID_OUTCOME] for trial in garbage)
    failed = {trial.number for trial in left.trials if trial.state is TrialState.FAILED}
    assert failed == {trial.number for trial in (*poison, *garbage)}
    measured("P9", f"{len(poison)} poison configurations: 3 attempts each, then failed; the campaign went on")
    measured("P11", f"{len(garbage)} outcomes of nan: 0 recorded as complete")
