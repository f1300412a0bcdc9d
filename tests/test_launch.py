"""Launching from Python."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

import bohpo
from bohpo.store import CampaignState
from tests.campaign.test_loop import study


def test_launch_runs_a_study_to_its_end_and_gives_the_campaign(tmp_path: Path) -> None:
    interrupt = signal.getsignal(signal.SIGINT)
    store = str(tmp_path / "bohpo.db")
    campaign = bohpo.launch(study(trials=2), name="from-python", store=store, directory=tmp_path)
    assert (campaign.name, campaign.state) == ("from-python", CampaignState.FINISHED)
    assert bohpo.launch(study(trials=2), name="from-python", store=store, directory=tmp_path) == campaign
    assert signal.getsignal(signal.SIGINT) is interrupt


@pytest.mark.parametrize("name", ["..", "../escape", "two\nlines", "", "a" * 65])
def test_a_name_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(bohpo.BohpoError, match="--name"):
        bohpo.launch(study(), name=name, store=str(tmp_path / "bohpo.db"), directory=tmp_path / "home")
    assert not (tmp_path / "home").exists()
