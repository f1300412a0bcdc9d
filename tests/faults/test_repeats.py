"""What comes a second time, or with another meaning, changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bohpo.errors import UsageError
from bohpo.store import open_store
from bohpo.trial import Outcome, TrialState
from tests.faults.campaigns import CountedCampaign
from tests.store.examples import OUTCOME, PROPOSAL, begin

Measured = Callable[[str, str], None]


@pytest.mark.postgresql
@pytest.mark.parametrize("repeats", [50, pytest.param(1000, marks=pytest.mark.long)])
def test_repeated_reports_change_nothing(postgresql_url: str, measured: Measured, repeats: int) -> None:
    store = open_store(postgresql_url)
    lease = begin(store)
    number = store.add_trial(lease, "once", PROPOSAL)
    assert store.complete_trial(lease, number, OUTCOME.value, OUTCOME)
    first = store.trials("aneurysm"), store.curves("aneurysm", number)
    for repeat in range(repeats):
        if repeat % 2:
            assert not store.complete_trial(lease, number, float(repeat), Outcome(float(repeat)), [(1, 0.5)])
        else:
            assert not store.fail_trial(lease, number, "a late opinion")
    assert (store.trials("aneurysm"), store.curves("aneurysm", number)) == first
    store.close()
    measured("P3", f"{repeats} repeated reports, half of them failures: 0 changes")


def test_a_changed_search_space_is_refused_and_the_campaign_goes_on(tmp_path: Path, measured: Measured) -> None:
    campaign = CountedCampaign(tmp_path, trials=4, jobs=2, steps=200, step_seconds=0.1)
    driver = campaign.drive()
    campaign.wait_for_steps(2, trainings=2)
    driver.kill()
    driver.wait()
    study = tmp_path / "study.toml"
    original = study.read_text()
    study.write_text(original.replace("high = 1.0", "high = 2.0"))
    assert campaign.drive().wait() == UsageError.exit_code
    assert "belongs to another study" in campaign.log()
    study.write_text(original)
    campaign.hurry()
    left = campaign.finish(campaign.drive())
    assert all(trial.state is TrialState.COMPLETE for trial in left.trials)
    measured("P14", "launched with another space under the same name: refused (exit code 2), the campaign goes on")
