"""Read a campaign from the store and its folder into what the views look at."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Iterable, Sequence

from bohpo.campaign.attempts import attempt_directory
from bohpo.campaign.launch import study_of
from bohpo.store import Store, TrialsReader
from bohpo.store.records import Campaign, Evaluation
from bohpo.study import Study
from bohpo.trainer import AttemptDirectory
from bohpo.trial import Trial, TrialState
from bohpo.views.campaign import CampaignView

CURVES_OF = 5
"""Trials whose curves are read, best first."""

REPORTS_KEPT = 512
"""Trials whose reports are kept after their end."""


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
    return CampaignView(
        campaign=campaign,
        space=study.space,
        metric=study.objective.metric,
        maximize=study.objective.maximize,
        jobs=study.parallel.jobs,
        trials=trials if isinstance(trials, tuple) else tuple(trials),
        evaluations=tuple(evaluations),
        driven=tuple(driven),
        now=now,
        bounds=study.objective.limits,
        limit=float(limit) if isinstance(limit, int | float) else None,
    )


def reports_of(campaign: Campaign, trial: Trial) -> Sequence[tuple[int, float]]:
    """Give what a trial's attempts reported, as (step, value); a resumed attempt goes on where it left off.

    The files of a trial that has ended stay as they are: they are read once, however often its line is drawn again.
    """
    folders = tuple(attempt_directory(campaign, trial.number, attempt.number) for attempt in trial.attempts)
    return _read_reports(folders) if trial.state is TrialState.PENDING else _reports_of_ended(trial.uid, folders)


@functools.lru_cache(REPORTS_KEPT)
def _reports_of_ended(_uid: str, folders: tuple[AttemptDirectory, ...]) -> Sequence[tuple[int, float]]:
    return _read_reports(folders)


def _read_reports(folders: tuple[AttemptDirectory, ...]) -> Sequence[tuple[int, float]]:
    reports: dict[int, float] = {}
    for folder in folders:
        reports.update(folder.read_progress())
    return sorted(reports.items())


def with_a_job(trials: tuple[Trial, ...]) -> list[Trial]:
    """Give the trials for which a job was submitted, whether it waits in the queue or runs."""
    return [t for t in trials if t.state is TrialState.PENDING and t.attempts and t.attempts[-1].state.is_alive]
