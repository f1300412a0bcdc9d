"""The queues that tests start run jobs, and give them their own GPUs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services import GridEngine, SlurmCluster
from tests.services.daemon import wait_until


def has_written(path: Path) -> Callable[[], bool]:
    return lambda: path.exists() and path.read_text().endswith("\n")


@pytest.mark.slurm
def test_two_slurm_jobs_on_a_node_see_different_gpus(slurm: SlurmCluster, tmp_path: Path) -> None:
    seen = [tmp_path / "first", tmp_path / "second"]
    for path in seen:
        command = f"echo $CUDA_VISIBLE_DEVICES > {path}; sleep 1"
        slurm.run("sbatch", "--gres=gpu:1", "--nodelist=n2", f"--output={tmp_path}/%j", "--wrap", command)
    assert all(wait_until(has_written(path)) for path in seen), slurm.run("squeue", "-t", "all")
    assert sorted(path.read_text() for path in seen) == ["0\n", "1\n"]


@pytest.mark.slurm
def test_a_slurm_node_that_was_killed_takes_jobs_again(slurm: SlurmCluster, tmp_path: Path) -> None:
    slurm.node("n1").kill()
    slurm.mend()
    submit = ("sbatch", "--nodelist=n1", f"--output={tmp_path}/log", "--wrap", "hostname")
    slurm.run(*submit)
    assert wait_until(has_written(tmp_path / "log"), seconds=180), slurm.run("squeue", "-t", "all")


@pytest.mark.grid_engine
def test_a_grid_engine_job_runs_and_is_accounted_for(grid_engine: GridEngine, tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/sh\nhostname\n")
    options = ("-l", "gpu=1", "-pe", "smp", "2", "-j", "yes", "-o", str(tmp_path / "log"))
    number = grid_engine.run("qsub", "-terse", *options, str(script)).strip()
    assert wait_until(has_written(tmp_path / "log")), grid_engine.run("qstat", "-j", number)

    def is_accounted_for() -> bool:
        environment = {**grid_engine.environment, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(("qacct", "-j", number), env=environment, capture_output=True, text=True, check=False)
        return "exit_status  0" in done.stdout

    assert wait_until(is_accounted_for), f"job {number} left no trace at {time.ctime()}"
