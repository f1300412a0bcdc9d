"""From a study's [cluster] to its cluster, and to the job that its queue gets for an attempt."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from bohpo.cluster.backends import BACKENDS
from bohpo.cluster.commands import not_found
from bohpo.cluster.device_cluster import DeviceCluster
from bohpo.cluster.host import Host, gpus_of
from bohpo.cluster.protocol import Cluster, Job
from bohpo.cluster.queue import QueueCluster
from bohpo.cluster.script import JobScript, not_installed
from bohpo.cluster.seating import SeatedCluster, seat_job
from bohpo.study import Cluster as ClusterTable
from bohpo.study import Study


def make_local_cluster(study: Study) -> Cluster:
    """Return the cluster of a study whose jobs run on this host.

    Args:
        study: The study on the cluster that holds, with its number of jobs.
    """
    return DeviceCluster(study, Host.of_this_process(with_devices=bool(gpus_of(study.cluster))))


def make_queue_cluster(settings: ClusterTable, directory: Path, incarnation: str = "") -> Cluster:
    """Build the cluster of a study whose backend is a queue.

    Args:
        settings: The study's [cluster], settled.
        directory: The campaign's folder, which its jobs share with the driver.
        incarnation: Tells a copy of a campaign from its original. The copied folders of jobs are those of jobs that
            read the original's: a copy hands them no attempt.

    Raises:
        QueueError: If the queue's commands are not here.
        UsageError: If dask-jobqueue is not installed.
    """
    backend = BACKENDS[settings.backend]
    if shutil.which(backend.submit) is None:
        raise not_found(backend.submit)
    if importlib.util.find_spec("dask_jobqueue") is None:
        raise not_installed(backend)
    seats = directory / (f"jobs-{incarnation}" if incarnation else "jobs")
    return SeatedCluster(QueueCluster(backend, settings), settings, seats)


def first_job_script(settings: ClusterTable, job: Job, directory: Path) -> str:
    """Write the script by which a campaign's first attempt is submitted.

    Args:
        settings: The study's [cluster], settled.
        job: The attempt's job.
        directory: The campaign's folder.

    Raises:
        UsageError: If a path cannot be written into a job script, or dask-jobqueue is not installed.
    """
    submitted = job if settings.attempts_per_job == 1 else seat_job(job, directory / "jobs")
    return JobScript(BACKENDS[settings.backend], settings, submitted).text
