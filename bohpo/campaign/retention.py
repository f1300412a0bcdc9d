"""Which files of ended trials are kept: models of the best, checkpoints of none."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

from bohpo.campaign.attempts import attempt_directory
from bohpo.store.records import Campaign
from bohpo.trainer import AttemptDirectory
from bohpo.trial import AttemptState, Trial, TrialState


def completed_attempt(campaign: Campaign, trial: Trial) -> AttemptDirectory:
    """Give the folder of the attempt that completed a trial."""
    number = next(a.number for a in reversed(trial.attempts) if a.state is AttemptState.COMPLETED)
    return attempt_directory(campaign, trial.number, number)


def keep_best_models(campaign: Campaign, trials: Iterable[Trial], best: list[int]) -> None:
    """Remove the models of all completed trials but the best ones.

    Args:
        campaign: Whose trials they are.
        trials: All trials.
        best: Numbers of those whose models are kept.
    """
    for trial in trials:
        if trial.state is TrialState.COMPLETE and trial.number not in best:
            shutil.rmtree(completed_attempt(campaign, trial).model, ignore_errors=True)


def clear_checkpoints(campaign: Campaign, trial: Trial) -> None:
    """Remove the checkpoints of a trial that has ended."""
    for attempt in trial.attempts:
        shutil.rmtree(attempt_directory(campaign, trial.number, attempt.number).checkpoint, ignore_errors=True)
