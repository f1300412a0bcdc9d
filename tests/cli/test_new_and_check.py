"""`bohpo new` writes what runs as it is, and `bohpo check` says what it is."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bohpo.cli.check import check
from bohpo.cli.new import new
from bohpo.errors import NotFoundError, StudyError, UsageError
from bohpo.study import Study, check_entry
from bohpo.trainer import Context, Stopped
from bohpo.trial import Outcome


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def new_trainer(name: str) -> tuple[Study, Any]:
    new(name)
    study = Study.load(f"{name}.toml")
    assert study.trainer is not None
    return study, importlib.import_module(study.trainer.partition(":")[0])


@pytest.mark.parametrize("name", ["lung-nodules", "3d.v2", "a_b", "xx" * 32])
@pytest.mark.parametrize("command", [False, True])
def test_what_is_written_has_no_mistake(name: str, command: bool) -> None:
    new(name, command=command)
    study = Study.load(f"{name}.toml")
    assert study.name == name
    assert check_entry(study) == ()
    assert study.working_directory == Path.cwd()
    assert len(list(Path.cwd().iterdir())) == 2


def test_the_trainer_runs_as_it_is(tmp_path: Path) -> None:
    study, trainer = new_trainer("runs-as-it-is")
    config = {**study.fixed, **study.space.default}
    context = Context.in_directory(tmp_path / "by-hand", seed=1)
    outcome = trainer.train(config, context)
    assert isinstance(outcome, Outcome)
    assert 0 < outcome.objective(study.objective.metric) < 0.65
    assert 0 < (outcome.variance or 0) < 0.01
    assert trainer.evaluate(config, context.model, context).metrics["accuracy"] > 0.6
    assert study.evaluation_entry == "runs_as_it_is_trainer:evaluate"


def test_every_corner_of_the_space_trains(tmp_path: Path) -> None:
    study, trainer = new_trainer("corners")
    for corner in range(2 ** len(study.space)):
        config = study.space.decode([corner >> axis & 1 for axis in range(len(study.space))])
        trainer.train({**study.fixed, **config, "cases": 50}, Context.in_directory(tmp_path / str(corner)))


def test_an_interrupted_training_comes_to_the_same_as_a_whole_one(tmp_path: Path) -> None:
    class StopAfterThree(Context):
        @property
        def should_stop(self) -> bool:
            return len((self.directory / "progress.jsonl").read_text().splitlines()) % 3 == 0

    study, trainer = new_trainer("interrupted")
    config = {**study.fixed, **study.space.default, "epochs": 8}
    stopping = StopAfterThree.in_directory(tmp_path / "interrupted")
    for _ in range(2):
        with pytest.raises(Stopped):
            trainer.train(config, stopping)
    outcome = trainer.train(config, stopping)
    assert len((tmp_path / "interrupted" / "progress.jsonl").read_text().splitlines()) == 8
    assert outcome == trainer.train(config, Context.in_directory(tmp_path / "whole"))


def test_the_command_runs_as_it_is(tmp_path: Path) -> None:
    new("external", command=True)
    study = Study.load("external.toml")
    attempt = tmp_path / "attempt"
    attempt.mkdir()
    (attempt / "config.json").write_text(json.dumps({**study.fixed, **study.space.default}))
    assert study.command is not None
    assert study.command[0] == "python3"
    environment = {**os.environ, "BOHPO_CONFIG": str(attempt / "config.json"), "BOHPO_DIRECTORY": str(attempt)}
    subprocess.run([sys.executable, *study.command[1:]], env=environment, cwd=study.working_directory, check=True)
    outcome = Outcome.from_json(json.loads((attempt / "outcome.json").read_text()))
    assert outcome.objective(study.objective.metric) > 0
    assert sorted(path.name for path in attempt.iterdir()) == ["config.json", "outcome.json", "progress.jsonl"]


def test_nothing_is_overwritten() -> None:
    Path("mine_trainer.py").write_text("precious")
    with pytest.raises(UsageError, match=r"mine_trainer.py is there already; choose another name, or move it away"):
        new("mine")
    assert Path("mine_trainer.py").read_text() == "precious"
    assert not Path("mine.toml").exists()


@pytest.mark.parametrize("name", ["", "a/b", "../a", "a b", "..", "ä", "x" * 65, "-", "a\n"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a study; take up to 64 letters"):
        new(name)
    assert list(Path.cwd().iterdir()) == []


def test_new_says_what_it_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    new("a-b", json=True)
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "study": "a-b.toml", "trainer": "a_b_trainer.py"}
    new("c")
    assert "bohpo launch c.toml" in capsys.readouterr().err


def test_check_prints_what_is_searched(capsys: pytest.CaptureFixture[str]) -> None:
    new("shown")
    capsys.readouterr()
    check(Path("shown.toml"))
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert printed.err == ""
    assert "trainer    shown_trainer:train" in lines
    assert "objective  minimize log_loss, from 0 to inf" in lines
    assert "budget     20 trials" in lines
    assert "space      5 parameters, infinitely many configurations" in lines
    assert "lr\tfloat\t0.001 .. 1, log\t" in lines
    assert "momentum\tfloat\t0.5 .. 0.95\toptimizer is 'momentum'" in lines
    assert "cases\t400" in lines
    assert f"hash       {Study.load('shown.toml').hash}" in lines


def test_check_prints_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    new("shown")
    check(Path("shown.toml"), json=True)
    printed = json.loads(capsys.readouterr().out)
    assert (printed["schema"], printed["study"], printed["trainer"]) == (1, "shown", "shown_trainer:train")
    assert printed["budget"] == {"trials": 20, "hours": None}
    assert printed["objective"] == {"metric": "log_loss", "direction": "minimize", "bounds": [0.0, None]}
    assert [parameter["name"] for parameter in printed["space"]][:2] == ["lr", "weight_decay"]
    assert (printed["configurations"], printed["hash"]) == (None, Study.load("shown.toml").hash)


def test_check_counts_a_finite_space(capsys: pytest.CaptureFixture[str]) -> None:
    new("finite")
    text = Path("finite.toml").read_text().partition("[space]")[0]
    Path("finite.toml").write_text(text + '[space]\nx = { type = "int", low = 1, high = 2000 }\n')
    check(Path("finite.toml"))
    assert "space      1 parameter, 2,000 configurations" in capsys.readouterr().out.splitlines()


def test_check_tells_of_a_trainer_that_is_not_there() -> None:
    new("gone")
    Path("gone_trainer.py").rename("other_trainer.py")
    with pytest.raises(StudyError) as refused:
        check(Path("gone.toml"))
    assert refused.value.source == "gone.toml"
    assert str(refused.value).startswith("trainer: there is no module 'gone_trainer'; did you mean")


def test_check_tells_of_a_missing_file() -> None:
    with pytest.raises(NotFoundError):
        check(Path("nothing.toml"))


def with_function(name: str, body: str) -> Path:
    """Write a study whose function says by `body` what is feasible."""
    new(name)
    path, trainer = Path(f"{name}.toml"), Path(f"{name}_trainer.py")
    trainer.write_text(trainer.read_text() + f"\n\ndef fits(config):\n    {body}\n")
    path.write_text(f'feasible = "{name}_trainer:fits"\n' + path.read_text())
    return path


def test_check_prints_the_share_that_is_feasible(capsys: pytest.CaptureFixture[str]) -> None:
    path = with_function("halved", "print('looking'); return config['lr'] < 0.03")
    capsys.readouterr()
    check(path)
    printed = capsys.readouterr()
    (line,) = [line for line in printed.out.splitlines() if line.startswith("feasible")]
    share = re.fullmatch(
        r"feasible   halved_trainer:fits, (\d\d\.\d)% of 200 random configurations; the centre of the space is not",
        line,
    )
    assert share is not None
    assert float(share[1]) == pytest.approx(49, abs=11)  # of three decades, 1.48; three standard deviations
    assert "looking" in printed.err
    check(path, json=True)
    told = json.loads(capsys.readouterr().out)["feasible"]
    assert told == {
        "function": "halved_trainer:fits",
        "share": pytest.approx(float(share[1]) / 100, abs=1e-3),
        "drawn": 200,
        "centre": False,
    }


def test_check_tells_of_no_function_where_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    new("plain")
    check(Path("plain.toml"))
    assert "feasible" not in capsys.readouterr().out
    check(Path("plain.toml"), json=True)
    assert json.loads(capsys.readouterr().out)["feasible"] is None


@pytest.mark.parametrize(
    ("name", "body", "complaint"),
    [
        ("failing", "return 1 / 0", "raised ZeroDivisionError: division by zero, for {"),
        ("mute", "pass", "returned None, a NoneType, for {"),
        ("strict", "return False", "finds none of 1001 configurations feasible; widen the space, or"),
    ],
)
def test_check_refuses_a_function_that_lets_nothing_through(name: str, body: str, complaint: str) -> None:
    path = with_function(name, body)
    with pytest.raises(StudyError) as refused:
        check(path)
    assert refused.value.exit_code == 2
    assert f"feasible: {name}_trainer:fits {complaint}" in str(refused.value)


def test_check_imports_the_trainer_unless_told_not_to(capsys: pytest.CaptureFixture[str]) -> None:
    new("importing")
    Path("importing_trainer.py").write_text("import absent_package\n\ndef train(config, context): ...\n")
    with pytest.raises(StudyError, match="trainer: importing_trainer:train cannot be imported: ModuleNotFoundError"):
        check(Path("importing.toml"))
    check(Path("importing.toml"), no_import=True)
    assert "imported   left out, as --no-import says" in capsys.readouterr().out.splitlines()
    Path("importing_trainer.py").write_text("def train(config, context): ...\n")
    check(Path("importing.toml"), json=True)
    assert json.loads(capsys.readouterr().out)["imported"]["evaluate"] is False
    check(Path("importing.toml"))
    assert "evaluate   the trainer's module has no `evaluate`, so no model can be scored" in capsys.readouterr().out


def test_check_finds_the_script_of_a_command_behind_its_options() -> None:
    Path("script.toml").write_text(
        'command = ["python3", "-u", "absent.py"]\n[objective]\ndirection = "minimize"\n'
        '[space]\nx = { type = "float", low = 0, high = 1 }\n'
    )
    with pytest.raises(StudyError, match=r"command: there is no file 'absent\.py'"):
        check(Path("script.toml"))
