"""Whether a study's jobs fit this host, and how many do."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass

from bohpo.cluster.devices import Inventory, discover_devices
from bohpo.cluster.keys import Notice, ignored_keys
from bohpo.errors import Mistake, StudyError
from bohpo.study import Cluster, Settled, Study

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Host:
    """What this host has for jobs.

    Attributes:
        inventory: Its GPUs.
        cpus: CPUs that this process may use.
    """

    inventory: Inventory
    cpus: frozenset[int]

    @classmethod
    def of_this_process(cls, *, with_devices: bool = True) -> Host:
        """Read what this host has; its GPUs only where they matter."""
        return cls(discover_devices() if with_devices else Inventory(), frozenset(os.sched_getaffinity(0)))

    def job_slots(self, gpus: float) -> int:
        """Return how many jobs with `gpus` GPUs each, more than 0, run side by side."""
        devices = self.inventory.devices
        if gpus < 1:
            return len(devices) * int(1 / gpus + _ROUNDING)
        whole = [device for device in devices if gpus == 1 or not device.is_instance]
        return int(len(whole) // gpus)


def gpus_of(cluster: Cluster) -> float | None:
    """Return the GPUs of a local job; None where the key is left out, so that jobs see what the driver sees."""
    return cluster.gpus if "gpus" in cluster.model_fields_set else None


def fit_jobs(study: Study, host: Host | None = None) -> Study:
    """Return a settled study with the number that `parallel.jobs = "auto"` means here; others as they are.

    Args:
        study: The study on the cluster that holds.
        host: The host that runs the jobs; this one by default.
    """
    if not isinstance(study.parallel.jobs, str):
        return study
    host = Host.of_this_process() if host is None else host
    named = study.parallel.threads or study.cluster.cpus
    gpus = gpus_of(study.cluster)
    by_cpus = len(host.cpus) // (named or 1)
    fitting = host.job_slots(gpus) if gpus else by_cpus
    if gpus and named:
        fitting = min(fitting, by_cpus)
    return study.with_fitting_jobs(max(fitting, 1))


def settle_on_host(settled: Settled, host: Host | None = None, *, at_a_time: int | None = None) -> Settled:
    """Return what was settled with its number of jobs, provided that they fit this host.

    Args:
        settled: The study, and where its settings come from.
        host: The host that runs the jobs; this one by default.
        at_a_time: Jobs that have to fit; by default as many as the study says.

    Raises:
        StudyError: If they run on this host and it has too few GPUs for them.
    """
    if settled.study.cluster.backend != "local":
        return settled
    if not gpus_of(settled.study.cluster) and not isinstance(settled.study.parallel.jobs, str):
        return settled
    host = Host.of_this_process() if host is None else host
    fitted = fit_jobs(settled.study, host)
    if mistakes := tuple(_mistakes(fitted, host, fitted.jobs if at_a_time is None else at_a_time)):
        raise StudyError(settled.study.source, mistakes)
    return dataclasses.replace(settled, study=fitted)


def _mistakes(study: Study, host: Host, jobs: int) -> Iterator[Mistake]:
    gpus, found = gpus_of(study.cluster), host.inventory
    if gpus is None and found.devices:
        problem = f'"auto" needs to know how many of the {_counted(len(found.devices), "GPU")} here each job takes'
        yield Mistake("cluster.gpus", problem, "write cluster.gpus = 1, or 0 for trainings on the CPU")
    if not gpus:
        return
    needed = "" if jobs == 1 else f" for each of parallel.jobs = {jobs} jobs"
    slots = host.job_slots(gpus)
    if slots >= jobs:
        return
    has = f"this host has {_counted(len(found.devices), 'GPU')} for them"
    if found.problem:
        has += f" ({found.problem})"
    yield Mistake("cluster.gpus", f"{gpus:g}{needed} are too many: {has}", _remedy(slots, gpus, found))


def _remedy(slots: int, gpus: float, found: Inventory) -> str:
    if slots:
        return f'set parallel.jobs to {slots} or "auto", or a smaller cluster.gpus such as {_smaller(gpus):g}'
    if gpus > 1 and any(device.is_instance for device in found.devices):
        return "set cluster.gpus = 1: a process sees one MIG instance at most"
    if found.devices:
        return f"set cluster.gpus to {len(found.devices)} or less"
    return "see `bohpo doctor`; set cluster.gpus = 0 for trainings on the CPU, or choose a queue by cluster.backend"


def _smaller(gpus: float) -> float:
    return gpus // 2 if gpus >= 2 else 0.5 if gpus == 1 else gpus / 2


def pins_cpus(study: Study, cpus: frozenset[int]) -> int | None:
    """Return the CPUs that each job is pinned to, or None where none are named or too few are there for all jobs."""
    named = study.parallel.threads or study.cluster.cpus
    return named if named and named * study.jobs <= len(cpus) else None


def notices(settled: Settled) -> tuple[Notice, ...]:
    """List what stops nothing and is not as it reads: keys without effect, GPUs and CPUs that jobs share."""
    study = settled.study
    found = [*ignored_keys(settled), *_rank_notices(study)]
    if study.cluster.backend == "local":
        found += _local_notices(study, Host.of_this_process())
    return tuple(found)


def _rank_notices(study: Study) -> Iterator[Notice]:
    gpus, processes = study.cluster.gpus, study.training.processes
    if gpus and processes > max(gpus, 1):
        problem = f"a training of {processes} processes has {_counted(gpus, 'GPU')}, and each needs its own"
        yield Notice("training.processes", problem, f"set cluster.gpus = {processes}, or fewer processes")


def _local_notices(study: Study, host: Host) -> Iterator[Notice]:
    devices, named = len(host.inventory.devices), study.parallel.threads or study.cluster.cpus
    if gpus_of(study.cluster) is None and devices and study.jobs > 1:
        remedy = "set cluster.gpus = 1 so that each owns one, or 0 to hide them"
        yield Notice("cluster.gpus", f"{_counted(devices, 'GPU')} here, and all jobs share them", remedy)
    if named and named * study.jobs > len(host.cpus):
        key = "parallel.threads" if study.parallel.threads else "cluster.cpus"
        problem = (
            f"{study.jobs} jobs with {named} each are more than the {len(host.cpus)} CPUs here, so jobs share CPUs"
        )
        yield Notice(key, problem, "use fewer, or fewer jobs")
    if gpus_of(study.cluster) and host.inventory.problem:
        yield Notice("cluster.gpus", host.inventory.problem, "see `bohpo doctor`")


def _counted(count: float, noun: str) -> str:
    return f"{count:g} {noun}{'s' * (count != 1)}"
