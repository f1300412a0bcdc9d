"""The promises as they can be read from what a finished campaign left; each check gives what is broken, a line each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

from bohpo.processes import ATTEMPT_DIRECTORY, processes_with_environment
from bohpo.store.records import CampaignState
from bohpo.trial import AttemptState, Trial, TrialState
from tests.faults.history import History, Step, read_json

Check: TypeAlias = Callable[[History], Iterator[str]]

OF_THE_CONFIGURATION = {
    AttemptState.RAISED,
    AttemptState.INVALID_OUTCOME,
    AttemptState.OUT_OF_MEMORY,
    AttemptState.TIMED_OUT,
    AttemptState.SILENT,
    AttemptState.KILLED,
}
CONFIGURATION_BUDGET = 3
INFRASTRUCTURE_BUDGET = 20

CHECKS: dict[tuple[str, bool], Check] = {}


def promise(name: str, *, zombies: bool = True) -> Callable[[Check], Check]:
    """Add a check of a promise; `zombies` tells whether it holds although trainings were cut off from their driver."""

    def add(check: Check) -> Check:
        CHECKS[f"{name} {check.__name__}", zombies] = check
        return check

    return add


@promise("P1")
def nothing_acknowledged_is_lost(history: History) -> Iterator[str]:
    """Hold the database against what was read from it earlier."""
    now = {trial.number: trial.value for trial in history.trials if trial.state is TrialState.COMPLETE}
    for number, value in history.acknowledged.items():
        if now.get(number) != value:
            yield f"trial {number} was acknowledged as {value} and is now {now.get(number)}"


@promise("P1")
def nothing_finished_is_unrecorded(history: History) -> Iterator[str]:
    """Hold the database against the files of trainings that came to their end."""
    for trial in history.trials:
        ended = [read_json(folder / "ended.json") or {} for folder in history.attempts(trial)]
        if any(end.get("state") == "completed" for end in ended) and trial.state is not TrialState.COMPLETE:
            yield f"trial {trial.number} was trained to its end and is {trial.state.value}"


@promise("P2")
def no_trial_is_there_twice(history: History) -> Iterator[str]:
    """Count trials, identities, announcements and Optuna's rows."""
    numbers = [trial.number for trial in history.trials]
    if numbers != list(range(len(numbers))) or sorted(history.optuna) != numbers:
        yield f"trials are numbered {numbers}, in Optuna's table {sorted(history.optuna)}"
    uids = Counter(trial.uid for trial in history.trials)
    configurations = Counter(tuple(sorted(trial.configuration.items())) for trial in history.trials)
    yield from (f"{count} trials have the uid {uid}" for uid, count in uids.items() if count > 1)
    yield from (f"{count} trials have {values}" for values, count in configurations.items() if count > 1)


@promise("P2")
def a_trial_is_ended_once(history: History) -> Iterator[str]:
    """Count the events that end a trial."""
    ended = Counter(event.trial for event in history.events if event.kind in ("completed", "failed"))
    yield from (f"trial {number} ended {count} times" for number, count in ended.items() if count > 1)


@promise("P3")
def the_outcome_is_that_of_the_attempt_that_completed(history: History) -> Iterator[str]:
    """Hold each value against the file that it came from."""
    for trial in history.trials:
        completed = [a.number for a in trial.attempts if a.state is AttemptState.COMPLETED]
        if len(completed) != (trial.state is TrialState.COMPLETE):
            yield f"trial {trial.number} is {trial.state.value} with {len(completed)} completed attempts"
        for number in completed:
            outcome = read_json(history.folder(trial) / f"attempt-{number}" / "outcome.json") or {}
            if outcome.get("value") != trial.value:
                yield f"trial {trial.number} is {trial.value}, the file of attempt {number} says {outcome}"


@promise("P4")
def nothing_runs_when_a_campaign_has_finished(history: History) -> Iterator[str]:
    """Look for trials, attempts and leases that are still open."""
    if history.campaign.state is not CampaignState.FINISHED:
        yield f"the campaign is {history.campaign.state.value}"
    if history.lease is not None:
        yield f"{history.lease.owner} holds the lease"
    yield from (f"trial {n} is {s} in Optuna's table" for n, s in history.optuna.items() if s in ("RUNNING", "WAITING"))
    for trial in history.trials:
        if trial.state is TrialState.PENDING:
            yield f"trial {trial.number} is pending"
        yield from (f"attempt {a.number} of trial {trial.number} is alive" for a in trial.attempts if a.state.is_alive)


@promise("P4", zombies=False)
def no_process_is_left(history: History) -> Iterator[str]:
    """Look for workers and trainers of the campaign on this host."""
    for trial in history.trials:
        for folder in history.attempts(trial):
            if pids := processes_with_environment(ATTEMPT_DIRECTORY, str(folder)):
                yield f"processes {pids} of {folder} live"


@promise("P8")
def every_attempt_trains_the_same(history: History) -> Iterator[str]:
    """Compare the configuration and the seed that the attempts at a trial were given."""
    for trial in history.trials:
        told = [read_json(folder / "config.json") for folder in history.attempts(trial)]
        seeds = {(read_json(folder / "attempt.json") or {}).get("seed") for folder in history.attempts(trial)}
        if len(seeds) > 1 or any(config != told[0] for config in told):
            yield f"the attempts at trial {trial.number} were told {told} with seeds {seeds}"
        elif told and told[0] and not dict(trial.configuration).items() <= told[0].items():
            yield f"trial {trial.number} is {trial.configuration}, its trainer was told {told[0]}"


@promise("P8", zombies=False)
def no_step_but_the_one_in_progress_is_taken_again(history: History) -> Iterator[str]:
    """Count the steps of the counting trainer: each process may repeat one that its predecessor did not save."""
    for trial, trace in _traces(history):
        steps = Counter(step.step for step in trace)
        again = sum(steps.values()) - len(steps)
        allowed = len({step.pid for step in trace}) - 1
        if again > allowed:
            yield f"trial {trial.number} took {again} steps again in {allowed + 1} processes"
        if trial.state is TrialState.COMPLETE and sorted(steps) != list(range(len(steps))):
            yield f"trial {trial.number} left out steps, it took {sorted(steps)}"


@promise("P8")
def the_score_counts_every_step_once(history: History) -> Iterator[str]:
    """Work the counting trainer's score out again."""
    for trial, trace in _traces(history):
        if trial.state is TrialState.COMPLETE:
            expected = 0.0
            for _ in range(1 + max(step.step for step in trace)):
                expected += float(str(trial.configuration["x"]))
            if trial.value != expected:
                yield f"trial {trial.number} is {trial.value}, its steps make {expected}"


@promise("P15", zombies=False)
def no_two_trainings_of_a_trial_run_at_once(history: History) -> Iterator[str]:
    """Follow who took the steps: once another process has gone on, the one before is silent."""
    for trial, trace in _traces(history):
        turns = [pid for pid, _ in groupby(trace, key=lambda step: step.pid)]
        if len(turns) > len(set(turns)):
            yield f"processes {turns} took turns at trial {trial.number}"


@promise("P9")
def a_poison_configuration_is_contained(history: History) -> Iterator[str]:
    """Count the attempts that count against a configuration."""
    for trial in history.trials:
        deaths = [a.state for a in trial.attempts if a.state in OF_THE_CONFIGURATION]
        if len(deaths) > CONFIGURATION_BUDGET:
            yield f"trial {trial.number} was tried again after {deaths}"


@promise("P10")
def the_infrastructure_fails_no_trial_within_its_budget(history: History) -> Iterator[str]:
    """Look for trials that failed although nothing was wrong with them."""
    for trial in history.trials:
        deaths = [a.state for a in trial.attempts if a.state in OF_THE_CONFIGURATION]
        if trial.state is TrialState.FAILED and not deaths and len(trial.attempts) < INFRASTRUCTURE_BUDGET:
            yield f"trial {trial.number} failed after {len(trial.attempts)} attempts: {trial.reason}"


@promise("P11")
def every_value_is_a_number(history: History) -> Iterator[str]:
    """Look for values that are none."""
    for trial in history.trials:
        if trial.state is TrialState.COMPLETE and (trial.value is None or not math.isfinite(trial.value)):
            yield f"trial {trial.number} is complete with {trial.value}"


@promise("P12")
def no_file_is_torn(history: History) -> Iterator[str]:
    """Read every JSON file again; what an invalid attempt wrote is its own affair."""
    for trial in history.trials:
        for attempt in trial.attempts:
            folder = history.folder(trial) / f"attempt-{attempt.number}"
            for path in folder.glob("*.json"):
                garbage = path.name == "outcome.json" and attempt.state is AttemptState.INVALID_OUTCOME
                if not garbage and not path.name.startswith(".") and read_json(path) is None:
                    yield f"{path} is torn: {_beginning(path)!r}"


def _traces(history: History) -> Iterator[tuple[Trial, list[Step]]]:
    for trial in history.trials:
        if trace := history.trace(trial):
            yield trial, trace


def _beginning(path: Path) -> bytes:
    return path.read_bytes()[:80]
