"""Launching from Python."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import bohpo
from bohpo.campaign.launch import study_of
from bohpo.store import CampaignState
from bohpo.study.tables import Budget
from tests.campaign.test_loop import study
from tests.cli.test_campaign_commands import READERS, answer, write_study
from tests.cli.test_campaign_commands import bohpo as run_command
from tests.service.conftest import opened

SCRIPT = """
import sys
sys.path.insert(0, {trainers!r})
import bohpo, specimens

campaign = bohpo.launch(
    bohpo.Study(
        name="in-python",
        trainer=specimens.quadratic,
        objective={{"metric": "score", "direction": "maximize"}},
        budget={{"trials": 3}},
        parallel={{"jobs": 2}},
        optimizer={{"method": "random"}},
        space={{
            "x": {{"type": "float", "low": 0.0, "high": 1.0}},
            "quote": {{"type": "categorical", "choices": ['"', "a\\nb", "é"]}},
        }},
    )
)
print(campaign.state)
"""


def test_launch_runs_a_study_to_its_end_and_gives_the_campaign(tmp_path: Path) -> None:
    interrupt = signal.getsignal(signal.SIGINT)
    store = str(tmp_path / "bohpo.db")
    campaign = bohpo.launch(study(trials=2), name="from-python", store=store, directory=tmp_path)
    assert (campaign.name, campaign.state) == ("from-python", CampaignState.FINISHED)
    assert bohpo.launch(study(trials=2), name="from-python", store=store, directory=tmp_path) == campaign
    assert signal.getsignal(signal.SIGINT) is interrupt


def test_a_copy_that_was_changed_in_python_is_recorded_as_it_was_run(tmp_path: Path) -> None:
    changed = study(trials=9).model_copy(update={"budget": Budget(trials=2), "fixed": {"step_seconds": 0.25}})
    store = str(tmp_path / "bohpo.db")
    campaign = bohpo.launch(changed, name="changed", store=store, directory=tmp_path)
    assert campaign.budget_trials == 2
    recorded = study_of(campaign)
    assert (recorded.fixed, recorded.budget.trials) == ({"step_seconds": 0.25}, 2)
    assert recorded.hash == campaign.study_hash == changed.hash
    assert bohpo.launch(changed, name="changed", store=store, directory=tmp_path) == campaign
    unchanged = study(trials=2)
    assert unchanged.as_written() is unchanged
    with pytest.raises(bohpo.BohpoError, match="fixed"):
        bohpo.launch(unchanged.model_copy(update={"fixed": {"x": 1}}), store=store, directory=tmp_path)


@pytest.mark.parametrize("name", ["..", "../escape", "two\nlines", "", "a" * 65])
def test_a_name_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(bohpo.BohpoError, match="--name"):
        bohpo.launch(study(), name=name, store=str(tmp_path / "bohpo.db"), directory=tmp_path / "home")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("kind", ["text", "path", "dictionary"])
def test_a_study_may_be_given_as_a_path_or_a_dictionary(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_study(tmp_path, trials=1) / "study.toml"
    monkeypatch.chdir(tmp_path)
    data = tomllib.loads(file.read_text())
    given: dict[str, Any] = {"text": "study.toml", "path": file, "dictionary": data}
    campaign = bohpo.launch(given[kind], store=tmp_path / "bohpo.db", directory=str(tmp_path / "campaigns"))
    assert (campaign.name, campaign.state) == ("specimen", CampaignState.FINISHED)
    assert study_of(campaign).hash == bohpo.Study.load(file).hash
    assert (campaign.directory / "study.toml").read_text() == campaign.study_text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (None, "a NoneType"),
        (42, "a int"),
        (b"study.toml", "a bytes"),
        ("name = 'x'\ntrainer = 'a:b'", "text of several lines"),
    ],
)
def test_what_is_no_study_is_told_with_what_to_write(tmp_path: Path, wrong: Any, said: str) -> None:
    with pytest.raises(bohpo.BohpoError, match=f"launch: {said} is no study; write a bohpo.Study, the path") as refused:
        bohpo.launch(wrong, store=tmp_path / "bohpo.db", directory=tmp_path)
    assert refused.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_trainer_that_is_not_there_is_told_before_there_is_a_campaign(tmp_path: Path) -> None:
    wanted = bohpo.Study.parse(
        study().text.replace("specimens:quadratic", "specimens:quadratc"), directory=study().directory
    )
    with pytest.raises(bohpo.BohpoError, match="module 'specimens' has no 'quadratc'; did you mean 'quadratic'"):
        bohpo.launch(wanted, store=tmp_path / "bohpo.db", directory=tmp_path)
    with pytest.raises(bohpo.BohpoError, match="No such file or directory"):
        bohpo.launch("absent.toml", store=tmp_path / "bohpo.db", directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_command_and_page_works_on_a_campaign_of_a_study_built_in_python(tmp_path: Path) -> None:
    """The script stands in a folder, and its trainer in another one."""
    trainers, folder = tmp_path / "trainers", tmp_path / "folder"
    trainers.mkdir()
    folder.mkdir()
    write_study(trainers)
    (folder / "run.py").write_text(SCRIPT.format(trainers=str(trainers)))
    done = subprocess.run((sys.executable, "run.py"), cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "finished\n"), done.stderr

    assert answer(folder, "status", "in-python", "--json")["trials"]["complete"] == 3
    assert answer(folder, "ls", "--json")["campaigns"][0]["campaign"] == "in-python"
    best = answer(folder, "best", "in-python", "--json")["trial"]
    assert answer(folder, "trial", "in-python", "0", "--json")["trial"]["state"] == "complete"
    assert answer(folder, "resume", "in-python", "--trials", "4", "--json")["trials"]["complete"] == 4
    assert answer(folder, "evaluate", "in-python", "--json")["value"] == 0.5
    for format_, read in READERS.items():
        exported = run_command(folder, "export", "in-python", "--format", format_)
        assert exported.returncode == 0, exported.stderr
        assert isinstance(float(read(exported.stdout)), float)
    assert run_command(folder, "report", "in-python").returncode == 0
    assert run_command(folder, "logs", "in-python", "0").returncode == 0
    assert run_command(folder, "check", "campaigns/in-python/study.toml").returncode == 2  # its trainer is elsewhere
    assert best["configuration"]["quote"] in ('"', "a\nb", "é")
    with opened(folder) as house:
        client = house.client(house.viewer)
        for page in ("/", "/campaigns/in-python", "/campaigns/in-python/trials/0", "/campaigns/in-python/parts/trials"):
            assert client.get(page).status_code == 200, page
