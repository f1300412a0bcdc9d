"""From a trial to the job that runs an attempt at it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bohpo.cluster.protocol import Job
from bohpo.processes import ATTEMPT_DIRECTORY, PYTHON
from bohpo.store.records import Campaign
from bohpo.study import Study
from bohpo.trainer import AttemptDirectory, AttemptSpec
from bohpo.trial import Attempt, AttemptState, Scalar, Trial

CONFIGURATION = frozenset({AttemptState.KILLED})
"""Ends that count against the configuration: a trainer that was killed may have run out of memory."""

INFRASTRUCTURE = frozenset({AttemptState.PREEMPTED, AttemptState.LOST})
"""Ends that are the infrastructure's fault, or the user's."""

ATTEMPTS_ALLOWED = {CONFIGURATION: 3, INFRASTRUCTURE: 20}
"""Attempts at one trial that may end in a group of states before the trial fails.

Any other bad end fails it at once: a trainer that raises does so again.
"""

GREATEST_DELAY_S = 60.0


@dataclass(frozen=True, slots=True)
class AttemptPlan:
    """All that is needed to submit an attempt.

    Attributes:
        directory: Where its files go.
        spec: What its worker is told.
        configuration: What its trainer is told.
        job: What the queue is told.
    """

    directory: AttemptDirectory
    spec: AttemptSpec
    configuration: dict[str, Scalar]
    job: Job


def attempt_directory(campaign: Campaign, trial: int, number: int) -> AttemptDirectory:
    """Give the folder of an attempt."""
    return AttemptDirectory(campaign.directory / "trials" / str(trial) / f"attempt-{number}")


def plan_attempt(study: Study, campaign: Campaign, trial: Trial, number: int) -> AttemptPlan:
    """Plan the attempt of a number at a trial."""
    directory = attempt_directory(campaign, trial.number, number)
    spec = AttemptSpec(
        campaign=campaign.name,
        trial=trial.number,
        number=number,
        uid=trial.uid,
        entry=study.trainer or "",
        command=study.command or (),
        working_directory=campaign.provenance["working_directory"],
        metric=study.objective.metric,
        bounds=study.objective.limits,
        seed=training_seed(study, trial.number),
        threads=study.threads,
        processes=study.training.processes,
        deadline_seconds=study.budget.attempt_seconds,
        silence_seconds=study.budget.silence_seconds,
        earlier_checkpoints=tuple(
            str(attempt_directory(campaign, trial.number, earlier).checkpoint) for earlier in range(number - 1, 0, -1)
        ),
    )
    return AttemptPlan(
        directory=directory,
        spec=spec,
        configuration={**study.fixed, **trial.configuration},
        job=worker_job(job_name(campaign, trial, number), directory.path),
    )


def job_name(campaign: Campaign, trial: Trial, number: int) -> str:
    """Return the name of the job of an attempt; nothing else is ever called so, not even in a copy of the campaign."""
    identity = trial.uid
    if campaign.incarnation:
        identity = hashlib.sha256(f"{campaign.incarnation} {trial.uid}".encode()).hexdigest()
    return f"{campaign.name}-{trial.number}-{number}-{identity[:8]}"


def worker_job(name: str, directory: Path) -> Job:
    """Give the job whose worker runs the attempt in a folder."""
    return Job(
        name=name,
        command=(*PYTHON, "-m", "bohpo.campaign.worker", str(directory)),
        log=AttemptDirectory(directory).worker_log,
        environment={ATTEMPT_DIRECTORY: str(directory)},
    )


def may_try_again(
    trial: Trial, ended: AttemptState, *, has_progressed: Callable[[Attempt], bool] = lambda _: False
) -> bool:
    """Tell whether a trial gets another attempt after one that ended badly.

    Args:
        trial: The trial with all its attempts, the one that just ended included.
        ended: How that one ended.
        has_progressed: Whether an attempt left a checkpoint. One that was preempted after that does not count: a long
            training may take any number of short jobs, as long as each brings it forward.
    """
    for group, allowed in ATTEMPTS_ALLOWED.items():
        if ended in group:
            spent = [attempt for attempt in trial.attempts if attempt.state in group]
            if len(spent) < allowed:
                return True
            return sum(a.state is not AttemptState.PREEMPTED or not has_progressed(a) for a in spent) < allowed
    return False


def retry_delay(trial: Trial, ended: AttemptState) -> float:
    """Give the seconds to wait before another attempt: none, or longer and longer where workers vanish."""
    vanished = sum(attempt.state is AttemptState.LOST for attempt in trial.attempts)
    return min(2.0**vanished, GREATEST_DELAY_S) if ended is AttemptState.LOST else 0.0


def training_seed(study: Study, trial: int) -> int:
    """Give the seed of a trial's training: the study's for all, or one that differs from trial to trial."""
    if study.training.seed is not None:
        return study.training.seed
    return (study.optimizer.seed * 1_000_003 + trial) % 2**31
