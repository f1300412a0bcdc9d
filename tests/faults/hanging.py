"""A node that hangs: everything on it is stopped, and nothing is told."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from bohpo.processes import ATTEMPT_DIRECTORY, processes_with_environment
from tests.services.daemon import Daemon


def hang(daemon: Daemon, attempts: list[Path]) -> list[int]:
    """Stop a node's daemon, the daemon's helpers and all that runs for some attempts; give the processes."""
    pids = {daemon.pid}
    for attempt in attempts:
        for pid in processes_with_environment(ATTEMPT_DIRECTORY, str(attempt)):
            pids |= {pid, *_stewards(pid)}
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    return sorted(pids)


def thaw(pids: list[int]) -> None:
    """Let them go on."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _stewards(pid: int) -> set[int]:
    """Give Slurm's own processes above a process of a job (slurmstepd), which speak for it."""
    found = set()
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if "slurmstepd" in Path(f"/proc/{pid}/comm").read_text():
            found.add(pid)
    return found
