"""OAR.

It asks for memory by properties of the nodes, which every site names as it likes: `directives = ["-p memnode>=24000"]`.

Source:
    oarsub(1), oarstat(1), oardel(1); job states of the OAR documentation.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bohpo.cluster.backends.backend import (
    PARALLEL_ENVIRONMENT,
    WARNING_S,
    Backend,
    JobRequest,
    Unread,
    replaced_by_resources,
)
from bohpo.cluster.commands import Run, this_user
from bohpo.cluster.listing import ListedJob, listed, unreadable
from bohpo.cluster.protocol import JobState
from bohpo.errors import QueueError

_STATES = {
    **dict.fromkeys(("Waiting", "Hold", "toLaunch", "toAckReservation", "Launching", "Suspended"), JobState.QUEUED),
    **dict.fromkeys(("Running", "Resuming", "Finishing", "toError"), JobState.RUNNING),
    "Terminated": JobState.GONE,
    "Error": JobState.FAILED,
}


def options(request: JobRequest) -> dict[str, Any]:
    """Give OARJob's arguments."""
    settings = request.settings
    directives = [f"-O {request.log}", f"-E {request.log}", "--signal 15"]
    if request.is_warned:
        directives.append(f"--checkpoint {WARNING_S}")
    share = f"gpu={settings.gpus}" if settings.gpus else f"core={request.cpus}"
    return {
        "queue": settings.queue,
        "project": settings.account,
        "walltime": request.wall_clock,
        "cores": request.cpus,
        "resource_spec": settings.resources or f"/nodes={settings.nodes}/{share}",
        "memory_per_core_property_name": "not_applicable",
        "job_extra_directives": directives,
    }


def list_jobs(run: Run) -> Iterable[ListedJob]:
    """Ask for all of this user's jobs that wait or run."""
    return _parse(run("oarstat", "-J", "-u", this_user()).out)


def ended_jobs(run: Run, job_ids: Collection[str]) -> Iterable[ListedJob]:
    """Ask for jobs one by one, as oarstat takes them."""
    found: list[ListedJob] = []
    for job_id in job_ids:
        with contextlib.suppress(QueueError):
            found += _parse(run("oarstat", "-J", "-j", job_id).out)
    return found


def _parse(text: str) -> list[ListedJob]:
    try:
        jobs = json.loads(text)
        return [
            listed(str(job_id), str(job.get("name") or ""), _state(job), job["state"], job.get("message"))
            for job_id, job in jobs.items()
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise unreadable("oarstat -J", text) from error


def _state(job: Mapping[str, Any]) -> JobState:
    state = _STATES[job["state"]]
    message = str(job.get("message", "")).lower()
    if state is JobState.FAILED and "walltime" in message:
        return JobState.TIME_LIMIT
    return state


OAR = Backend(
    name="oar",
    job_class=("oar", "OARJob"),
    job_id=r"OAR_JOB_ID=(?P<job_id>\d+)",
    prefix="#OAR",
    submit="oarsub",
    options=options,
    list_jobs=list_jobs,
    ended_jobs=ended_jobs,
    remove=("oardel",),
    ask=("oardel", "-c"),  # sends the signal that the script names
    is_removed=("already", "not found", "does not exist"),
    for_good=("Admission Rule ERROR", "unknown queue", "Syntax", "Bad resource", "no such", "not enough resources"),
    longest_name=100,
    unread=(
        PARALLEL_ENVIRONMENT,
        Unread("memory", remedy='ask by a property of the nodes, as in directives = ["-p memnode>=24000"]'),
        Unread("cpus", "gpus", "its GPUs come with their CPUs; write cluster.resources to ask for both"),
        *replaced_by_resources("cpus", "gpus", "nodes"),
    ),
)
