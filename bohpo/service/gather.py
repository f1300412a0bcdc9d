"""Read a campaign from the store and its folder into what the views look at."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Iterable, Sequence

from bohpo.campaign.attempts import attempt_directory
from bohpo.campaign.evaluate import find_obstacle
from bohpo.campaign.launch import study_of
from bohpo.store import Store, TrialsReader
from bohpo.store.records import Campaign, Evaluation
from bohpo.study import Study
from bohpo.trainer import AttemptDirectory
from bohpo.trainer.progress import ProgressReader
from bohpo.trial import Trial, TrialState
from bohpo.views.campaign import CampaignView
from bohpo.views.caveats import needs_test_score

CURVES_OF = 5
"""Trials whose curves are read, best first."""

REPORTS_KEPT = 256
"""Trials whose reports are kept after their end."""

READERS_KEPT = 128
"""Attempts whose `progress.jsonl` is read on from where the last look at it ended."""


def gather(store: Store, name: str, *, curves_of: int = CURVES_OF, reader: TrialsReader | None = None) -> CampaignView:
    """Read a campaign as it stands now.

    Args:
        store: Where it is recorded.
        name: Name of the campaign.
        curves_of: Number of trials whose curves are read, best first.
        reader: Reads the trials of whoever looks again and again.

    Raises:
        NotFoundError: If there is no such campaign.
    """
    campaign = store.campaign(name)
    trials = store.trials(name) if reader is None else reader.read()
    view = view_of(
        campaign,
        study_of(campaign),
        trials,
        evaluations=store.evaluations(name),
        driven=store.driver_spans(name),
        now=time.time(),
    )
    curves = {trial.number: store.curves(name, trial.number) for trial in view.ranked[:curves_of]}
    return dataclasses.replace(view, curves=curves, events=tuple(store.events(name)))


def view_of(
    campaign: Campaign,
    study: Study,
    trials: Iterable[Trial],
    *,
    evaluations: Iterable[Evaluation],
    driven: Iterable[tuple[float, float | None]],
    now: float,
) -> CampaignView:
    """Put together what was read of a campaign; without curves and events.

    Args:
        campaign: Its record.
        study: What it runs.
        trials: All of its trials, by number; `Trials` where their order by value is known.
        evaluations: Scorings on the test cases, in order.
        driven: When drivers were at work, in order; see `CampaignView`.
        now: The moment, seconds since the epoch.
    """
    limit = study.fixed.get("limit")
    known = trials if isinstance(trials, tuple) else tuple(trials)
    view = CampaignView(
        campaign=campaign,
        space=study.space,
        metric=study.objective.metric,
        maximize=study.objective.maximize,
        jobs=_jobs_of(study, known),
        trials=known,
        evaluations=tuple(evaluations),
        driven=tuple(driven),
        now=now,
        bounds=study.objective.limits,
        limit=float(limit) if isinstance(limit, int | float) else None,
    )
    return dataclasses.replace(view, untestable=_why_untestable(study, view))


def _why_untestable(study: Study, view: CampaignView) -> str | None:
    """Return why `bohpo evaluate` cannot score the best trial; None if it can, or need not."""
    best = view.best
    if best is None or not needs_test_score(view, best, len(view.ranked)):
        return None
    try:
        return find_obstacle(study, view.campaign, best, is_evaluated=False)
    except (OSError, RecursionError):  # a file server may be away, and a trainer's module may be anything
        return None


def _jobs_of(study: Study, trials: tuple[Trial, ...]) -> int:
    """Return the jobs at a time; for "auto", whose number only the driver's host knows, the slots that were used."""
    if not isinstance(study.parallel.jobs, str):
        return study.parallel.jobs
    return 1 + max((attempt.worker for trial in trials for attempt in trial.attempts), default=0)


def reports_of(campaign: Campaign, trial: Trial) -> Sequence[tuple[int, float]]:
    """Return what a trial's attempts reported, as (step, value); a resumed attempt goes on where it left off.

    The files of a trial that has ended stay as they are: they are read once, however often its line is drawn again.
    Of one that runs, each look reads what is new.
    """
    folders = tuple(attempt_directory(campaign, trial.number, attempt.number) for attempt in trial.attempts)
    if trial.state is not TrialState.PENDING:
        return _reports_of_ended(trial.uid, folders)
    return _merge_reports(_reader_of(trial.uid, folder).read() for folder in folders)


@functools.lru_cache(READERS_KEPT)
def _reader_of(_uid: str, folder: AttemptDirectory) -> ProgressReader:
    return ProgressReader(folder.progress)


@functools.lru_cache(REPORTS_KEPT)
def _reports_of_ended(_uid: str, folders: tuple[AttemptDirectory, ...]) -> Sequence[tuple[int, float]]:
    return _merge_reports(folder.read_progress() for folder in folders)


def _merge_reports(reports_of_attempts: Iterable[Sequence[tuple[int, float]]]) -> Sequence[tuple[int, float]]:
    return sorted({step: value for reports in reports_of_attempts for step, value in reports}.items())


def with_a_job(trials: tuple[Trial, ...]) -> list[Trial]:
    """Give the trials for which a job was submitted, whether it waits in the queue or runs."""
    return [t for t in trials if t.state is TrialState.PENDING and t.attempts and t.attempts[-1].state.is_alive]
