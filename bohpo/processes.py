"""Processes on this Linux host: who is alive, who belongs together, who dies with whom."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ATTEMPT_DIRECTORY = "BOHPO_DIRECTORY"
"""Names the attempt's folder in the environment of everything that runs for it."""

DRIVER_PID = "BOHPO_DRIVER_PID"
"""Names the driver in the environment of a job that is to end with it."""

WALL_SECONDS = "BOHPO_WALL_SECONDS"
"""Tells a worker, in its environment, how long its job may run from the worker's start on."""

JOB_NAME = "BOHPO_JOB"
"""Names the job in the environment of everything that it runs."""

DEVICES = "BOHPO_DEVICES"
"""Names the GPUs that a job of this host owns, as `id=UUID,...`, in the environment of everything that it runs."""

DEVICE_SHARE = "BOHPO_DEVICE_SHARE"
"""Share of each of these GPUs that the job owns, above 0 and up to 1."""

CPUS = "BOHPO_CPUS"
"""CPUs that a job of this host is pinned to, as a list of the kernel such as "0-3,8"."""

NEAR_CPUS = "BOHPO_NEAR_CPUS"
"""CPUs near a job's GPUs, which it prefers without owning them, as a list of the kernel."""

PYTHON = (sys.executable, "-P")
"""Begins the command of every Python process that bohpo starts. Without -P, Python looks for each module in the folder
where it is started first, and a `random.py` there would take the place of Python's own.
"""

_PR_SET_PDEATHSIG = 1
_PF_KTHREAD = 0x00200000
_EMPTY_READS, _EMPTY_S = 10, 0.001
_MOST_CPUS = 65_536
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


def pin_process(environment: Mapping[str, str]) -> None:
    """Pin the calling process, and what it starts, to the CPUs that its job's environment names, if any.

    Raises:
        ValueError: If the environment names no list of CPUs.
        OSError: If none of these CPUs may be used.
    """
    if named := environment.get(CPUS) or environment.get(NEAR_CPUS):
        os.sched_setaffinity(0, parse_cpus(named))


def parse_cpus(text: str) -> frozenset[int]:
    """Parse a CPU list of the kernel, such as "0-3,8".

    Raises:
        ValueError: If it is none.

    Source:
        cpuset(7), List format.
    """
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, dash, last = part.partition("-")
        low, high = int(first), int(last if dash else first)
        if not 0 <= low <= high <= _MOST_CPUS:
            raise ValueError(f"{part!r} is no range of CPUs")
        found |= set(range(low, high + 1))
    return frozenset(found)


def format_cpus(cpus: frozenset[int]) -> str:
    """Write CPUs as a list of the kernel, such as "0-3,8"."""
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and cpu == runs[-1][1] + 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def read_environment(pid: int) -> list[bytes]:
    """Return the environment that a process was started with, as `NAME=value` entries.

    While a process begins another program its environment reads as empty for a moment; such a process is asked again.

    Raises:
        OSError: If it is another user's, or gone.

    Source:
        Linux, fs/exec.c and fs/proc/base.c: a new program's memory is there before the bounds of its environment.
    """
    file = Path(f"/proc/{pid}/environ")
    for _ in range(_EMPTY_READS):
        content = file.read_bytes()
        if content or _has_no_environment(pid):
            break
        time.sleep(_EMPTY_S)
    return content.split(b"\0")


def _has_no_environment(pid: int) -> bool:
    """Whether a process is gone, or belongs to the kernel.

    Source:
        proc_pid_stat(5), fields 3 and 9.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0] in "ZX" or bool(int(fields[6]) & _PF_KTHREAD)


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
            environment = read_environment(int(folder.name))
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
