"""A campaign's history as text: the same seed gives the same, byte for byte."""

from __future__ import annotations

import json

from bohpo.simulation.clock import EPOCH
from bohpo.simulation.queue import VirtualJob
from bohpo.simulation.site import Site
from bohpo.trial import Attempt, Trial


def history(site: Site) -> str:
    """Write down all that the store and the queue hold of a campaign.

    Identities, which are drawn anew by each driver, are replaced by the trials' numbers, and the folder by its name.
    """
    trials = site.store.trials(site.name)
    lines = [
        f"campaign {site.campaign.state.value} budget={site.campaign.budget_trials}",
        *(line for trial in trials for line in _of_trial(trial)),
        *(f"{_at(event.time)} {event.kind} {event.message}" for event in site.store.events(site.name)),
        *(line for job in site.queue.jobs.values() for line in _of_job(job)),
    ]
    text = "\n".join(lines) + "\n"
    for trial in trials:
        text = text.replace(trial.uid, f"uid-{trial.number}").replace(trial.uid[:8], f"uid-{trial.number}")
    return text.replace(str(site.campaign.directory), site.name)


def _of_trial(trial: Trial) -> list[str]:
    configuration = json.dumps(dict(trial.configuration), sort_keys=True)
    came_to = f"value={trial.value!r} reason={trial.reason!r} ended={_at(trial.ended)}"
    head = f"trial {trial.number} {trial.state.value} {configuration} {came_to} {trial.proposal.source}"
    return [head, *(f"  {_of_attempt(attempt)}" for attempt in trial.attempts)]


def _of_attempt(attempt: Attempt) -> str:
    moments = f"submitted={_at(attempt.submitted)} started={_at(attempt.started)} ended={_at(attempt.ended)}"
    place = f"job={attempt.job} slot={attempt.worker}"
    return f"attempt {attempt.number} {attempt.state.value} {attempt.reason!r} {place} {moments}"


def _of_job(job: VirtualJob) -> list[str]:
    head = f"job {job.job_id} {job.job.name} {job.state.value} submitted={job.submitted:.3f}"
    return [head, *(f"  run {run.started:.3f} to {run.ended:.3f} {run.fate.value}" for run in job.runs)]


def _at(moment: float | None) -> str:
    return "-" if moment is None else f"{moment - EPOCH:.3f}"
