"""`bohpo check` and `bohpo launch` for a study that runs in a queue."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bohpo.cluster.factory import make_queue_cluster
from bohpo.cluster.protocol import Job
from bohpo.processes import ATTEMPT_DIRECTORY
from bohpo.service.plan import NO_UID
from tests.cluster.fake_slurm import FakeSlurm
from tests.cluster.requests import settings_of

STUDY = """
command = ["true"]
[objective]
direction = "minimize"
[space]
x = { type = "float", low = 0, high = 1 }
[cluster]
wall_time = "01:00:00"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "bohpo.toml").write_text('[cluster]\nbackend = "slurm"\nqueue = "gpu"\n')
    return tmp_path


def bohpo(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "bohpo", *arguments)
    env = {**os.environ, **environment}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_check_says_what_holds_and_where_it_comes_from(folder: Path) -> None:
    told = bohpo(folder, "check", "study.toml", BOHPO_CLUSTER_GPUS="2").stdout.splitlines()
    assert f'queue\t"gpu"\t{folder}/bohpo.toml' in told
    assert 'wall_time\t"01:00:00"\tstudy.toml' in told
    assert "gpus\t2\tenvironment" in told
    answer = json.loads(bohpo(folder, "check", "study.toml", "--json").stdout)
    assert answer["cluster"] == {"backend": "slurm", "queue": "gpu", "wall_time": "01:00:00"}


@pytest.mark.parametrize("attempts", ["1", "3"])
def test_a_dry_run_prints_the_script_that_is_submitted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, attempts: str
) -> None:
    """Byte for byte, but for the trial's identity in the job's name, which is drawn when it is proposed."""
    shown = bohpo(folder, "launch", "study.toml", "--dry-run", BOHPO_CLUSTER_ATTEMPTS_PER_JOB=attempts)
    assert shown.returncode == 0
    assert "backend: slurm" in shown.stderr
    slurm = FakeSlurm(folder / "slurm")
    monkeypatch.setenv("PATH", f"{slurm.bin}:{os.environ['PATH']}")
    settings = settings_of("slurm", queue="gpu", wall_time="01:00:00", attempts_per_job=int(attempts))
    directory = folder / "campaigns/study"
    attempt = directory / "trials/0/attempt-1"
    attempt.mkdir(parents=True)
    (directory / f"jobs/study-0-1-{NO_UID}").mkdir(parents=True)
    command = (sys.executable, "-P", "-m", "bohpo.campaign.worker", str(attempt))
    job = Job(f"study-0-1-{NO_UID}", command, attempt / "worker.log", {ATTEMPT_DIRECTORY: str(attempt)})
    job_id = make_queue_cluster(settings, directory).submit(job)
    assert slurm.script(job_id.partition("/")[0]) == shown.stdout


def test_a_dry_run_leaves_nothing_behind(folder: Path) -> None:
    before = sorted(folder.iterdir())
    told = json.loads(bohpo(folder, "launch", "study.toml", "--dry-run", "--json", "--cluster", "lsf").stdout)
    assert told["backend"] == "lsf"
    assert told["job_script"].startswith("#!/usr/bin/env bash\n\n#BSUB -J study-0-1-")
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("--cluster", "slrum"), 2, "command line: --cluster: \"slrum\" is unknown; did you mean 'slurm'?"),
        (("--cluster", "oar"), 4, "oarsub is not on PATH; run bohpo where the queue's commands are"),
    ],
)
def test_a_cluster_that_is_not_there_is_refused_before_anything_is_written(
    folder: Path, arguments: tuple[str, ...], exit_code: int, words: str
) -> None:
    before = sorted(folder.iterdir())
    refused = bohpo(folder, "launch", "study.toml", *arguments)
    assert (refused.returncode, words in refused.stderr) == (exit_code, True)
    assert sorted(folder.iterdir()) == before


def test_a_campaign_is_not_looked_for_in_another_queue(folder: Path) -> None:
    (folder / "bohpo.toml").write_text("")
    (folder / "study.toml").write_text(STUDY.replace('"true"', '"sleep", "600"'))
    first = subprocess.Popen(
        (sys.executable, "-m", "bohpo", "launch", "study.toml"), cwd=folder, stderr=subprocess.DEVNULL
    )
    while not (folder / "campaigns/study/trials/0").exists():
        assert first.poll() is None
    first.kill()
    first.wait()
    slurm = FakeSlurm(folder / "slurm")
    path = f"{slurm.bin}:{os.environ['PATH']}"
    refused = bohpo(folder, "launch", "study.toml", "--cluster", "slurm", PATH=path)
    assert refused.returncode == 2
    assert "campaign 'study' has its jobs on local, not on slurm; --cluster local, or another" in refused.stderr
