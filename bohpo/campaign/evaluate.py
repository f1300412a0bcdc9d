"""Score a trial's model on the held-out test cases: once per campaign, and on the record."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
from collections.abc import Iterator
from pathlib import Path

from bohpo.campaign.attempts import plan_attempt, worker_job
from bohpo.campaign.ending import find_ending, read_outcome
from bohpo.campaign.home import check_home
from bohpo.campaign.retention import completed_attempt
from bohpo.cluster.factory import make_local_cluster
from bohpo.cluster.host import fit_jobs
from bohpo.cluster.local import LocalCluster
from bohpo.errors import AttemptError, NoUsableTrialError, UsageError
from bohpo.forced_exit import forced_exit_on_third_signal
from bohpo.regular_files import append_regular
from bohpo.store.protocol import Store
from bohpo.store.records import Campaign, Evaluation
from bohpo.study import Study, find_evaluation_obstacle, settle
from bohpo.trainer import AttemptDirectory, AttemptSpec, Outcome
from bohpo.trial import AttemptState, Trial, best_trials


@forced_exit_on_third_signal()
def evaluate_best(study: Study, campaign: Campaign, store: Store, *, again: bool, now: float) -> Evaluation:
    """Score the best trial's model on the test cases and record it; nothing is trained.

    Args:
        study: The campaign's study.
        campaign: Which campaign.
        store: Where it is recorded.
        again: Whether to do so although it was done before; the record then holds both.
        now: Seconds since the epoch.

    Raises:
        UsageError: If it was done before, or the study has no evaluator.
        NoUsableTrialError: If no trial is complete, or the best one left no model.
        AttemptError: If the evaluator failed; names its log.
    """
    check_home(campaign, store)
    with _alone(campaign.directory / "evaluations"):
        return _evaluate(study, campaign, store, again=again, now=now)


def evaluation_spec(spec: AttemptSpec, study: Study, model: Path) -> AttemptSpec:
    """Return the spec of a worker that scores a model, from that of one which trains."""
    return dataclasses.replace(
        spec,
        entry=study.evaluation_entry,
        command=study.evaluate_command or (),
        model=str(model),
        earlier_checkpoints=(),
    )


def _evaluate(study: Study, campaign: Campaign, store: Store, *, again: bool, now: float) -> Evaluation:
    earlier = store.evaluations(campaign.name)
    if earlier and not again:
        raise UsageError(
            f"campaign {campaign.name!r} was evaluated on the test cases before (trial {earlier[-1].trial});"
            " choosing by test scores spoils them, --again evaluates once more and records it"
        )
    if obstacle := find_evaluation_obstacle(study):
        raise UsageError(obstacle)
    trial = _best(study, campaign, store)
    folder = _new_folder(campaign.directory / "evaluations")
    outcome_value, outcome = _run(study, campaign, trial, AttemptDirectory(folder), now)
    evaluation = Evaluation(trial.number, now, dataclasses.replace(outcome, value=outcome_value))
    store.add_evaluation(campaign.name, evaluation)
    return evaluation


def find_obstacle(study: Study, campaign: Campaign, best: Trial | None, *, is_evaluated: bool) -> str | None:
    """Return why the best trial's model cannot be scored on the test cases, or should not be; None if it can be.

    Args:
        study: The campaign's study.
        campaign: Which campaign.
        best: Its best trial, or None without a completed one.
        is_evaluated: Whether it was evaluated before.
    """
    if is_evaluated:
        return "it was evaluated on the test cases before"
    if obstacle := find_evaluation_obstacle(study):
        return obstacle
    if best is None or all(attempt.state is not AttemptState.COMPLETED for attempt in best.attempts):
        return "no trial is complete"
    return _missing_model(campaign, best)


def _missing_model(campaign: Campaign, trial: Trial) -> str | None:
    model = completed_attempt(campaign, trial).model
    if model.is_dir() and any(model.iterdir()):
        return None
    return f"trial {trial.number} left no model in {model}; a trainer saves it in `context.model`"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Have one evaluation at a time, so that two at once do not both find that there was none before."""
    folder.mkdir(exist_ok=True)
    with append_regular(folder / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _best(study: Study, campaign: Campaign, store: Store) -> Trial:
    maximize = study.objective.maximize
    trials = best_trials(store.trials(campaign.name), maximize=maximize)
    if not trials:
        raise NoUsableTrialError(f"campaign {campaign.name!r} has no completed trial yet; wait for one")
    return trials[0]


def _new_folder(parent: Path) -> Path:
    number = 1 + max((int(known.name) for known in parent.iterdir() if known.name.isdigit()), default=0)
    folder = parent / str(number)
    folder.mkdir()
    return folder


def _run(study: Study, campaign: Campaign, trial: Trial, files: AttemptDirectory, now: float) -> tuple[float, Outcome]:
    """Have a worker call the evaluator, as it would call the trainer."""
    if missing := _missing_model(campaign, trial):
        raise NoUsableTrialError(missing)
    trained = completed_attempt(campaign, trial)
    settled = fit_jobs(settle(study).study)
    plan = plan_attempt(study.with_fitting_jobs(settled.jobs), campaign, trial, 1)
    spec = evaluation_spec(plan.spec, study, trained.model)
    files.prepare(spec, plan.configuration)
    is_local = settled.cluster.backend == "local"
    with contextlib.closing(make_local_cluster(settled) if is_local else LocalCluster()) as cluster:
        job = cluster.submit(worker_job(f"{campaign.name}-evaluation-{files.path.name}", files.path))
        while cluster.look([job])[job].state.is_alive:
            cluster.wait(1.0)
    ending = find_ending(files, spec, now=now)
    if ending.state is not AttemptState.COMPLETED:
        raise AttemptError(f"the evaluation failed: {ending.reason}; see {files.log}")
    return read_outcome(files, spec)
