"""Jobs of this host that own their GPUs and CPUs: each starts as soon as enough of them are free.

A job that has to wait is QUEUED under an id of its own. Should its driver end first, the job never began; the next
driver finds it gone and submits the trial again.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path

from bohpo.cluster.devices import (
    Claim,
    Device,
    choose_cpus,
    choose_devices,
    job_environment,
    lock_devices,
    read_claims,
    usage_of,
)
from bohpo.cluster.devices.environment import NO_DEVICES
from bohpo.cluster.host import Host, gpus_of, pins_cpus
from bohpo.cluster.interpreter import with_node_interpreter
from bohpo.cluster.local import LocalCluster
from bohpo.cluster.protocol import Job, JobState, JobStatus
from bohpo.errors import QueueError
from bohpo.processes import CPUS, DEVICE_SHARE, DEVICES, NEAR_CPUS, WALL_SECONDS, format_cpus
from bohpo.study import Study

logger = logging.getLogger(__name__)

_TICKET = "waiting:"
_OTHERS = JobStatus(JobState.GONE, "its driver ended while it waited for a GPU, or after")
"""Of a ticket that an earlier driver gave: only that driver could start the job."""

_OWN = (DEVICES, DEVICE_SHARE, CPUS, NEAR_CPUS)
"""Variables of a job that a driver inside another job must not hand on to its own."""


class DeviceCluster:
    """Runs the jobs of a study as processes of this host, each with the GPUs and CPUs that the study asks for."""

    def __init__(self, study: Study, host: Host, *, lock: Path | None = None) -> None:
        """Begin without jobs.

        Args:
            study: The study on the cluster that holds, with its number of jobs.
            host: What this host has.
            lock: Folder of the lock on the devices; the one of all of this user's drivers by default.
        """
        self._inner = LocalCluster()
        self._settings = study.cluster
        self._gpus = gpus_of(study.cluster)
        self._cpus_per_job = pins_cpus(study, host.cpus)
        self._threads = study.threads
        self._host = host
        self._lock = lock
        self._waiting: dict[str, Job] = {}
        self._started: dict[str, str] = {}
        self._ended: dict[str, JobStatus] = {}
        self._own: set[str] = set()
        self._detail = ""
        self._warned_of = ""

    def submit(self, job: Job) -> str:
        """Start the job's process, or let it wait for its devices behind those that wait already.

        Raises:
            QueueError: If it cannot be started.
        """
        self._start_waiting()
        started = None if self._waiting else self._start(job)
        if started is not None:
            return started
        ticket = f"{_TICKET}{job.name}"
        self._waiting[ticket] = job
        self._ended.pop(ticket, None)
        self._started.pop(ticket, None)
        return ticket

    def look(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Return where jobs stand; those that wait are started first where their devices are free now."""
        self._start_waiting()
        processes = {job_id: self._started.get(job_id, job_id) for job_id in job_ids}
        known = self._inner.look([process for process in processes.values() if not process.startswith(_TICKET)])
        return {job_id: known.get(process) or self._unstarted(process) for job_id, process in processes.items()}

    def _unstarted(self, ticket: str) -> JobStatus:
        if ticket in self._waiting:
            return JobStatus(JobState.QUEUED, self._detail)
        return self._ended.get(ticket, _OTHERS)

    def find(self, names: Collection[str]) -> Mapping[str, str]:
        """Return the ids of the jobs of these names that wait or run."""
        waiting = {job.name: ticket for ticket, job in self._waiting.items() if job.name in names}
        tickets = {process: ticket for ticket, process in self._started.items()}
        running = {name: tickets.get(process, process) for name, process in self._inner.find(names).items()}
        return {**running, **waiting}

    def wait(self, seconds: float) -> None:
        """Return as soon as a process has ended, and after `seconds` at the latest; start what its devices allow."""
        self._inner.wait(seconds)
        self._start_waiting()

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop; one that waits is dropped."""
        if self._waiting.pop(job_id, None) is not None:
            self._ended[job_id] = JobStatus(JobState.CANCELLED, "before it began")
        else:
            self._inner.cancel(self._started.get(job_id, job_id))

    def end_leftover(self, job: Job, *, grace_s: float) -> None:
        """End all that a submission of this job may still run."""
        self._waiting.pop(f"{_TICKET}{job.name}", None)
        command = with_node_interpreter(job.command, self._settings)
        self._inner.end_leftover(dataclasses.replace(job, command=command), grace_s=grace_s)

    def close(self) -> None:
        """Drop the jobs that wait, and stop all processes."""
        self._waiting.clear()
        self._inner.close()

    # -- start -----------------------------------------------------------------------------------------------------

    def _start_waiting(self) -> None:
        """Start the jobs that wait, in their order, up to the first whose devices are not free."""
        for ticket, job in list(self._waiting.items()):
            try:
                started = self._start(job)
            except QueueError as error:
                del self._waiting[ticket]
                self._ended[ticket] = JobStatus(JobState.FAILED, str(error))
                continue
            if started is None:
                return
            del self._waiting[ticket]
            self._started[ticket] = started

    def _start(self, job: Job) -> str | None:
        """Start a job on devices of its own; None where too few are free now."""
        if not self._gpus and self._cpus_per_job is None:
            return self._inner.submit(self._as_run(job, NO_DEVICES if self._gpus == 0 else {}))
        with lock_devices(self._lock) as is_held:
            if not is_held:
                self._detail = "waits: another driver is starting a job"
                return None
            claims = read_claims()
            devices = self._choose(claims)
            if devices is None:
                self._explain_waiting(claims)
                return None
            self._own.add(job.name)
            return self._inner.submit(self._as_run(job, self._environment(devices, claims)))

    def _choose(self, claims: tuple[Claim, ...]) -> tuple[Device, ...] | None:
        if not self._gpus:
            return ()
        devices = self._host.inventory.devices
        return choose_devices(devices, usage_of(devices, claims), self._gpus)

    def _environment(self, devices: tuple[Device, ...], claims: tuple[Claim, ...]) -> dict[str, str]:
        near = frozenset[int]().union(*(device.near_cpus for device in devices)) & self._host.cpus
        hidden = NO_DEVICES if self._gpus == 0 else {}
        share = min(self._gpus, 1.0) if self._gpus else 1.0
        cpus = self._cpus_for_job(claims, near)
        preferred = {} if cpus or len(near) < self._threads else {NEAR_CPUS: format_cpus(near)}
        return {**hidden, **preferred, **job_environment(devices, share=share, cpus=cpus)}

    def _cpus_for_job(self, claims: tuple[Claim, ...], near: frozenset[int]) -> frozenset[int]:
        """Return the CPUs to pin a job to; none where too few are free, so that jobs share what there is."""
        if self._cpus_per_job is None:
            return frozenset()
        taken = frozenset[int]().union(*(claim.cpus for claim in claims))
        chosen = choose_cpus(self._cpus_per_job, available=self._host.cpus, taken=taken, near=near)
        return chosen or frozenset()

    def _as_run(self, job: Job, environment: Mapping[str, str]) -> Job:
        """Return a job as it is run: with its devices, its wall time, and after its set-up lines."""
        wall = self._settings.wall_seconds
        added = {**{name: "" for name in _OWN if name in os.environ}, **environment}
        if wall is not None:
            added[WALL_SECONDS] = str(wall)
        command = with_node_interpreter(job.command, self._settings)
        if self._settings.setup:
            command = ("/bin/bash", "-c", "\n".join([*self._settings.setup, f"exec {shlex.join(command)}"]))
        return dataclasses.replace(job, command=command, environment={**job.environment, **added})

    def _explain_waiting(self, claims: tuple[Claim, ...]) -> None:
        """Keep for `look` why jobs wait, and warn once where it is for the jobs of others."""
        devices = self._host.inventory.devices
        holders = [c.job for c in claims if any(device.overlaps(uuid) for uuid in c.devices for device in devices)]
        self._detail = f"waits for {self._gpus:g} free GPU of this host; owned by {', '.join(holders)}"
        others = ", ".join(sorted(set(holders) - self._own))
        if others and others != self._warned_of:
            logger.warning("a job waits for a free GPU of this host; jobs of other drivers own some: %s", others)
            self._warned_of = others
