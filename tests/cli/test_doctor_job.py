"""`bohpo doctor --job`: what one tiny job tells, here and on a real Slurm, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bohpo.cli.doctor import probe
from tests.cli.doctoring import Diagnosis, doctor
from tests.services import SlurmCluster


def job(folder: Path, *words: str, **environment: str) -> Diagnosis:
    """Run it with the commands of this host."""
    return doctor(folder, "--job", *words, commands=Path(os.environ["PATH"]), **environment)


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith("bohpo-doctor-")]


def test_a_local_job_tells_what_it_sees(tmp_path: Path) -> None:
    diagnosis = job(tmp_path)
    assert diagnosis.troubles == []
    assert diagnosis.findings["job"]["detail"].startswith("answered from ")
    assert {"job folder", "job python", "job locks", "job clock", "job gpu"} <= set(diagnosis.findings)
    assert diagnosis.findings["job locks"]["fine"]
    assert left(tmp_path) == []


def test_no_job_is_submitted_while_the_folder_cannot_be_written(tmp_path: Path) -> None:
    diagnosis = job(tmp_path, "--directory", "/proc/campaigns")
    assert diagnosis.findings["job"]["detail"] == "not submitted"
    assert diagnosis.findings["job"]["remedy"] == "first put right: folder"


def test_a_node_that_sees_another_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="the folder is not shared"):
        probe.answer(tmp_path)


def test_a_lock_that_does_not_reach_the_node_is_noticed(tmp_path: Path) -> None:
    (tmp_path / probe.QUESTION).write_text('{"token": "t", "asks_torch": false}')
    probe.answer(tmp_path)  # nobody holds the lock, as where locks stay on each host
    answer = json.loads((tmp_path / probe.ANSWER).read_text())
    assert answer["token"] == "t"
    assert not answer["respects_lock"]


@pytest.mark.slurm
def test_a_slurm_job_tells_what_its_node_sees(tmp_path: Path, slurm: SlurmCluster) -> None:
    diagnosis = job(tmp_path, "--cluster", "slurm", **slurm.environment)
    assert diagnosis.troubles == []
    assert diagnosis.findings["queue slurm"]["detail"] == "answers, partitions: main, short"
    assert diagnosis.findings["job"]["fine"]
    assert left(tmp_path) == []


@pytest.mark.slurm
def test_a_partition_that_does_not_exist_is_told_before_any_job(tmp_path: Path, slurm: SlurmCluster) -> None:
    diagnosis = job(tmp_path, "--cluster", "slurm", BOHPO_CLUSTER_QUEUE="mian", **slurm.environment)
    assert diagnosis.troubles == ["queue slurm", "job"]
    assert diagnosis.findings["queue slurm"]["remedy"] == "did you mean 'main'?"


@pytest.mark.slurm
def test_gpus_that_were_asked_for_and_are_not_seen_are_a_trouble(tmp_path: Path, slurm: SlurmCluster) -> None:
    diagnosis = job(tmp_path, "--cluster", "slurm", BOHPO_CLUSTER_GPUS="1", **slurm.environment)
    assert diagnosis.troubles == ["job gpu"]  # the node's GPU is none: Slurm hands it out, no driver knows it
    assert "CUDA_VISIBLE_DEVICES=" in diagnosis.findings["job gpu"]["detail"]


@pytest.mark.slurm
def test_a_job_that_dies_is_told_with_what_it_printed(tmp_path: Path, slurm: SlurmCluster) -> None:
    setup = "echo no module named cuda; exit 7"
    diagnosis = job(tmp_path, "--cluster", "slurm", BOHPO_CLUSTER_SETUP=setup, **slurm.environment)
    assert diagnosis.troubles == ["job"]
    assert "no module named cuda" in diagnosis.findings["job"]["detail"]
    assert left(tmp_path) == []


@pytest.mark.slurm
def test_a_job_that_waits_for_ever_is_taken_back(tmp_path: Path, slurm: SlurmCluster) -> None:
    held = {"BOHPO_CLUSTER_DIRECTIVES": "--hold", **slurm.environment}
    diagnosis = job(tmp_path, "--cluster", "slurm", "--wait", "4", **held)
    assert diagnosis.troubles == ["job"]
    assert "PENDING" in diagnosis.findings["job"]["detail"]
    assert slurm.run("squeue", "--noheader", "--states=PENDING,RUNNING") == ""
    assert left(tmp_path) == []
