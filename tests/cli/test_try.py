"""`bohpo try`: a short training as campaigns run it, that leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bohpo.processes import ATTEMPT_DIRECTORY, processes_by_environment
from tests.cli.test_campaign_commands import bohpo, write_study
from tests.cluster.fake_slurm import FakeSlurm
from tests.services import SlurmCluster

COMMAND = """
name = "command"
command = [{program!r}, "train.py"]
evaluate_command = [{program!r}, "score.py"]
[objective]
direction = "maximize"
[space]
x = {{ type = "float", low = 0.0, high = 1.0 }}
"""

TRAIN = """
import json, os, pathlib, signal, sys, time
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
saved = [pathlib.Path(p, "step.txt") for p in os.environ["BOHPO_RESUME_FROM"].split(os.pathsep) if p]
first = next((int(p.read_text()) for p in saved if p.exists()), 0)
folder = pathlib.Path(os.environ["BOHPO_DIRECTORY"])
for step in range(first + 1, 21):
    time.sleep(0.1)
    with open(folder / "progress.jsonl", "a") as reports:
        reports.write(json.dumps({"step": step, "value": 0.1}) + "\\n")
    if stopped:
        checkpoint = pathlib.Path(os.environ["BOHPO_CHECKPOINT"])
        checkpoint.mkdir(exist_ok=True)
        (checkpoint / "step.txt").write_text(str(step))
        sys.exit(75)
model = pathlib.Path(os.environ["BOHPO_MODEL"])
model.mkdir(exist_ok=True)
(model / "weights").write_text("1")
(folder / "outcome.json").write_text('{"value": 0.4}')
"""

SCORE = """
import os, pathlib
assert pathlib.Path(os.environ["BOHPO_MODEL"], "weights").read_text() == "1"
pathlib.Path(os.environ["BOHPO_DIRECTORY"], "outcome.json").write_text('{"value": 0.3}')
"""


def tried(folder: Path, *words: str, code: int = 0, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Try the study in a folder; check that nothing is left there."""
    before = sorted(path.name for path in folder.iterdir() if path.name != "__pycache__")
    done = bohpo(folder, "try", "study.toml", "--json", *words, **(environment or {}))
    assert done.returncode == code, done.stderr
    assert sorted(path.name for path in folder.iterdir() if path.name != "__pycache__") == before
    told: dict[str, Any] = json.loads(done.stdout)
    assert (told["schema"], told["passed"]) == (1, code == 0)
    return told


def results(told: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["result"] for check in told["checks"]}


def detail(told: dict[str, Any], name: str) -> str:
    return str(next(check["detail"] for check in told["checks"] if check["name"] == name))


def test_a_training_is_stopped_resumed_and_finished_and_nothing_is_recorded(tmp_path: Path) -> None:
    told = tried(write_study(tmp_path, "stepwise"), "--config", "x=0.25", "--config", "step_seconds=0.05")
    assert told["configuration"] == {"step_seconds": 0.05, "x": 0.25}
    assert results(told) == {
        "import": "ok",
        "training": "ok",
        "reports": "ok",
        "stop": "ok",
        "checkpoint": "ok",
        "resume": "ok",
        "outcome": "ok",
        "evaluate": "warn",  # it keeps no model
    }
    assert detail(told, "outcome") == "score 5, variance not measured"  # 20 steps of 0.25, none twice and none lost
    assert told["directory"] is None


def test_progress_is_told_and_the_result_is_a_table_for_people(tmp_path: Path) -> None:
    done = bohpo(write_study(tmp_path, "quadratic"), "try", "study.toml")
    assert done.returncode == 0, done.stderr
    assert "attempt 1: job " in done.stderr
    assert "attempt 1: completed" in done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows[0] == ["check", "result", "detail", "remedy"]
    assert [row[:2] for row in rows[-2:]] == [["outcome", "ok"], ["evaluate", "ok"]]


@pytest.mark.parametrize(
    ("function", "name", "said"),
    [
        ("returning_text", "import", "specimens:returning_text is declared to return str"),
        ("returning_nothing", "training", "returned None; return a bohpo.trainer.Outcome, a number"),
        ("forgetful", "resume", "began anew at step 1, although step "),
        ("keeping_a_model_that_cannot_be_scored", "evaluate", "raised: KeyError: 'x'"),
        ("writing_garbage", "training", "invalid-outcome: outcome.json is not JSON"),
    ],
)
def test_what_a_campaign_would_fail_of_fails(tmp_path: Path, function: str, name: str, said: str) -> None:
    told = tried(write_study(tmp_path, function), code=1)
    assert results(told)[name] == "FAIL"
    assert said in detail(told, name)


def test_a_trainer_that_cannot_be_called_fails_before_it_is_run(tmp_path: Path) -> None:
    folder = write_study(tmp_path)
    (folder / "specimens.py").write_text("def quadratic(config):\n    return 0.5\n")
    told = tried(folder, code=1)
    assert results(told) == {"import": "FAIL"}
    assert detail(told, "import").startswith("specimens:quadratic takes (config): too many positional arguments")


def test_a_long_training_is_tried_in_part(tmp_path: Path) -> None:
    told = tried(write_study(tmp_path, "stepwise"), "--minutes", "0.1", "--config", "step_seconds=1.0")
    assert results(told)["resume"] == "ok"
    assert results(told)["outcome"] == "not seen"
    assert "before it ended" in detail(told, "outcome")


def test_a_command_is_tried_by_its_files(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(COMMAND.format(program=sys.executable))
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "score.py").write_text(SCORE)
    told = tried(tmp_path)
    assert results(told) == {
        "import": "not seen",
        "training": "ok",
        "reports": "ok",
        "stop": "ok",
        "checkpoint": "ok",
        "resume": "ok",
        "outcome": "ok",
        "evaluate": "ok",
    }
    assert "0.3" not in json.dumps(told["checks"])  # the score on the test cases is for the end


def test_the_folder_is_kept_where_asked(tmp_path: Path) -> None:
    told = tried(write_study(tmp_path, "quadratic"), "--keep")
    kept = Path(told["directory"])
    assert (kept / "trials/0/attempt-1/outcome.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--config", "y=1"), "--config y=1: the study has x, step_seconds"),
        (("--config", "x"), "--config x: write key=value"),
        (("--config", "x=2"), "--config x=2: x takes 0 .. 1"),
        (("--config", "x=big"), "--config x=big: x takes 0 .. 1"),
        (("--minutes", "0"), "--minutes 0: give a positive number of minutes"),
        (("--minutes", "nan"), "--minutes nan: give a positive number of minutes"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = bohpo(write_study(tmp_path), "try", "study.toml", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_study_with_mistakes_is_refused_as_check_does(tmp_path: Path) -> None:
    folder = write_study(tmp_path, "absent")
    done = bohpo(folder, "try", "study.toml")
    assert done.returncode == 2
    assert "study.toml: trainer: module 'specimens' has no 'absent'" in done.stderr
    assert bohpo(folder, "try", "nowhere.toml").returncode == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_training_and_leaves_no_folder(tmp_path: Path, number: signal.Signals) -> None:
    folder, temporary = tmp_path / "study", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    write_study(folder, "stepwise")
    command = (sys.executable, "-m", "bohpo", "try", "study.toml", "--config", "step_seconds=1.0")
    environment = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "step 1" in line:
            break
    process.send_signal(number)
    process.communicate()
    assert process.returncode == 130
    assert list(temporary.iterdir()) == []
    assert not [path for path in processes_by_environment(ATTEMPT_DIRECTORY) if path.startswith(str(temporary))]


@pytest.mark.slurm
def test_a_job_of_the_queue_is_tried_where_asked(tmp_path: Path, slurm: SlurmCluster) -> None:
    folder = write_study(tmp_path, "stepwise")
    with (folder / "study.toml").open("a") as study:
        study.write('[cluster]\nbackend = "slurm"\n')
    told = tried(folder, "--job", environment=slurm.environment)
    assert results(told)["stop"] == results(told)["resume"] == results(told)["outcome"] == "ok"
    assert detail(told, "outcome").startswith("score 10,")


def test_without_asking_no_job_goes_to_the_queue(tmp_path: Path) -> None:
    folder = write_study(tmp_path, "quadratic")
    with (folder / "study.toml").open("a") as study:
        study.write('[cluster]\nbackend = "slurm"\n')
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "sbatch").write_text("#!/bin/sh\necho called >> sbatch-was-called\nexit 1\n")
    (commands / "sbatch").chmod(0o755)
    told = tried(folder, environment={"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"})
    assert results(told)["outcome"] == "ok"


def test_a_job_that_waits_for_too_long_is_taken_back_from_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = FakeSlurm(tmp_path / "queue")
    folder = tmp_path / "study"
    folder.mkdir()
    write_study(folder, "stepwise")
    with (folder / "study.toml").open("a") as study:
        study.write('[cluster]\nbackend = "slurm"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    environment = {"PATH": f"{queue.bin}{os.pathsep}{os.environ['PATH']}"}
    told = tried(folder, "--job", "--minutes", "0.1", code=1, environment=environment)
    assert results(told) == {"import": "ok", "training": "FAIL"}
    assert detail(told, "training").startswith("its job did not begin within ")
    assert "|CANCELLED|" in (queue.folder / "job.101").read_text()
