"""Processes on this Linux host: who is alive, who belongs together, who dies with whom."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

ATTEMPT_DIRECTORY = "BOHPO_DIRECTORY"
"""Names the attempt's folder in the environment of everything that runs for it."""

DRIVER_PID = "BOHPO_DRIVER_PID"
"""Names the driver in the environment of a job that is to end with it."""

WALL_SECONDS = "BOHPO_WALL_SECONDS"
"""Tells a worker, in its environment, how long its job may run from the worker's start on."""

JOB_NAME = "BOHPO_JOB"
"""Names the job in the environment of everything that it runs."""

PYTHON = (sys.executable, "-P")
"""Begins the command of every Python process that bohpo starts. Without -P, Python looks for each module in the folder
where it is started first, and a `random.py` there would take the place of Python's own.
"""

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def boot_id() -> str | None:
    """Return what names this host's kernel since its last boot; None if it does not say.

    Containers of one host share it; hosts of one name do not.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip() or None
    except OSError:
        return None


def pid_namespace() -> str | None:
    """Return what names the namespace in which this process's id counts; None if /proc shows another one.

    Source:
        pid_namespaces(7): /proc shows the namespace of the process that mounted it.
    """
    try:
        is_ours = os.readlink("/proc/self") == str(os.getpid())  # noqa: PTH115 - as text
        return os.readlink("/proc/self/ns/pid") if is_ours else None  # noqa: PTH115
    except OSError:
        return None


def process_is_gone(pid: int, started: int) -> bool:
    """Return whether a process of this host and this namespace has surely ended.

    Args:
        pid: Its id.
        started: When it started, see `process_started`.

    Returns:
        False also for a process that /proc hides (its option `hidepid`), which signals still tell from one that ended.
    """
    try:
        if (seen := process_started(pid)) is not None:
            return seen != started
        is_hidden = pid > 0 and not Path(f"/proc/{pid}").exists()
        if is_hidden:
            os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return not is_hidden  # what is shown without a start is a zombie


def process_started(pid: int) -> int | None:
    """Give the start time of a process on this host in clock ticks since boot, or None where there is none.

    A process id together with its start time names a process for good, though ids are used again.

    Source:
        proc_pid_stat(5), field 22; a zombie counts as gone.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def die_with_parent(death_signal: signal.Signals) -> None:
    """Have the kernel send `death_signal` to the calling process as soon as the thread that started it ends.

    Safe between fork and exec: it allocates nothing.

    Source:
        prctl(2), PR_SET_PDEATHSIG.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)


def end_with_parent(parent: int, death_signal: signal.Signals) -> None:
    """Have a process that was just forked get `death_signal` when its parent ends, or end now where that has happened.

    Safe between fork and exec, as `preexec_fn` of a process without threads.

    Args:
        parent: Process id of the parent, from before the fork.
        death_signal: What the process gets when the parent ends later.
    """
    die_with_parent(death_signal)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def processes_with_environment(name: str, value: str) -> list[int]:
    """List the processes that were started with an environment variable of this value, this one excepted."""
    return processes_by_environment(name).get(value, [])


def processes_by_environment(name: str) -> dict[str, list[int]]:
    """List the processes that were started with an environment variable, by its value, this one excepted."""
    entry = f"{name}=".encode()
    found: dict[str, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            environment = (folder / "environ").read_bytes().split(b"\0")
            values = [known.removeprefix(entry) for known in environment if known.startswith(entry)]
            if values and process_started(int(folder.name)):
                found.setdefault(os.fsdecode(values[0]), []).append(int(folder.name))
    return found


def end_processes(name: str, value: str, *, asked: tuple[str, ...] = (), grace_s: float) -> None:
    """End every process that was started with an environment variable of this value, this one excepted.

    Args:
        name: Name of the variable.
        value: Its value.
        asked: Command line of those that are asked (SIGTERM) and may take their time; they end the others.
        grace_s: Seconds that they get; then all that remain are killed (SIGKILL).
    """
    give_up = time.monotonic() + grace_s
    polite = [pid for pid in processes_with_environment(name, value) if _command_line(pid) == asked]
    send(polite, signal.SIGTERM)
    while any(process_started(pid) for pid in polite) and time.monotonic() < give_up:
        time.sleep(0.02)
    while remaining := processes_with_environment(name, value):
        send(remaining, signal.SIGKILL)
        time.sleep(0.02)


def _command_line(pid: int) -> tuple[str, ...]:
    try:
        return tuple(Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1])
    except OSError:
        return ()


def send(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to processes, passing over those that are gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
