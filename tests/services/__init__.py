"""Real servers that tests start for themselves, in temporary folders, on free ports of the loopback interface.

`python -m tests.services slurm` (or `grid-engine`) runs one by hand until Ctrl-C, and prints how to reach it.
"""

from __future__ import annotations

from tests.services.absence import missing, unable
from tests.services.grid_engine import GridEngine, start_grid_engine
from tests.services.postgresql import DATABASE, PostgresqlServer, start_postgresql
from tests.services.slurm import SlurmCluster, start_slurm

__all__ = [
    "DATABASE",
    "GridEngine",
    "PostgresqlServer",
    "SlurmCluster",
    "missing",
    "start_grid_engine",
    "start_postgresql",
    "start_slurm",
    "unable",
]
