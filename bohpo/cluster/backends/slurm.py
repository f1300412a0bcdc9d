"""Slurm.

Source:
    sbatch(1), squeue(1), scancel(1), sacct(1); job state codes of squeue(1).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from bohpo.cluster.backends.backend import WARNING_S, Backend, JobRequest
from bohpo.cluster.commands import Run, this_user
from bohpo.cluster.listing import ListedJob, listed, unreadable
from bohpo.cluster.protocol import JobState

_STATES = {
    "PENDING": JobState.QUEUED,
    "CONFIGURING": JobState.QUEUED,
    "REQUEUED": JobState.QUEUED,
    "REQUEUE_FED": JobState.QUEUED,
    "REQUEUE_HOLD": JobState.QUEUED,
    "RESV_DEL_HOLD": JobState.QUEUED,
    "SPECIAL_EXIT": JobState.QUEUED,
    "RUNNING": JobState.RUNNING,
    "COMPLETING": JobState.RUNNING,
    "STAGE_OUT": JobState.RUNNING,
    "SUSPENDED": JobState.QUEUED,  # its worker shows no sign of life, and is not to be taken for one that hangs
    "STOPPED": JobState.QUEUED,
    "SIGNALING": JobState.RUNNING,
    "RESIZING": JobState.RUNNING,
    "COMPLETED": JobState.GONE,
    "REVOKED": JobState.GONE,
    "FAILED": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
    "PREEMPTED": JobState.PREEMPTED,
    "NODE_FAIL": JobState.NODE_FAILED,
    "BOOT_FAIL": JobState.NODE_FAILED,
    "LAUNCH_FAILED": JobState.NODE_FAILED,
    "RECONFIG_FAIL": JobState.NODE_FAILED,
    "TIMEOUT": JobState.TIME_LIMIT,
    "DEADLINE": JobState.TIME_LIMIT,
    "OUT_OF_MEMORY": JobState.OUT_OF_MEMORY,
}


def options(request: JobRequest) -> dict[str, Any]:
    """Give SLURMJob's arguments."""
    settings = request.settings
    directives = [
        f"-o {request.log}",
        f"-e {request.log}",
        "--open-mode=append",
        "--no-requeue",
        f"--nodes={settings.nodes}",
        "--ntasks-per-node=1",
    ]
    if settings.memory_bytes is not None:
        directives.append(f"--mem={math.ceil(settings.memory_bytes / 2**20)}M")
    if settings.gpus:
        directives.append(f"--gres=gpu:{settings.gpus}")
    if request.is_warned:
        directives.append(f"--signal=B:TERM@{WARNING_S}")
    return {
        "queue": settings.queue,
        "account": settings.account,
        "walltime": request.wall_clock,
        "cores": request.cpus,
        "job_directives_skip": ["#SBATCH -n 1", "#SBATCH --mem="],
        "job_extra_directives": directives,
    }


def list_jobs(run: Run) -> Iterable[ListedJob]:
    """Ask for all of this user's jobs; those that ended stay listed for some minutes (MinJobAge)."""
    answer = run("squeue", "--noheader", "--states=all", f"--user={this_user()}", "--format=%i|%T|%r|%j")
    return list(_parse(answer.out, "squeue"))


def ended_jobs(run: Run, job_ids: Collection[str]) -> Iterable[ListedJob]:
    """Ask the accounting, where there is one."""
    ids = ",".join(job_ids)
    answer = run("sacct", "--noheader", "--parsable2", "-X", f"--jobs={ids}", "--format=JobIDRaw,State,Reason,JobName")
    return list(_parse(answer.out, "sacct"))


def _parse(text: str, command: str) -> Iterator[ListedJob]:
    for line in text.splitlines():
        job_id, state, reason, name = _columns(line, command)
        code = state.split()[0] if state else ""  # sacct: "CANCELLED by 1000"
        if code not in _STATES:
            raise unreadable(command, line)
        yield listed(job_id, name, _STATES[code], state, f"({reason})" if reason not in ("", "None") else "")


def _columns(line: str, command: str) -> tuple[str, str, str, str]:
    parts = line.strip().split("|", 3)
    if len(parts) != 4 or not parts[0][:1].isdigit():
        raise unreadable(command, line)
    return parts[0], parts[1], parts[2], parts[3]


SLURM = Backend(
    name="slurm",
    job_class=("slurm", "SLURMJob"),
    job_id=r"Submitted batch job (?P<job_id>\d+)",
    prefix="#SBATCH",
    submit="sbatch",
    options=options,
    list_jobs=list_jobs,
    ended_jobs=ended_jobs,
    remove=("scancel",),
    ask=("scancel", "--batch", "--signal=TERM"),  # to the worker alone: the trainer's data loaders have to live on
    is_removed=("Invalid job id", "already completing or completed"),
    for_good=(
        "invalid partition",
        "Invalid account",
        "Invalid qos",
        "Invalid generic resource",
        "Invalid feature",
        "Requested node configuration is not available",
        "Requested time limit is invalid",
        "Requested partition configuration not available",
        "More processors requested than permitted",
        "Node count specification invalid",
        "Memory specification can not be satisfied",
        "unrecognized option",
        "Invalid --",
        "Access/permission denied",
        "User's group not permitted",
    ),
)
