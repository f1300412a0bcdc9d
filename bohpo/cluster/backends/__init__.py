"""Every queue that dask-jobqueue knows, one module each; the table of them."""

from collections.abc import Mapping

from bohpo.cluster.backends.backend import Backend, JobRequest
from bohpo.cluster.backends.sge import SGE
from bohpo.cluster.backends.slurm import SLURM

BACKENDS: Mapping[str, Backend] = {backend.name: backend for backend in (SLURM, SGE)}

__all__ = ["BACKENDS", "Backend", "JobRequest"]
