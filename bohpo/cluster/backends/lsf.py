"""LSF.

Source:
    bsub(1), bjobs(1), bkill(1) of IBM Spectrum LSF 10.1; termination reasons of `bjobs -l`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bohpo.cluster.backends.backend import WARNING_S, Backend, JobRequest
from bohpo.cluster.commands import Run, this_user
from bohpo.cluster.listing import ListedJob, listed, unreadable
from bohpo.cluster.protocol import JobState
from bohpo.errors import QueueError

_NO_JOBS = 255

_STATES = {
    **dict.fromkeys(("PEND", "PSUSP", "WAIT", "PROV", "USUSP", "SSUSP"), JobState.QUEUED),
    **dict.fromkeys(("RUN", "UNKWN"), JobState.RUNNING),
    "DONE": JobState.GONE,
    "ZOMBI": JobState.NODE_FAILED,
}
_REASONS = {
    "TERM_RUNLIMIT": JobState.TIME_LIMIT,
    "TERM_DEADLINE": JobState.TIME_LIMIT,
    "TERM_MEMLIMIT": JobState.OUT_OF_MEMORY,
    "TERM_SWAP": JobState.OUT_OF_MEMORY,
    "TERM_OWNER": JobState.CANCELLED,
    "TERM_ADMIN": JobState.CANCELLED,
    "TERM_FORCE_OWNER": JobState.CANCELLED,
    "TERM_FORCE_ADMIN": JobState.CANCELLED,
    "TERM_REQUEUE_OWNER": JobState.CANCELLED,
    "TERM_REQUEUE_ADMIN": JobState.CANCELLED,
    "TERM_PREEMPT": JobState.PREEMPTED,
    "TERM_WINDOW": JobState.NODE_FAILED,
    "TERM_LOAD": JobState.NODE_FAILED,
    "TERM_ZOMBIE": JobState.NODE_FAILED,
    "TERM_REMOVE_HUNG_JOB": JobState.NODE_FAILED,
}


def options(request: JobRequest) -> dict[str, Any]:
    """Give LSFJob's arguments; a wall time is whole minutes there."""
    settings = request.settings
    seconds = settings.wall_seconds
    minutes = None if seconds is None else -(-seconds // 60)
    directives = [f"-o {request.log}", "-rn"]
    if settings.nodes > 1:
        directives.append(f'-R "span[ptile={request.cpus}]"')
    if settings.gpus:
        directives.append(f'-gpu "num={settings.gpus}"')
    if request.is_warned:
        directives += ["-wa TERM", f"-wt {WARNING_S // 60}"]
    return {
        "queue": settings.queue,
        "project": settings.account,
        "walltime": None if minutes is None else f"{minutes // 60:02}:{minutes % 60:02}",
        "cores": request.cpus,
        "ncpus": request.cpus * settings.nodes,
        "mem": settings.memory_bytes or 0,
        "job_directives_skip": [
            *(["#BSUB -M"] if settings.memory_bytes is None else []),
            *(["span[hosts=1]"] if settings.nodes > 1 else []),
        ],
        "job_extra_directives": directives,
    }


def list_jobs(run: Run) -> Iterable[ListedJob]:
    """Ask for all of this user's jobs; those that ended stay listed for an hour or so (CLEAN_PERIOD)."""
    columns = "jobid stat exit_reason job_name delimiter='|'"
    answer = run("bjobs", "-a", "-noheader", "-u", this_user(), "-o", columns, accept=(0, _NO_JOBS))
    if answer.exit_code == _NO_JOBS or not answer.out.strip():
        if "job found" in answer.words:
            return []
        raise QueueError(f"bjobs: {answer.words}")
    return list(_parse(answer.out))


def _parse(text: str) -> Iterator[ListedJob]:
    for line in text.splitlines():
        parts = line.strip().split("|", 3)
        if len(parts) != 4 or not parts[0].isdigit() or (parts[1] != "EXIT" and parts[1] not in _STATES):
            raise unreadable("bjobs", line)
        job_id, state, reason, name = parts
        yield listed(job_id, name, _state(state, reason), state, "" if reason == "-" else reason)


def _state(state: str, reason: str) -> JobState:
    if state in _STATES:
        return _STATES[state]
    return _REASONS.get(reason.partition(":")[0].strip(), JobState.FAILED)


LSF = Backend(
    name="lsf",
    job_class=("lsf", "LSFJob"),
    job_id=r"Job <(?P<job_id>\d+)> is submitted",
    prefix="#BSUB",
    submit="bsub",
    options=options,
    list_jobs=list_jobs,
    remove=("bkill",),
    ask=("bkill", "-s", "TERM"),
    is_removed=("Job has already finished", "No matching job found", "Job already finished"),
    for_good=(
        "No such queue",
        "Bad resource requirement",
        "User cannot use the queue",
        "Unknown resource",
        "Bad argument",
        "Illegal option",
        "Cannot exceed queue's hard limit",
    ),
)
