"""Jobs and settings that the tests of the queues share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bohpo.cluster.protocol import Job
from bohpo.processes import ATTEMPT_DIRECTORY
from bohpo.study import Cluster

EVERYTHING: dict[str, Any] = {
    "account": "radiology",
    "wall_time": "1-06:00:00",
    "cpus": 8,
    "memory": "24GB",
    "gpus": 2,
    "setup": ["module load cuda/12.4", "export PATH=$HOME/bin:$PATH"],
    "container": ["apptainer", "exec", "--nv", "/images/cad net.sif"],
    "python": "/opt/cad/bin/python",
}

QUEUES: dict[str, dict[str, Any]] = {
    "slurm": {"queue": "gpu", "nodes": 2, "directives": ["--constraint=a100"]},
    "pbs": {"queue": "gpu", "nodes": 2, "directives": ["-W umask=022"]},
    "sge": {"queue": "gpu.q", "parallel_environment": "shm", "directives": ["-hard -l gpu_model=a100"]},
    "lsf": {"queue": "gpu", "nodes": 2, "directives": ["-G cad"]},
    "htcondor": {"directives": ["Requirements = (CUDACapability >= 8.0)"]},
    "oar": {"queue": "production", "directives": ["-p memnode>=24000"]},
    "moab": {"queue": "gpu", "nodes": 2, "directives": ["-m n"]},
}
"""Settings of each queue, beside `EVERYTHING`."""


def settings_of(backend: str, **settings: Any) -> Cluster:
    """Give a [cluster] table."""
    return Cluster.model_validate({"backend": backend, **settings})


def job_in(folder: Path, name: str = "aneurysm-mra-3-1-0123abcd", *command: str) -> Job:
    """Give a job as the driver makes them, for the attempt in a folder."""
    command = command or (sys.executable, "-P", "-m", "bohpo.campaign.worker", str(folder))
    return Job(name, command, folder / "worker.log", {ATTEMPT_DIRECTORY: str(folder)})
