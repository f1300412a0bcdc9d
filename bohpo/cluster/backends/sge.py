"""Grid Engine: SGE, Son of Grid Engine, Univa and Altair Grid Engine.

`qdel` and the hard wall time kill at once, unless a job asks for a notice (`-notify`): SIGUSR2 so long before as the
queue's `notify` says, 60 s by default; the soft wall time sends SIGUSR1. Both go to the whole process group, so the
worker is shielded from them and gets a SIGTERM from the job's shell instead.

Source:
    submit(1), qstat(1), qacct(1), queue_conf(5), sge_status(5).
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from bohpo.cluster.backends.backend import WARNING_S, Backend, JobRequest, replaced_by_resources
from bohpo.cluster.commands import Run, this_user
from bohpo.cluster.listing import ListedJob, listed, read_xml, text_of, unreadable
from bohpo.cluster.protocol import JobState
from bohpo.errors import QueueError

_SHIELDED = """\
trap 'kill -TERM "$worker"' USR1 USR2 TERM
(trap '' USR1 USR2; trap - TERM; exec {}) &
worker=$!
while :; do
  wait "$worker"
  status=$?
  kill -0 "$worker" 2>/dev/null || exit "$status"
done"""

_KILLED_BY_SIGNAL = 128


def options(request: JobRequest) -> dict[str, Any]:
    """Give SGEJob's arguments."""
    settings = request.settings
    directives = ["-S /bin/bash", f"-o {request.log}", "-r n", "-notify"]
    if request.is_warned:
        assert settings.wall_seconds is not None
        directives.append(f"-l s_rt={settings.wall_seconds - WARNING_S}")
    if settings.resources is None:
        directives += _resources(request)
    return {
        "queue": settings.queue,
        "project": settings.account,
        "walltime": request.wall_clock,
        "cores": request.cpus,
        "resource_spec": settings.resources,
        "job_extra_directives": directives,
    }


def _resources(request: JobRequest) -> Iterator[str]:
    settings = request.settings
    slots = request.cpus * settings.nodes
    if slots > 1:
        yield f"-pe {settings.parallel_environment} {slots}"
    if settings.memory_bytes is not None:
        yield f"-l mem_free={math.ceil(settings.memory_bytes / 2**20)}M"
    if settings.gpus:
        yield f"-l gpu={settings.gpus}"


def list_jobs(run: Run) -> Iterable[ListedJob]:
    """Ask for all of this user's jobs; plain `qstat` would cut their names."""
    answer = run("qstat", "-xml", "-u", this_user())
    jobs = read_xml(answer.out, "qstat -xml")
    if jobs.tag != "job_info":
        raise unreadable("qstat -xml", answer.out)
    return [
        listed(text_of(job, "JB_job_number"), text_of(job, "JB_name"), _state(code := text_of(job, "state")), code)
        for job in jobs.iter("job_list")
    ]


def _state(code: str) -> JobState:
    """Give the state of a code such as r, qw, hqw, Eqw, dr, Rr; all of these wait or run."""
    return JobState.RUNNING if set(code) & set("rt") and not set(code) & set("qsST") else JobState.QUEUED


def ended_jobs(run: Run, job_ids: Collection[str]) -> Iterable[ListedJob]:
    """Ask the accounting; it takes one job at a time, and some seconds until it knows of an end."""
    found: list[ListedJob] = []
    for job_id in job_ids:
        with contextlib.suppress(QueueError):
            found += _parse_accounting(run("qacct", "-j", job_id).out)
    return found


def _parse_accounting(text: str) -> Iterator[ListedJob]:
    for record in re.split(r"^=+$", text, flags=re.MULTILINE):
        entries = (line.strip().partition(" ") for line in record.splitlines())
        fields = {key: value.strip() for key, _, value in entries if key}
        if "jobnumber" in fields:
            yield listed(
                fields["jobnumber"],
                fields.get("jobname", ""),
                _end(fields),
                f"failed {fields.get('failed', '')},",
                f"exit status {fields.get('exit_status', '')}",
            )


def _end(fields: dict[str, str]) -> JobState:
    """Tell why a job ended from its accounting record; `failed` begins with a code of accounting(5)."""
    failed, status = fields.get("failed", "0"), fields.get("exit_status", "0").split()[:1] or ["0"]
    deleted_by = fields.get("deleted_by", "NONE")
    if failed.startswith("0") and status[0] == "0":
        return JobState.GONE
    if "h_rt" in failed or failed.startswith(("37", "44")):
        return JobState.TIME_LIMIT
    if deleted_by not in ("NONE", ""):
        return JobState.CANCELLED
    if failed.startswith(("21", "22", "26", "27", "28", "29")):
        return JobState.NODE_FAILED
    return JobState.FAILED


SGE = Backend(
    name="sge",
    job_class=("sge", "SGEJob"),
    job_id=r"Your job (?P<job_id>\d+)",
    prefix="#$",
    submit="qsub",
    options=options,
    list_jobs=list_jobs,
    ended_jobs=ended_jobs,
    remove=("qdel",),
    is_removed=("does not exist", "already in deletion"),
    for_good=(
        "unknown queue",
        "unknown resource",
        "requested project",
        "requested parallel environment",
        "not a valid object name",
        "no suitable queues",
        "unknown option",
    ),
    wrap=_SHIELDED.format,
    unread=replaced_by_resources("cpus", "memory", "gpus", "nodes", "parallel_environment"),
)
