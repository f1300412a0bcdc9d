"""HTCondor.

A job there has no wall time: the queue removes it by a rule, as it does with one that lost its node, which it would
start again otherwise. The set-up lines and the worker are one line of the shell.

Source:
    condor_submit(1), condor_q(1), condor_history(1); job ClassAd attributes of the HTCondor manual.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bohpo.cluster.backends.backend import Backend, JobRequest
from bohpo.cluster.commands import Run
from bohpo.cluster.listing import ListedJob, listed, unreadable
from bohpo.cluster.protocol import JobState

_ATTRIBUTES = "ClusterId,ProcId,JobBatchName,JobStatus,LastJobStatus,HoldReason,RemoveReason,ExitCode"
_IDLE, _RUNNING, _REMOVED, _COMPLETED, _HELD, _TRANSFERRING, _SUSPENDED = range(1, 8)
_VACATE_S = 40
"""What a job gets to leave after a SIGTERM; the worker gives its trainer half of it."""


def options(request: JobRequest) -> dict[str, Any]:
    """Give HTCondorJob's arguments."""
    settings = request.settings
    directives: dict[str, Any] = {
        "batch_name": f'"{request.name}"',
        "Output": request.log,
        "Error": request.log,
        "Log": request.log.with_suffix(".condor"),
        "Stream_Output": "True",
        "Stream_Error": "True",
        "should_transfer_files": "NO",
        "kill_sig": "SIGTERM",
        "job_max_vacate_time": _VACATE_S,
        "periodic_remove": _removed_when(request),
        "RequestCpus": request.cpus,
    }
    if settings.memory_bytes is not None:
        directives["RequestMemory"] = -(-settings.memory_bytes // 2**20)
    if settings.gpus:
        directives["RequestGPUs"] = settings.gpus
    if settings.account is not None:
        directives["accounting_group"] = settings.account
    return {
        "cores": request.cpus,
        "memory": "1 MB",
        "disk": "1 GB",
        "job_directives_skip": _skipped(request),
        "job_extra_directives": {**directives, **dict(map(_assignment, settings.directives))},
    }


def _removed_when(request: JobRequest) -> str:
    lost_its_node = "(JobStatus == 1 && NumJobStarts > 0)"
    seconds = request.settings.wall_seconds
    if seconds is None:
        return lost_its_node
    return f"{lost_its_node} || (JobStatus == 2 && time() - JobCurrentStartDate > {seconds})"


def _skipped(request: JobRequest) -> list[str]:
    memory = ["RequestMemory"] if request.settings.memory_bytes is None else []
    own = [
        "MY.DaskWorkerName",
        "MY.DaskWorkerCores",
        "MY.DaskWorkerMemory",
        "MY.DaskWorkerDisk",
        "RequestDisk",
        "MY.JobId",
    ]
    return [*own, *memory]


def _assignment(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    return key.strip(), value.strip()


def list_jobs(run: Run) -> Iterable[ListedJob]:
    """Ask for all of this user's jobs that wait or run."""
    return _parse(run("condor_q", "-json", "-attributes", _ATTRIBUTES).out, "condor_q")


def ended_jobs(run: Run, job_ids: Collection[str]) -> Iterable[ListedJob]:
    """Ask the history, which goes through its files from the latest job on until it has found all."""
    limit = str(len(job_ids))
    answer = run("condor_history", "-json", "-attributes", _ATTRIBUTES, "-limit", limit, *job_ids)
    return _parse(answer.out, "condor_history")


def _parse(text: str, command: str) -> list[ListedJob]:
    if not text.strip():  # no jobs, in versions before 8.9
        return []
    try:
        jobs = json.loads(text)
        return [
            listed(
                f"{int(job['ClusterId'])}.{int(job['ProcId'])}",
                str(job.get("JobBatchName", "")),
                _state(job),
                f"status {job['JobStatus']}",
                job.get("HoldReason") if job["JobStatus"] == _HELD else job.get("RemoveReason"),
            )
            for job in jobs
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise unreadable(command, text) from error


def _state(job: Mapping[str, Any]) -> JobState:
    status = job["JobStatus"]
    if status in (_RUNNING, _TRANSFERRING):  # not the suspended ones, whose workers show no sign of life
        return JobState.RUNNING
    if status in (_IDLE, _HELD, _SUSPENDED):
        return JobState.QUEUED
    if status == _COMPLETED:
        return JobState.GONE if job.get("ExitCode", 0) == 0 else JobState.FAILED
    if "PeriodicRemove" in str(job.get("RemoveReason", "")):
        return JobState.NODE_FAILED if job.get("LastJobStatus") == _IDLE else JobState.TIME_LIMIT
    return JobState.CANCELLED


def escape(line: str) -> str:
    """Write a dollar so that condor_submit leaves it alone."""
    return line.replace("$", "$(DOLLAR)")


HTCONDOR = Backend(
    name="htcondor",
    job_class=("htcondor", "HTCondorJob"),
    job_id=r"(?P<job_id>\d+\.\d+)",
    prefix="",
    submit="condor_submit",
    options=options,
    list_jobs=list_jobs,
    ended_jobs=ended_jobs,
    remove=("condor_rm",),
    is_removed=("not found", "Couldn't find"),
    for_good=("Invalid", "is not a valid", "Parse error", "unrecognized"),
    is_one_line=True,
    escape=escape,
)
