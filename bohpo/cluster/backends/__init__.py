"""Every queue that dask-jobqueue knows, one module each; the table of them."""

from collections.abc import Mapping

from bohpo.cluster.backends.backend import Backend, JobRequest
from bohpo.cluster.backends.htcondor import HTCONDOR
from bohpo.cluster.backends.lsf import LSF
from bohpo.cluster.backends.moab import MOAB
from bohpo.cluster.backends.oar import OAR
from bohpo.cluster.backends.pbs import PBS
from bohpo.cluster.backends.sge import SGE
from bohpo.cluster.backends.slurm import SLURM

BACKENDS: Mapping[str, Backend] = {backend.name: backend for backend in (SLURM, PBS, SGE, LSF, HTCONDOR, OAR, MOAB)}

__all__ = ["BACKENDS", "Backend", "JobRequest"]
