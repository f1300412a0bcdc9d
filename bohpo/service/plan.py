"""What a launch would run, and the job script of its first trial."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from bohpo.campaign.attempts import plan_attempt
from bohpo.cluster.devices import choose_devices, discover_devices, read_claims, usage_of
from bohpo.cluster.factory import first_job_script
from bohpo.cluster.host import gpus_of, notices
from bohpo.store.records import Campaign
from bohpo.study import Settled, Study
from bohpo.trial import Proposal, Trial, TrialState

NO_UID = "00000000"
"""Stands in the job's name for the trial's own, which is drawn when it is proposed."""


def plan_of(settled: Settled, name: str, home: Path) -> dict[str, Any]:
    """Say what a settled study would run, as a dictionary that JSON can hold.

    Args:
        settled: The study on the cluster that holds.
        name: Name of the campaign.
        home: Folder of the campaigns' folders.

    Raises:
        UsageError: If a path cannot be written into a job script, or dask-jobqueue is not installed.
    """
    study = settled.study
    return {
        "campaign": name,
        "study_hash": study.hash,
        "trainer": study.trainer or list(study.command or ()),
        "trials": study.budget.most_trials,
        "hours": study.budget.hours,
        "jobs": study.jobs,
        "threads_per_job": study.threads,
        "backend": study.cluster.backend,
        "first_configuration": study.space.default,
        "gpus_of_jobs": planned_gpus(study),
        "notices": [notice.to_json() for notice in notices(settled)],
        "job_script": first_script(study, name, home),
    }


def planned_gpus(study: Study) -> list[list[str]] | None:
    """Return the GPUs that the first jobs would get if they started now, by their ids, in the order of the jobs.

    Returns:
        Fewer lists than jobs where other jobs own GPUs at the moment; None where jobs own none, or run elsewhere.
    """
    gpus = gpus_of(study.cluster)
    if study.cluster.backend != "local" or not gpus:
        return None
    devices = discover_devices().devices
    usage, planned = usage_of(devices, read_claims()), []
    for _ in range(study.jobs):
        chosen = choose_devices(devices, usage, gpus)
        if chosen is None:
            break
        usage |= {device.uuid: usage[device.uuid] + min(gpus, 1) for device in chosen}
        planned.append([device.id for device in chosen])
    return planned


def first_script(study: Study, name: str, home: Path) -> str | None:
    """Write the job script of the first trial's first attempt; None where no queue is asked.

    Args:
        study: The study on the cluster that holds.
        name: Name of the campaign.
        home: Folder of the campaigns' folders.

    Raises:
        UsageError: If a path cannot be written into a job script, or dask-jobqueue is not installed.
    """
    if study.cluster.backend == "local":
        return None
    folders = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    directory = next(home.resolve() / folder for folder in folders if not (home / folder).exists())
    provenance = {"working_directory": str(study.working_directory)}
    campaign = Campaign(name, study.text, study.hash, directory, provenance=provenance)
    configuration = study.space.default
    trial = Trial(0, NO_UID, configuration, TrialState.PENDING, Proposal(configuration, "dry-run"))
    return first_job_script(study.cluster, plan_attempt(study, campaign, trial, 1).job, directory)
