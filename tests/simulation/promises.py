"""Holds a simulated campaign that has ended against the promises.

What its store holds is checked as a real campaign's is, by `tests.faults.promises`. What only the queue knows, which
no real campaign leaves behind, is checked here:

| promise | here                                                                                                |
| ------- | --------------------------------------------------------------------------------------------------- |
| P1      | a training that came to its end is a completed trial                                                |
| P2      | there are as many trials as the budget has                                                          |
| P3, P11 | a value is one that a training claimed validly                                                      |
| P4      | no job waits or runs                                                                                |
| P8      | a training goes on where its last checkpoint was                                                    |
| P9      | a trainer that raises or writes garbage gets one attempt, one that is killed three                  |
| P15     | nothing that runs well is stopped; nothing is trained twice; no slot has two jobs                   |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bohpo.simulation.fates import Fate
from bohpo.simulation.queue import Run, VirtualJob
from bohpo.simulation.site import Site
from bohpo.store.records import CampaignState
from bohpo.trial import AttemptState, Trial, TrialState
from tests.faults.history import History, broken_promises

OPTUNA_STATES = {TrialState.PENDING: "RUNNING", TrialState.COMPLETE: "COMPLETE", TrialState.FAILED: "FAIL"}
ATTEMPTS_ALLOWED = {
    AttemptState.RAISED: 1,
    AttemptState.INVALID_OUTCOME: 1,
    AttemptState.OUT_OF_MEMORY: 1,
    AttemptState.TIMED_OUT: 1,
    AttemptState.SILENT: 1,
    AttemptState.KILLED: 3,
}


@dataclass(slots=True)
class Witness:
    """What was seen from outside.

    Attributes:
        acknowledged: Values that a driver was told are recorded, by trial.
        may_stop: Whether jobs may be stopped: somebody asked for it, or a job hangs.
    """

    acknowledged: dict[int, float] = field(default_factory=dict)
    may_stop: bool = False


def breaches(site: Site, witness: Witness) -> list[str]:
    """List the promises that a campaign broke, a line each.

    Args:
        site: Where it took place; it has ended.
        witness: What was seen from outside.
    """
    trials, jobs = site.store.trials(site.name), list(site.queue.jobs.values())
    found = [*broken_promises(_history(site, trials, witness), zombies=True), *_budget(site, trials)]
    found += [*_jobs_left(site, jobs), *_slots(site, jobs)]
    for trial in trials:
        own = [job for job in jobs if job.spec.uid == trial.uid]
        found += [*_values(trial, own), *_resumed(trial, own), *_attempts(trial), *_ran_once(trial, own, witness)]
    return found


def _history(site: Site, trials: Sequence[Trial], witness: Witness) -> History:
    return History(
        site.campaign,
        tuple(trials),
        tuple(site.store.events(site.name)),
        site.store.lease(site.name),
        {trial.number: OPTUNA_STATES[trial.state] for trial in trials},
        witness.acknowledged,
    )


def _budget(site: Site, trials: Sequence[Trial]) -> Iterator[str]:
    if site.campaign.state is CampaignState.FINISHED and len(trials) != site.campaign.budget_trials:
        yield f"P2: {len(trials)} trials of a budget of {site.campaign.budget_trials}"


def _jobs_left(site: Site, jobs: Sequence[VirtualJob]) -> Iterator[str]:
    if site.campaign.state is CampaignState.FINISHED:
        yield from (f"P4: {_what(job)} is {job.state.value}" for job in jobs if job.state.is_alive)


def _slots(site: Site, jobs: Sequence[VirtualJob]) -> Iterator[str]:
    """Count the jobs that run at a time."""
    runs = _runs(jobs)
    turns = [(run.ended, -1) for run in runs] + [(run.started, 1) for run in runs]
    running = 0
    for moment, change in sorted(turns):
        running += change
        if running > site.study.jobs:
            yield f"P15: {running} jobs run at {moment:.1f} s, in {site.study.jobs} slots"
            return


def _values(trial: Trial, jobs: Sequence[VirtualJob]) -> Iterator[str]:
    claimed = [run.value for run in _runs(jobs) if run.value is not None]
    if claimed and trial.state is not TrialState.COMPLETE:
        yield f"P1: trial {trial.number} was trained to its end, but is {trial.state.value}: {trial.reason}"
    if trial.state is TrialState.COMPLETE and trial.value not in claimed:
        yield f"P11: trial {trial.number} is {trial.value}, its trainings claimed {claimed}"


def _resumed(trial: Trial, jobs: Sequence[VirtualJob]) -> Iterator[str]:
    for earlier, later in pairwise(sorted(_runs(jobs), key=lambda run: run.started)):
        if later.resumed_s < earlier.saved_s:
            yield f"P8: trial {trial.number} was resumed at {later.resumed_s} s, {earlier.saved_s} s were saved"


def _attempts(trial: Trial) -> Iterator[str]:
    ends = Counter(attempt.state for attempt in trial.attempts)
    for state, allowed in ATTEMPTS_ALLOWED.items():
        if ends[state] > allowed:
            yield f"P9: trial {trial.number} was tried again after {ends[state]} attempts were {state.value}"


def _ran_once(trial: Trial, jobs: Sequence[VirtualJob], witness: Witness) -> Iterator[str]:
    runs = sorted(_runs(jobs), key=lambda run: run.started)
    for earlier, later in pairwise(runs):
        if later.started < earlier.ended and not earlier.is_hung:
            yield f"P15: trial {trial.number} ran twice at {later.started:.1f} s"
    if sum(run.fate is Fate.SUCCEEDS for run in runs) > 1:
        yield f"P15: trial {trial.number} was trained to its end more than once"
    for job in jobs:
        if _was_stopped_at_work(job) and not witness.may_stop:
            yield f"P15: {_what(job)} was stopped at {job.asked_to_stop:.1f} s though all was well"


def _was_stopped_at_work(job: VirtualJob) -> bool:
    """Whether somebody stopped a job that trained; one that waits, or finds its attempt closed, costs nothing."""
    asked = job.asked_to_stop
    return asked is not None and any(run.started <= asked <= run.ended for run in job.runs)


def _runs(jobs: Sequence[VirtualJob]) -> list[Run]:
    return [run for job in jobs for run in job.runs]


def _what(job: VirtualJob) -> str:
    return f"job {job.job_id} of trial {job.spec.trial}, attempt {job.spec.number},"
