"""What a study says of the real queues of the tests, and what they know of the jobs."""

from __future__ import annotations

from pathlib import Path

from bohpo.trial import Trial
from tests.services import SlurmCluster

SLURM = 'backend = "slurm"\nqueue = "main"\ncpus = 1\nmemory = "500MB"\nwall_time = "00:30:00"'
SHORT_SLURM = 'backend = "slurm"\nqueue = "short"\ncpus = 1\nmemory = "500MB"\nwall_time = "00:01:00"'
GRID_ENGINE = 'backend = "sge"\nqueue = "main"\nwall_time = "00:30:00"'
SHORT_GRID_ENGINE = 'backend = "sge"\nqueue = "main"\nwall_time = "00:01:00"'


def job_of(trial: Trial) -> str:
    """Give the queue's name of a trial's latest job."""
    return trial.attempts[-1].job


def node_of(slurm: SlurmCluster, job: str) -> str:
    """Give the node that a job of Slurm runs on."""
    return slurm.run("squeue", "--noheader", f"--jobs={job}", "--format=%N").strip()


def attempts_that_ended(attempts: list[tuple[int, Path]]) -> list[int]:
    """Give the trials of those attempts whose worker has said how they ended."""
    return [trial for trial, folder in attempts if (folder / "ended.json").exists()]
