"""Moab, above Torque: PBS directives, Moab's commands.

Source:
    msub, showq, canceljob and mjobctl of the Moab Workload Manager's reference; job states of showq.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

from bohpo.cluster.backends import pbs
from bohpo.cluster.backends.backend import PARALLEL_ENVIRONMENT, Backend, JobRequest, replaced_by_resources
from bohpo.cluster.commands import Run, this_user
from bohpo.cluster.listing import ListedJob, listed, read_xml, unreadable
from bohpo.cluster.protocol import JobState

_RUNNING = ("Running", "Starting", "Migrated", "Staging")
_COMPLETED = "Completed"


def options(request: JobRequest) -> dict[str, Any]:
    """Give MoabJob's arguments."""
    return {**pbs.options(request), "resource_spec": request.settings.resources or _resources(request)}


def _resources(request: JobRequest) -> str:
    settings = request.settings
    gpus = f":gpus={settings.gpus}" if settings.gpus else ""
    memory = settings.memory_bytes
    size = "" if memory is None else f",mem={math.ceil(memory * settings.nodes / 2**20)}mb"
    return f"nodes={settings.nodes}:ppn={request.cpus}{gpus}{size}"


def list_jobs(run: Run) -> Iterable[ListedJob]:
    """Ask for all of this user's jobs that wait or run."""
    return _parse(run("showq", "--xml", "-w", f"user={this_user()}").out)


def ended_jobs(run: Run, job_ids: Collection[str]) -> Iterable[ListedJob]:
    """Ask for this user's jobs that completed some hours ago at most."""
    return [
        job for job in _parse(run("showq", "-c", "--xml", "-w", f"user={this_user()}").out) if job.job_id in job_ids
    ]


def _parse(text: str) -> list[ListedJob]:
    document = read_xml(text, "showq --xml")
    queues = list(document.iter("queue"))
    if not queues:
        raise unreadable("showq --xml", text)
    return [
        listed(job.get("JobID", ""), job.get("JobName", ""), _state(job), job.get("State"), job.get("CompletionCode"))
        for queue in queues
        for job in queue.iter("job")
    ]


def _state(job: Any) -> JobState:
    state, code = job.get("State", ""), job.get("CompletionCode")
    if code is None and state != _COMPLETED and not state.startswith("Removed"):
        return JobState.RUNNING if state in _RUNNING else JobState.QUEUED
    if code == "0":
        return JobState.GONE
    return JobState.CANCELLED if (code or "").startswith("CNCLD") or state.startswith("Removed") else JobState.FAILED


MOAB = Backend(
    name="moab",
    job_class=("moab", "MoabJob"),
    job_id=r"(?m)^(?P<job_id>(?:[A-Za-z]\w*\.)?\d+)\s*$",
    prefix="#PBS",
    submit="msub",
    options=options,
    list_jobs=list_jobs,
    ended_jobs=ended_jobs,
    remove=("canceljob",),
    ask=("mjobctl", "-N", "signal=15"),
    is_removed=("cannot locate job", "invalid job specified"),
    for_good=(
        "invalid class",
        "unknown class",
        "invalid account",
        "no account",
        "cannot locate queue",
        "Unknown queue",
        "job violates class configuration",
    ),
    longest_name=15,
    unread=(PARALLEL_ENVIRONMENT, *replaced_by_resources("cpus", "memory", "gpus", "nodes")),
)
