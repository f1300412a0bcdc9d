"""What keeps tests and their host apart: no settings of its user come in, no file or process stays behind."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bohpo.processes import process_started, processes_by_environment, processes_with_environment, send
from tests.services.daemon import wait_until

SESSION = "TEST_SESSION"
"""Marks all processes that one worker's tests start; not called BOHPO_, which would be kept from the queues' jobs."""

GRACE_S = 30.0
"""What processes get to end by themselves when the last test has."""

_FOR_TESTS = ("BOHPO_REQUIRE_SERVICES", "BOHPO_FIGURES", "BOHPO_REWRITE_GOLDEN")
_OF_THE_USER = ("BOHPO_", "PG", "SLURM_", "SGE_", "DASK_")
_SERVICES = ("slurm", "postgresql")
_SHARED = ("browser", "kept", "launched")
"""Fixtures that a module sets up once, at some expense."""


def isolate() -> Callable[[], None]:
    """Forget what the user has set up for bohpo, queues and databases; give what removes the folder that this takes.

    dask writes a file into the user's configuration as soon as it is imported, and reads all that are there.
    """
    for name in [name for name in os.environ if name.startswith(_OF_THE_USER) and name not in _FOR_TESTS]:
        del os.environ[name]
    folder = tempfile.mkdtemp(prefix="bohpo-tests-")
    Path(folder).chmod(0o755)  # some tests run commands as other users
    os.environ |= {"XDG_CONFIG_HOME": folder, "DASK_CONFIG": folder, SESSION: f"{os.getpid()}-{time.time_ns()}"}
    if "PYTEST_XDIST_WORKER" in os.environ:  # others are at work beside this one
        os.environ |= {"OMP_NUM_THREADS": "1"}
    return lambda: shutil.rmtree(folder, ignore_errors=True)


def group_of(item: pytest.Item) -> str | None:
    """Name the tests that one worker is to run one after another, so that little is set up twice; None for the rest.

    Every worker has servers, ports and folders of its own, so this is for speed alone.
    """
    if item.get_closest_marker("grid_engine"):
        return "grid_engine"
    for name in _SERVICES:
        if item.get_closest_marker(name):
            return f"{name}-{item.path.parent.name}"
    fixtures = item.fixturenames if isinstance(item, pytest.Function) else []
    return next((name for name in _SHARED if name in fixtures), None)


def left_behind(session: str, *, grace_s: float = GRACE_S) -> list[str]:
    """Kill the processes that a session's tests have left, and tell which tests they are of.

    Args:
        session: Value of `SESSION` in their environment.
        grace_s: Seconds that they get to end by themselves.
    """
    wait_until(lambda: not _processes_of(session), seconds=grace_s)
    left = _processes_of(session)
    tests = {pid: test for test, pids in processes_by_environment("PYTEST_CURRENT_TEST").items() for pid in pids}
    told = [f"{tests.get(pid, 'a fixture')}: {_command_line(pid)}" for pid in left]
    send(left, signal.SIGKILL)
    return told


def _processes_of(session: str) -> list[int]:
    """List them without the helper that multiprocessing starts with the first spawned process and ends with pytest."""
    found = [pid for pid in processes_with_environment(SESSION, session) if process_started(pid)]
    return [pid for pid in found if "multiprocessing.resource_tracker" not in _command_line(pid)]


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200].strip()
    except OSError:
        return "gone meanwhile"
