"""Models and checkpoints are removed, and nothing that lies outside the campaign."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bohpo.campaign.attempts import attempt_directory
from bohpo.campaign.retention import clear_checkpoints
from bohpo.store.records import Campaign
from bohpo.trial import Attempt, AttemptState, Proposal, Trial, TrialState
from tests.services.absence import missing


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    (tmp_path / "home").mkdir()
    return Campaign("specimen", "", "", tmp_path / "home")


@pytest.fixture
def checkpoint(campaign: Campaign) -> Path:
    folder = attempt_directory(campaign, 0, 1).checkpoint
    folder.mkdir(parents=True)
    (folder / "last.pt").touch()
    return folder


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    folder = tmp_path / "my data"
    (folder / "checkpoint").mkdir(parents=True)
    (folder / "checkpoint/precious").touch()
    (folder / "precious").touch()
    return folder


def clear(campaign: Campaign) -> None:
    attempt = Attempt(0, 1, AttemptState.COMPLETED)
    trial = Trial(0, "uid", {}, TrialState.COMPLETE, Proposal({}, "startup"), attempts=(attempt,))
    clear_checkpoints(campaign, trial)


def is_whole(precious: Path) -> bool:
    return (precious / "precious").exists() and (precious / "checkpoint/precious").exists()


def test_a_folder_is_removed_with_all_that_is_in_it(campaign: Campaign, checkpoint: Path, precious: Path) -> None:
    (checkpoint / "link").symlink_to(precious)
    clear(campaign)
    assert not checkpoint.exists()
    assert is_whole(precious)


def test_of_a_link_only_the_link_is_removed(campaign: Campaign, checkpoint: Path, precious: Path) -> None:
    checkpoint.rename(checkpoint.with_name("elsewhere"))
    checkpoint.symlink_to(precious)
    clear(campaign)
    assert not checkpoint.is_symlink()
    assert is_whole(precious)


@pytest.mark.parametrize("level", [0, 1])
def test_what_a_link_above_leads_to_is_kept(
    campaign: Campaign, checkpoint: Path, precious: Path, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    replaced = checkpoint.parents[level]
    replaced.rename(replaced.with_name("elsewhere"))
    if level == 1:
        (precious / "attempt-1").symlink_to(".")
    replaced.symlink_to(precious)
    clear(campaign)
    assert is_whole(precious)
    assert "is kept: a link leads there" in caplog.text


def test_a_campaign_that_is_itself_reached_through_a_link_is_tidied(
    campaign: Campaign, checkpoint: Path, tmp_path: Path
) -> None:
    campaign.directory.rename(tmp_path / "moved")
    campaign.directory.symlink_to("moved")
    clear(campaign)
    assert not checkpoint.exists()


def test_a_link_to_itself_and_a_file_are_removed(campaign: Campaign, checkpoint: Path) -> None:
    (checkpoint / "last.pt").unlink()
    checkpoint.rmdir()
    checkpoint.symlink_to(checkpoint.name)
    clear(campaign)
    assert not checkpoint.is_symlink()
    checkpoint.touch()
    clear(campaign)
    assert not checkpoint.exists()


@pytest.mark.parametrize("below", ["", "a folder"])
def test_what_is_mounted_in_it_is_kept(
    campaign: Campaign, checkpoint: Path, precious: Path, below: str, caplog: pytest.LogCaptureFixture
) -> None:
    place = checkpoint / below
    place.mkdir(exist_ok=True)
    mounted = subprocess.run(("mount", "--bind", str(precious), str(place)), capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(missing("the right to mount (root)"))
    try:
        clear(campaign)
        assert is_whole(precious)
        assert f"a file system is mounted in it, at {place}" in caplog.text
    finally:
        subprocess.run(("umount", str(place)), check=True)
