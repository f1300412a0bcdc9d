"""Campaigns on the GPUs of one host, run as a user runs them: the GPUs are none, all else is real."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.fake_gpus import living, make_nvidia_smi, path_with

TRAINER = """
import os, time
from pathlib import Path
from bohpo.trainer import Outcome, Stopped

def train(config, context):
    mine = os.environ["CUDA_VISIBLE_DEVICES"].split(",")
    held = [Path(os.environ["HELD"], gpu) for gpu in mine]
    for folder in held:
        folder.mkdir()          # fails where another training holds this GPU
    try:
        time.sleep(config["seconds"])
        if context.should_stop:
            context.checkpoint.save(1, b"-")
            raise Stopped
    finally:
        for folder in held:
            folder.rmdir()
    return Outcome(value=config["x"])
"""
STUDY = """
name = "{name}"
trainer = "gpu_trainer:train"
[objective]
direction = "minimize"
[budget]
trials = {trials}
[parallel]
jobs = {jobs}
[optimizer]
method = "random"
[space]
x = {{ type = "float", low = 0.0, high = 1.0 }}
[fixed]
seconds = {seconds}
[cluster]
{cluster}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [known for known in os.environ if known.startswith("BOHPO_") or known.endswith("VISIBLE_DEVICES")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HELD", str(tmp_path / "held"))
    (tmp_path / "held").mkdir()
    (tmp_path / "gpu_trainer.py").write_text(TRAINER)
    return tmp_path


def write(
    home: Path,
    name: str = "c",
    *,
    jobs: int | str = 4,
    trials: int = 12,
    cluster: str = "gpus = 1",
    seconds: float = 0.3,
) -> None:
    written = json.dumps(jobs)
    text = STUDY.format(name=name, jobs=written, trials=trials, cluster=cluster, seconds=seconds)
    (home / f"{name}.toml").write_text(text)


def command(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "bohpo", *words)


def bohpo(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), cwd=home, capture_output=True, text=True, check=False)


def trials_of(home: Path, name: str, count: int) -> list[dict[str, Any]]:
    answers = [json.loads(bohpo(home, "trial", name, str(number), "--json").stdout) for number in range(count)]
    return [answer["trial"] if isinstance(answer.get("trial"), dict) else answer for answer in answers]


def test_at_no_moment_do_two_trainings_share_a_gpu(home: Path) -> None:
    make_nvidia_smi(home / "bin", 4)
    write(home)
    done = bohpo(home, "launch", "c.toml", "--json")
    assert done.returncode == 0, done.stderr
    trials = trials_of(home, "c", 12)
    assert [trial["state"] for trial in trials] == ["complete"] * 12, done.stderr
    used = [tuple(attempt["devices"]) for trial in trials for attempt in trial["attempts"]]
    assert set(used) == {("0",), ("1",), ("2",), ("3",)}
    assert "GPU" in bohpo(home, "trial", "c", "0").stdout


def test_two_campaigns_of_a_host_share_no_gpu_and_both_end(home: Path) -> None:
    make_nvidia_smi(home / "bin", 2)
    for name in "ab":
        write(home, name, jobs=2, trials=5)
    drivers = [
        subprocess.Popen(
            command("launch", f"{name}.toml", "--store", f"{name}.db"), cwd=home, stderr=subprocess.PIPE, text=True
        )
        for name in "ab"
    ]
    said = [driver.communicate(timeout=300)[1] for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0, 0], said
    for name in "ab":
        told = json.loads(bohpo(home, "status", name, "--store", f"{name}.db", "--json").stdout)
        assert (told["trials"]["complete"], told["trials"]["failed"]) == (5, 0), said


def test_a_driver_that_was_killed_is_followed_by_one_that_gives_no_gpu_twice(home: Path) -> None:
    make_nvidia_smi(home / "bin", 2)
    write(home, jobs=2, trials=4, seconds=3.0)
    with subprocess.Popen(command("launch", "c.toml"), cwd=home, stderr=subprocess.DEVNULL) as driver:
        give_up = time.monotonic() + 120
        while len(list((home / "held").iterdir())) < 2 and time.monotonic() < give_up:
            time.sleep(0.02)
        driver.send_signal(signal.SIGKILL)
    done = bohpo(home, "resume", "c")
    assert done.returncode == 0, done.stderr
    told = json.loads(bohpo(home, "status", "c", "--json").stdout)
    assert (told["trials"]["complete"], told["trials"]["failed"]) == (4, 0), done.stderr


def test_auto_takes_all_gpus_of_the_host_and_says_so(home: Path) -> None:
    make_nvidia_smi(home / "bin", 3)
    write(home, jobs="auto", trials=6)
    assert json.loads(bohpo(home, "check", "c.toml", "--json").stdout)["jobs"] == 3
    done = bohpo(home, "launch", "c.toml", "--json")
    assert done.returncode == 0, done.stderr
    assert {attempt["worker"] for trial in trials_of(home, "c", 6) for attempt in trial["attempts"]} == {0, 1, 2}
    assert 'jobs = "auto"' in (home / "campaigns/c/study.toml").read_text()
    for words in (("export", "c", "--format", "json"), ("best", "c"), ("report", "c"), ("trial", "c", "0")):
        told = bohpo(home, *words)
        assert told.returncode == 0, told.stderr
    assert bohpo(home, "status", "c").returncode == bohpo(home, "simulate", "c.toml", "--seeds", "1").returncode == 0


@pytest.mark.parametrize("words", [("check",), ("launch",), ("launch", "--dry-run")])
def test_more_gpus_than_the_host_has_are_refused_before_anything_is_created(home: Path, words: tuple[str, ...]) -> None:
    make_nvidia_smi(home / "bin", 2)
    write(home)
    before = sorted(home.iterdir())
    done = bohpo(home, *words, "c.toml")
    assert done.returncode == 2
    assert "cluster.gpus: 1 for each of parallel.jobs = 4 jobs are too many: this host has 2 GPUs" in done.stderr
    assert 'set parallel.jobs to 2 or "auto"' in done.stderr
    assert sorted(path for path in home.iterdir() if path.name != "__pycache__") == before


def test_a_launch_from_python_is_refused_before_anything_is_created(home: Path) -> None:
    make_nvidia_smi(home / "bin", 2)
    write(home)
    before = {path.name for path in home.iterdir()}
    code = "import bohpo\ntry: bohpo.launch(bohpo.Study.load('c.toml'))\nexcept bohpo.errors.StudyError as e: print(e)"
    done = subprocess.run((sys.executable, "-c", code), cwd=home, capture_output=True, text=True, check=True)
    assert "this host has 2 GPUs" in done.stdout
    assert {path.name for path in home.iterdir()} - {"__pycache__"} == before


def test_a_resume_counts_the_gpus_that_there_are_then(home: Path) -> None:
    make_nvidia_smi(home / "bin", 2)
    write(home, jobs="auto", trials=2)
    assert bohpo(home, "launch", "c.toml").returncode == 0
    make_nvidia_smi(home / "bin", 3)
    assert bohpo(home, "resume", "c", "--trials", "8").returncode == 0
    used = {attempt["devices"][0] for trial in trials_of(home, "c", 8)[2:] for attempt in trial["attempts"]}
    assert used == {"0", "1", "2"}
    make_nvidia_smi(home / "bin", 0)
    refused = bohpo(home, "resume", "c", "--trials", "9")
    assert refused.returncode == 2
    assert "this host has 0 GPUs" in refused.stderr


def test_a_dry_run_shows_which_gpus_the_jobs_would_get(home: Path) -> None:
    make_nvidia_smi(home / "bin", 4)
    write(home, jobs=4, cluster="gpus = 0.5\nqueue = 'gpu'")
    plan = json.loads(bohpo(home, "launch", "c.toml", "--dry-run", "--json").stdout)
    assert plan["gpus_of_jobs"] == [["0"], ["0"], ["1"], ["1"]]
    assert [notice["key"] for notice in plan["notices"]] == ["cluster.queue"]
    told = bohpo(home, "launch", "c.toml", "--dry-run")
    assert "gpus_of_jobs: [['0'], ['0'], ['1'], ['1']]" in told.stdout
    assert "warning: cluster.queue: local ignores it" in told.stderr


def test_an_outer_variable_is_respected_with_its_own_ids(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uuids = make_nvidia_smi(home / "bin", 4)
    write(home, jobs=2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", f"{uuids[3]},{uuids[1]}")
    plan = json.loads(bohpo(home, "launch", "c.toml", "--dry-run", "--json").stdout)
    assert plan["gpus_of_jobs"] == [[uuids[3]], [uuids[1]]]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    assert "this host has 1 GPU for them" in bohpo(home, "check", "c.toml").stderr


def test_keys_without_effect_are_named_by_check_and_launch(home: Path) -> None:
    make_nvidia_smi(home / "bin", 2)
    write(home, jobs=2, trials=2, cluster="memory = '8GB'")
    told = [line.split("  ", 1)[-1].strip() for line in bohpo(home, "check", "c.toml").stdout.splitlines()]
    assert any(line.startswith("cluster.memory: local ignores it") for line in told)
    assert any(line.startswith("cluster.gpus: 2 GPUs here, and all jobs share them") for line in told)
    found = json.loads(bohpo(home, "check", "c.toml", "--json").stdout)["notices"]
    assert [(notice["level"], notice["key"]) for notice in found] == [
        ("warning", "cluster.memory"),
        ("warning", "cluster.gpus"),
    ]
    assert "warning: cluster.memory: local ignores it" in bohpo(home, "launch", "c.toml").stderr


def test_doctor_lists_the_gpus_with_the_jobs_that_own_them(home: Path) -> None:
    uuids = make_nvidia_smi(home / "bin", 2)
    write(home, jobs=1, trials=1, seconds=600.0)
    with subprocess.Popen(command("launch", "c.toml"), cwd=home, stderr=subprocess.DEVNULL) as driver:
        give_up = time.monotonic() + 120
        while not list((home / "held").iterdir()) and time.monotonic() < give_up:
            time.sleep(0.02)
        found = json.loads(bohpo(home, "doctor", "--json").stdout)["findings"]
        driver.send_signal(signal.SIGINT)
        time.sleep(0.2)
        with contextlib.suppress(ProcessLookupError):
            driver.send_signal(signal.SIGINT)
    details = {finding["name"]: finding["detail"] for finding in found}
    assert details["gpu"] == "2: NVIDIA A100-SXM4-40GB"
    assert details["gpu 0"].startswith(f"NVIDIA A100-SXM4-40GB, 40 GiB, {uuids[0]}, ")
    assert "owned by c-0-1-" in details["gpu 0"]
    assert details["gpu 1"].endswith("free")


@pytest.mark.parametrize("jobs", [2, "auto"])
def test_an_evaluation_gets_a_gpu_of_its_own_too(home: Path, jobs: int | str) -> None:
    make_nvidia_smi(home / "bin", 2)
    scoring = (
        "\ndef evaluate(config, model, context):\n"
        "    assert os.environ['CUDA_VISIBLE_DEVICES'] == '0'\n    return Outcome(value=0.25)\n"
    )
    kept = TRAINER.replace("    return Outcome", "    (context.model / 'm').touch()\n    return Outcome")
    (home / "gpu_trainer.py").write_text(kept + scoring)
    write(home, jobs=jobs, trials=2)
    assert bohpo(home, "launch", "c.toml").returncode == 0
    done = bohpo(home, "evaluate", "c")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("jobs", "gpus"), [("auto", 2), (4, 1)])
def test_a_tryout_needs_the_gpus_of_one_job(home: Path, jobs: int | str, gpus: int) -> None:
    make_nvidia_smi(home / "bin", gpus)
    write(home, jobs=jobs)
    done = bohpo(home, "try", "c.toml", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["passed"] is True


def test_a_tryout_on_a_host_without_a_gpu_for_it_is_refused_at_once(home: Path) -> None:
    make_nvidia_smi(home / "bin", 1)
    write(home, jobs=4, cluster="gpus = 2")
    done = bohpo(home, "try", "c.toml")
    assert done.returncode == 2
    assert "cluster.gpus: 2 are too many: this host has 1 GPU" in done.stderr


def begins_to_wait(home: Path, driver: subprocess.Popen[str]) -> None:
    """Wait until a driver's first job waits for its GPU."""
    assert driver.stderr is not None
    assert any("a job waits for a free GPU" in line for line in driver.stderr), "the driver ended"


def holding_all(uuids: list[str]) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """Own all GPUs, as a job of another driver."""
    owned = ",".join(f"{index}={uuid}" for index, uuid in enumerate(uuids))
    return living(BOHPO_DEVICES=owned, BOHPO_JOB="another", BOHPO_DIRECTORY="/elsewhere")


def test_a_driver_that_dies_while_a_job_waits_for_a_gpu_loses_nothing(home: Path) -> None:
    uuids = make_nvidia_smi(home / "bin", 1)
    write(home, jobs=1, trials=2)
    with holding_all(uuids):
        with subprocess.Popen(command("launch", "c.toml"), cwd=home, stderr=subprocess.PIPE, text=True) as driver:
            begins_to_wait(home, driver)
            while not (job := trials_of(home, "c", 1)[0]["attempts"][0]["job"]):
                assert driver.poll() is None
            driver.kill()
        assert job.startswith("waiting:")
        assert not list((home / "held").iterdir())
    done = bohpo(home, "resume", "c")
    assert done.returncode == 0, done.stderr
    first, second = trials_of(home, "c", 2)
    assert [attempt["state"] for attempt in first["attempts"]] == ["lost", "completed"]
    assert "its driver ended while it waited for a GPU" in first["attempts"][0]["reason"]
    assert [attempt["state"] for attempt in second["attempts"]] == ["completed"]


def test_signals_end_a_driver_whose_jobs_wait_for_a_gpu(home: Path) -> None:
    uuids = make_nvidia_smi(home / "bin", 1)
    write(home, jobs=1, trials=2)
    with (
        holding_all(uuids),
        subprocess.Popen(command("launch", "c.toml"), cwd=home, stderr=subprocess.PIPE, text=True) as driver,
    ):
        begins_to_wait(home, driver)
        driver.send_signal(signal.SIGTERM)
        driver.communicate(timeout=120)
    assert driver.returncode == 130
    assert bohpo(home, "resume", "c").returncode == 0
