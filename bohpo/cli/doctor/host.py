"""This host: Python, packages, cores, memory, limits, clock."""

from __future__ import annotations

import importlib.metadata
import os
import re
import resource
import sqlite3
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from bohpo.cli.doctor.finding import Finding, Plan
from bohpo.store.filesystem import NETWORK_FILE_SYSTEMS, type_on_this_host

MEMORY_WANTED = 2_000_000_000
"""Bytes for a driver; torch alone takes a quarter of that."""

LIMITS_WANTED = {
    "processes": (resource.RLIMIT_NPROC, 256, "ulimit -u"),
    "open files": (resource.RLIMIT_NOFILE, 256, "ulimit -n"),
}
UNLIMITED_WANTED = {
    "CPU seconds": (resource.RLIMIT_CPU, "ulimit -t"),
    "address space": (resource.RLIMIT_AS, "ulimit -v"),
    "file size": (resource.RLIMIT_FSIZE, "ulimit -f"),
}
OPTIONAL = {
    "dask-jobqueue": ("cluster", "queues"),
    "SimpleITK": ("trainers", "NIfTI and DICOM"),
    "psycopg": ("postgresql", "PostgreSQL"),
    "PyYAML": ("yaml", "YAML exports"),
}
CLOCK_S = 0.2
CLOCK_TOLERANCE_S = 0.05


def look_at_python(_plan: Plan) -> list[Finding]:
    """Check Python's version."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return [
        Finding(
            "python",
            sys.version_info >= (3, 11),
            f"{version}, sqlite {sqlite3.sqlite_version}, {sys.prefix}",
            "" if sys.version_info >= (3, 11) else "bohpo needs 3.11 or later: `module avail python`",
        )
    ]


def look_at_packages(plan: Plan) -> list[Finding]:
    """Check that what bohpo needs is installed, and what its extras bring."""
    needed = [name for name in _required("bohpo") if not _is_installed(name)]
    if needed:
        remedy = f"pip install {' '.join(needed)}"
        return [Finding("packages", False, f"without {', '.join(needed)}", remedy)]
    without = {package: extra for package, extra in OPTIONAL.items() if not _is_installed(package)}
    if not without:
        return [Finding("packages", True, "all that is needed, and all extras")]
    needs_psycopg = "psycopg" in without and plan.store.startswith(("postgres", "file:"))
    is_needed = needs_psycopg or ("dask-jobqueue" in without and plan.uses_queue)
    detail = "without " + ", ".join(f"{package} ({brings})" for package, (_, brings) in without.items())
    remedy = f"pip install 'bohpo[{','.join(extra for extra, _ in without.values())}]'"
    return [Finding("packages", False, detail, remedy, is_needed=is_needed)]


def _required(package: str) -> Iterable[str]:
    """Give the names of the packages that one cannot do without."""
    for requirement in importlib.metadata.requires(package) or []:
        if "extra ==" not in requirement and (name := re.match(r"[\w.-]+", requirement)):
            yield name[0]


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def look_at_environment(plan: Plan) -> list[Finding]:
    """Check whether compute nodes can see this Python: a job runs the driver's interpreter."""
    if not plan.uses_queue:
        return []
    if plan.brings_python:
        return [Finding("python on nodes", True, "jobs bring their own, as [cluster] says; --job tries it")]
    kind = type_on_this_host(Path(sys.prefix).resolve())
    if kind in NETWORK_FILE_SYSTEMS:
        return [Finding("python on nodes", True, f"{sys.prefix} is on {NETWORK_FILE_SYSTEMS[kind]}")]
    detail = f"{sys.prefix} is on {kind or 'an unknown file system'} of this host"
    remedy = "install bohpo on the shared file system, or at the same path on all nodes; --job tries it"
    return [Finding("python on nodes", False, detail, remedy, is_needed=False)]


def look_at_cores(_plan: Plan) -> list[Finding]:
    """Tell how many cores there are."""
    cores = len(os.sched_getaffinity(0))
    return [Finding("cores", True, f"{cores}; local campaigns part them among their jobs")]


def look_at_memory(_plan: Plan) -> list[Finding]:
    """Check that a driver has memory enough, the limit of its control group included."""
    available = _meminfo("MemAvailable")
    limit = _control_group_limit()
    room = available if limit is None else min(available, limit)
    where = "" if limit is None else f", {limit / 1e9:.1f} GB allowed to this session"
    enough = room >= MEMORY_WANTED
    remedy = "" if enough else f"a driver needs {MEMORY_WANTED / 1e9:g} GB: close other programs, or take another host"
    return [Finding("memory", enough, f"{available / 1e9:.1f} GB available{where}", remedy)]


def _meminfo(key: str) -> int:
    found = re.search(rf"^{key}:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _control_group_limit() -> int | None:
    """Give the memory limit of this process's control group (version 2) in bytes, or None.

    Source:
        cgroups(7): `0::PATH` in /proc/self/cgroup; the tightest limit on the way up counts.
    """
    path = next((line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line[:3] == "0::"), None)
    if path is None:
        return None
    folder = Path("/sys/fs/cgroup") / path.lstrip("/")
    limits = []
    for group in (folder, *folder.parents):
        file = group / "memory.max"
        if file.is_file() and (text := file.read_text().strip()).isdigit():
            limits.append(int(text))
    return min(limits, default=None)


def look_at_limits(_plan: Plan) -> list[Finding]:
    """Check what the shell's `ulimit` lets a driver have; some hosts end what computes for an hour."""
    tight = []
    for what, (number, wanted, command) in LIMITS_WANTED.items():
        soft = resource.getrlimit(number)[0]
        if soft != resource.RLIM_INFINITY and soft < wanted:
            tight.append(f"{what} {soft} (`{command} {wanted}`)")
    for what, (number, command) in UNLIMITED_WANTED.items():
        soft = resource.getrlimit(number)[0]
        if soft != resource.RLIM_INFINITY:
            tight.append(f"{what} {soft} (`{command} unlimited`)")
    if tight:
        remedy = "raise them as shown; where that is forbidden, run the driver on a service node or as a long job"
        return [Finding("limits", False, ", ".join(tight), remedy)]
    shown = (f"{resource.getrlimit(number)[0]} {what}" for what, (number, _, _) in LIMITS_WANTED.items())
    return [Finding("limits", True, ", ".join(shown).replace("-1 ", "unlimited "))]


def look_at_clock(_plan: Plan) -> list[Finding]:
    """Check that the wall clock is not being set while it is looked at."""
    wall, monotonic = time.time(), time.monotonic()
    time.sleep(CLOCK_S)
    drift = (time.time() - wall) - (time.monotonic() - monotonic)
    steady = abs(drift) <= CLOCK_TOLERANCE_S
    detail = "goes evenly" if steady else f"jumped by {drift:+.2f} s within {CLOCK_S:g} s"
    remedy = "" if steady else "have chronyd or ntpd slew it; `timedatectl` shows who sets it"
    return [Finding("clock", steady, detail, remedy, is_needed=False)]
