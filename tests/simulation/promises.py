"""Proves the promises that a campaign's loop gives from what is left when the campaign has ended.

| promise | here                                                                                                   |
| ------- | ------------------------------------------------------------------------------------------------------ |
| P1      | every result that was acknowledged, and every training that came to its end, is in the store           |
| P2      | a uid names one trial; trials are numbered without a gap and within the budget                         |
| P3      | the value is that of the first valid outcome                                                           |
| P4      | no trial is pending, no attempt and no job alive when the campaign has ended                           |
| P5      | a driver whose lease was taken has written nothing (the store counts what it refused)                  |
| P8      | an attempt goes on where the last checkpoint was, with the same configuration and seed                 |
| P9      | a configuration that kills its trainer gets three attempts                                             |
| P10     | what is the infrastructure's fault does not fail a trial within its budget                             |
| P11     | no value is recorded that the trainer did not claim validly                                            |
| P15     | nothing that runs well is stopped or run twice, whoever drives                                         |
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bohpo.simulation.fates import Fate
from bohpo.simulation.queue import Run, VirtualJob
from bohpo.simulation.site import Site
from bohpo.store.records import CampaignState
from bohpo.trial import Attempt, AttemptState, Trial, TrialState

CONFIGURATION_BUDGET = 3
INFRASTRUCTURE_BUDGET = 20

OWN_FAULT = (AttemptState.RAISED, AttemptState.INVALID_OUTCOME, AttemptState.TIMED_OUT, AttemptState.SILENT)
"""Ends that are the trainer's doing and fail a trial at once."""


@dataclass(slots=True)
class Witness:
    """What drivers were told, and what was done to the campaign from outside.

    Attributes:
        acknowledged: Values that a driver was told are recorded, by trial.
        may_stop: Whether somebody asked for a stop, or a job was beyond help, so that running jobs may be stopped.
    """

    acknowledged: list[tuple[int, float]] = field(default_factory=list)
    may_stop: bool = False


def breaches(site: Site, witness: Witness) -> list[str]:
    """List the promises that a campaign broke; it has ended, and time has passed since.

    Args:
        site: Where it took place.
        witness: What was seen from outside.
    """
    trials = site.store.trials(site.name)
    jobs = list(site.queue.jobs.values())
    found = [*_lost(trials, witness), *_numbering(site, trials), *_left_over(site, trials, jobs), *_slots(site, jobs)]
    for trial in trials:
        own = [job for job in jobs if job.spec.uid == trial.uid]
        found += [*_values(trial, own), *_resumed(trial, own), *_budgets(trial), *_ran_once(trial, own, witness)]
    return found


def _lost(trials: Sequence[Trial], witness: Witness) -> Iterator[str]:
    values = {trial.number: trial.value for trial in trials if trial.state is TrialState.COMPLETE}
    for number, value in witness.acknowledged:
        if values.get(number) != value:
            yield f"P1: trial {number} was acknowledged as {value}, the store has {values.get(number)}"


def _numbering(site: Site, trials: Sequence[Trial]) -> Iterator[str]:
    twice = [uid for uid, count in Counter(trial.uid for trial in trials).items() if count > 1]
    if twice:
        yield f"P2: {len(twice)} uids name more than one trial"
    if [trial.number for trial in trials] != list(range(len(trials))):
        yield f"P2: trials are numbered {[trial.number for trial in trials]}"
    budget = site.campaign.budget_trials
    if budget is not None and site.campaign.state is CampaignState.FINISHED and len(trials) != budget:
        yield f"P2: {len(trials)} trials of a budget of {budget}"


def _left_over(site: Site, trials: Sequence[Trial], jobs: Sequence[VirtualJob]) -> Iterator[str]:
    if site.campaign.state is not CampaignState.FINISHED:
        yield f"P6: the campaign is {site.campaign.state.value}"
        return
    for trial in trials:
        if trial.state is TrialState.PENDING:
            yield f"P4: trial {trial.number} is pending"
        for attempt in trial.attempts:
            if attempt.state.is_alive:
                yield f"P4: attempt {attempt.number} at trial {trial.number} is {attempt.state.value}"
    for job in jobs:
        if job.state.is_alive:
            yield f"P4: job {job.job_id} ({_what(job)}) is {job.state.value}"


def _slots(site: Site, jobs: Sequence[VirtualJob]) -> Iterator[str]:
    """Count the jobs that hold a place in the queue at a time; a slot is one job's."""
    turns = [(job.submitted, 1) for job in jobs] + [(_end(job), -1) for job in jobs]
    held = 0
    for moment, change in sorted(turns):
        held += change
        if held > site.study.parallel.jobs:
            yield f"P15: {held} jobs at a time at {moment:.1f} s, for {site.study.parallel.jobs} slots"
            return


def _values(trial: Trial, jobs: Sequence[VirtualJob]) -> Iterator[str]:
    good = [job for job in jobs if any(run.fate is Fate.SUCCEEDS for run in job.runs)]
    if good and trial.state is not TrialState.COMPLETE:
        yield f"P1: trial {trial.number} came to its end in job {good[0].job_id}, but is {trial.state.value}"
    if trial.state is not TrialState.COMPLETE:
        return
    if trial.value is None or not math.isfinite(trial.value) or not good:
        yield f"P11: trial {trial.number} has the value {trial.value}, which no training claimed"
    elif not any(run.value == trial.value for run in _runs(good)):
        yield f"P3: trial {trial.number} has the value {trial.value}, not that of its outcome"
    if sum(attempt.state is AttemptState.COMPLETED for attempt in trial.attempts) != 1:
        yield f"P3: trial {trial.number} has not one completed attempt: {_ends(trial)}"


def _resumed(trial: Trial, jobs: Sequence[VirtualJob]) -> Iterator[str]:
    specs = {(job.spec.seed, job.files.config.read_text()) for job in jobs if job.files.belongs_to(trial.uid)}
    if len(specs) > 1:
        yield f"P8: trial {trial.number} was run with other seeds or configurations"
    for earlier, later in pairwise(sorted(_runs(jobs), key=lambda run: run.started)):
        if later.resumed_s < earlier.saved_s:
            yield f"P8: trial {trial.number} was resumed at {later.resumed_s} s, {earlier.saved_s} s were saved"


def _budgets(trial: Trial) -> Iterator[str]:
    ends = Counter(attempt.state for attempt in trial.attempts)
    if ends[AttemptState.KILLED] > CONFIGURATION_BUDGET:
        yield f"P9: trial {trial.number} was killed {ends[AttemptState.KILLED]} times"
    if sum(ends[state] for state in OWN_FAULT) > 1:
        yield f"P9: trial {trial.number} failed by itself more than once: {_ends(trial)}"
    is_own = ends[AttemptState.KILLED] >= CONFIGURATION_BUDGET or any(ends[state] for state in OWN_FAULT)
    others = len(trial.attempts) - sum(ends[state] for state in (*OWN_FAULT, AttemptState.KILLED))
    if trial.state is TrialState.FAILED and not is_own and others < INFRASTRUCTURE_BUDGET:
        yield f"P10: trial {trial.number} failed for what the infrastructure did: {_ends(trial)}, {trial.reason}"


def _ran_once(trial: Trial, jobs: Sequence[VirtualJob], witness: Witness) -> Iterator[str]:
    spans = sorted((run.started, run.ended) for run in _runs(jobs))
    for (_, ended), (started, _) in pairwise(spans):
        if started < ended:
            yield f"P15: trial {trial.number} ran twice at {started:.1f} s"
    if sum(run.fate is Fate.SUCCEEDS for run in _runs(jobs)) > 1:
        yield f"P15: trial {trial.number} was trained to its end more than once"
    for job in jobs:
        if job.asked_to_stop is not None and not witness.may_stop:
            yield f"P15: job {job.job_id} ({_what(job)}) was stopped at {job.asked_to_stop:.1f} s though all was well"


def _runs(jobs: Sequence[VirtualJob]) -> list[Run]:
    return [run for job in jobs for run in job.runs]


def _end(job: VirtualJob) -> float:
    return math.inf if job.ended is None else job.ended


def _ends(trial: Trial) -> str:
    return ", ".join(_of(attempt) for attempt in trial.attempts)


def _of(attempt: Attempt) -> str:
    return f"{attempt.number} {attempt.state.value}"


def _what(job: VirtualJob) -> str:
    return f"trial {job.spec.trial}, attempt {job.spec.number}"
