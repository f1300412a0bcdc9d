"""PBS: OpenPBS and PBS Professional; for Torque, name its resources in `cluster.resources`.

Old versions keep 15 characters of a job's name, so the names are cut to these, ending in a digest of the whole.

Source:
    qsub(1B), qselect(1B), qstat(1B), qsig(1B) of OpenPBS; its job.h for the negative exit codes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from bohpo.cluster.backends.backend import PARALLEL_ENVIRONMENT, Backend, JobRequest, replaced_by_resources
from bohpo.cluster.commands import Run, this_user
from bohpo.cluster.listing import ListedJob, listed, unreadable
from bohpo.cluster.protocol import JobState

_UNKNOWN_JOB = 153
_FINISHED_JOB = 35
_KILLED_BY_SIGNAL = 256

_STATES = {
    **dict.fromkeys("QWHTMSU", JobState.QUEUED),
    **dict.fromkeys("REB", JobState.RUNNING),
}
_EXITS = {
    "0": JobState.GONE,
    "-26": JobState.OUT_OF_MEMORY,
    "-27": JobState.OUT_OF_MEMORY,
    "-29": JobState.TIME_LIMIT,
    str(_KILLED_BY_SIGNAL + 15): JobState.CANCELLED,
    **{str(code): JobState.NODE_FAILED for code in (-1, -2, -3, -4, -5, -6, -7, -14, -20, -21)},
}


def options(request: JobRequest) -> dict[str, Any]:
    """Give PBSJob's arguments; `-A` is written here, since PBSJob would take it from the environment."""
    settings = request.settings
    account = [] if settings.account is None else [f"-A {settings.account}"]
    return {
        "queue": settings.queue,
        "walltime": request.wall_clock,
        "cores": request.cpus,
        "resource_spec": settings.resources or _chunks(request),
        "job_directives_skip": ["#PBS -A "],
        "job_extra_directives": [*account, f"-o {request.log}", "-j oe", "-r n", "-S /bin/bash"],
    }


def _chunks(request: JobRequest) -> str:
    settings = request.settings
    memory = "" if settings.memory_bytes is None else f":mem={math.ceil(settings.memory_bytes / 2**20)}mb"
    gpus = f":ngpus={settings.gpus}" if settings.gpus else ""
    return f"select={settings.nodes}:ncpus={request.cpus}{memory}{gpus}"


def list_jobs(run: Run) -> Iterable[ListedJob]:
    """Ask which jobs are this user's, and then for all that is known of these."""
    job_ids = run("qselect", "-u", this_user()).out.split()
    return _ask(run, "-f", job_ids)


def ended_jobs(run: Run, job_ids: Collection[str]) -> Iterable[ListedJob]:
    """Ask the server's history."""
    return _ask(run, "-xf", job_ids)


def _ask(run: Run, option: str, job_ids: Collection[str]) -> Iterable[ListedJob]:
    if not job_ids:
        return []
    answer = run("qstat", option, *job_ids, accept=(0, _FINISHED_JOB, _UNKNOWN_JOB))
    if answer.exit_code == 0 and not answer.out.strip():
        raise unreadable("qstat -f", answer.out)
    return list(parse_full(answer.out))


def parse_full(text: str) -> Iterator[ListedJob]:
    """Parse `qstat -f`: a block for each job, with lines that are continued below a tab."""
    for block in re.split(r"^(?=Job Id: )", text.replace("\n\t", ""), flags=re.MULTILINE):
        first, _, rest = block.partition("\n")
        if not block.strip():
            continue
        fields = dict(line.strip().split(" = ", 1) for line in rest.splitlines() if " = " in line)
        if not first.startswith("Job Id: ") or "job_state" not in fields:
            raise unreadable("qstat -f", block)
        state, exit_code = _state(fields)
        yield listed(
            first.removeprefix("Job Id: ").strip(),
            fields.get("Job_Name", ""),
            state,
            f"state {fields['job_state']}",
            exit_code and f"exit status {exit_code}",
            fields.get("comment"),
        )


def _state(fields: dict[str, str]) -> tuple[JobState, str]:
    code = fields["job_state"]
    exit_code = fields.get("Exit_status", fields.get("exit_status", ""))
    if code in _STATES:
        return _STATES[code], ""
    if "walltime" in fields.get("comment", "") and exit_code != "0":
        return JobState.TIME_LIMIT, exit_code
    if not exit_code:  # it was taken from the queue before it ran
        return JobState.CANCELLED, exit_code
    return _EXITS.get(exit_code, JobState.FAILED), exit_code


PBS = Backend(
    name="pbs",
    job_class=("pbs", "PBSJob"),
    job_id=r"(?m)^(?P<job_id>\d+\S*)\s*$",
    prefix="#PBS",
    submit="qsub",
    options=options,
    list_jobs=list_jobs,
    ended_jobs=ended_jobs,
    remove=("qdel",),
    ask=("qsig", "-s", "SIGTERM"),  # qdel kills some seconds after its SIGTERM, sooner than a checkpoint is saved
    is_removed=("Unknown Job Id", "Job has finished", "Request invalid for state of job"),
    for_good=(
        "Unknown queue",
        "Invalid account",
        "Unauthorized Request",
        "Unknown resource",
        "Illegal attribute or resource value",
        "Job violates queue and/or server resource limits",
        "Job rejected by all possible destinations",
        "cannot be used with",
        "illegal -",
    ),
    longest_name=15,
    unread=(PARALLEL_ENVIRONMENT, *replaced_by_resources("cpus", "memory", "gpus", "nodes")),
)
