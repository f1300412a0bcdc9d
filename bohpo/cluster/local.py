"""Jobs as processes of this host."""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import signal
import subprocess
from collections.abc import Collection, Mapping

from bohpo.cluster.protocol import Job, JobState, JobStatus
from bohpo.errors import QueueError
from bohpo.processes import (
    ATTEMPT_DIRECTORY,
    DRIVER_PID,
    JOB_NAME,
    boot_id,
    end_processes,
    pid_namespace,
    process_is_gone,
    process_started,
    processes_by_environment,
)
from bohpo.regular_files import append_regular

CLOSE_GRACE_S = 30.0
"""Longer than a worker gives its trainer to save a checkpoint."""

RUNS = JobStatus(JobState.RUNNING)
OUT_OF_SIGHT = JobStatus(JobState.NODE_FAILED, "its process is on another host, or in another container")

BLIND_WAIT_S = 0.2
"""How long to wait where the end of a job cannot be waited for."""


class LocalCluster:
    """Runs each job as a process in a session of its own; it finds the driver's id in `BOHPO_DRIVER_PID`.

    A job's id is `<process id>-<start time>-<where>`, and its name is in its process's environment, so that a later
    driver knows whether it is still alive. Where that driver is on another host, or in another PID namespace, the id
    means nothing: the job counts as out of sight, and its heartbeat tells.
    """

    def __init__(self) -> None:
        """Begin without jobs."""
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def submit(self, job: Job) -> str:
        """Start the job's process."""
        try:
            with append_regular(job.log) as log:
                process = subprocess.Popen(
                    job.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **job.environment, DRIVER_PID: str(os.getpid()), JOB_NAME: job.name},
                    start_new_session=True,
                )
        except OSError as error:
            raise QueueError(f"{job.name}: cannot start {job.command[0]}: {error}; see `ulimit -u`, `df`") from error
        job_id = f"{process.pid}-{process_started(process.pid) or 0}-{_here()}"
        self._processes[job_id] = process
        return job_id

    def look(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Return of each job whether its process is alive."""
        for job_id in [known for known, process in self._processes.items() if process.poll() is not None]:
            del self._processes[job_id]
        return {job_id: RUNS if job_id in self._processes else _status_of(job_id) for job_id in job_ids}

    def find(self, names: Collection[str]) -> Mapping[str, str]:
        """Give the ids of the jobs of these names whose processes live; a job's first process is its worker."""
        found = {}
        for name, pids in processes_by_environment(JOB_NAME).items():
            started = [(start, pid) for pid in pids if (start := process_started(pid)) is not None]
            if name in names and started:
                start, pid = min(started)
                found[name] = f"{pid}-{start}-{_here()}"
        return found

    def wait(self, seconds: float) -> None:
        """Return as soon as a process has ended, and after `seconds` at the latest."""
        poll = select.poll()
        descriptors = []
        try:
            for process in self._processes.values():
                with contextlib.suppress(ProcessLookupError):
                    descriptors.append(os.pidfd_open(process.pid))
                    poll.register(descriptors[-1], select.POLLIN)
        except OSError:  # more jobs than files may be open: look again soon
            seconds = min(seconds, BLIND_WAIT_S)
        try:
            poll.poll(seconds * 1000)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def cancel(self, job_id: str) -> None:
        """Ask the job's process to stop; one that is out of sight is not asked, since its id may be a stranger's."""
        if job_id in self._processes or _status_of(job_id) == RUNS:
            with contextlib.suppress(ProcessLookupError):
                os.kill(_pid(job_id), signal.SIGTERM)

    def end_leftover(self, job: Job, *, grace_s: float) -> None:
        """End every process that was started for the job's attempt, the trainer's own children included."""
        folder = job.environment[ATTEMPT_DIRECTORY]
        end_processes(ATTEMPT_DIRECTORY, folder, asked=job.command, grace_s=grace_s)

    def close(self) -> None:
        """Stop all processes: politely, then for good."""
        for job_id in self._processes:
            self.cancel(job_id)
        for process in self._processes.values():
            try:
                process.wait(CLOSE_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()


def _pid(job_id: str) -> int:
    return int(job_id.partition("-")[0])


def _here() -> str:
    """Return a short name of the boot and the PID namespace in which process ids count here."""
    return hashlib.sha256(f"{boot_id()} {pid_namespace()}".encode()).hexdigest()[:8]


def _status_of(job_id: str) -> JobStatus:
    """Return where a job stands that another driver started."""
    pid, started, *where = job_id.split("-")[:3] if job_id.count("-") in (1, 2) else ("", "")
    if not (pid.isdecimal() and started.isdecimal()):  # a queue's, where the campaign ran on one before
        return JobStatus(JobState.GONE)
    if where and where != [_here()]:
        return OUT_OF_SIGHT
    return JobStatus(JobState.GONE) if process_is_gone(int(pid), int(started)) else RUNS
