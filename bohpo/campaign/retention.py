"""Which files of ended trials are kept: models of the best, checkpoints of none."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from bohpo.campaign.attempts import attempt_directory
from bohpo.store.records import Campaign
from bohpo.trainer import AttemptDirectory
from bohpo.trial import AttemptState, Trial


def completed_attempt(campaign: Campaign, trial: Trial) -> AttemptDirectory:
    """Give the folder of the attempt that completed a trial."""
    number = next(a.number for a in reversed(trial.attempts) if a.state is AttemptState.COMPLETED)
    return attempt_directory(campaign, trial.number, number)


RANKS_LOOKED_AT = 8
"""So many trials after the kept ones may still have a model, where a driver died before it had removed it."""


def keep_best_models(campaign: Campaign, trials: Mapping[int, Trial], ranked: list[int], kept: int, new: int) -> None:
    """Remove the models that a new result pushed out of the best ones, and its own if it is not among them.

    Args:
        campaign: Whose trials they are.
        trials: All trials by number; all of them would be too many to look at on a slow file system.
        ranked: Numbers of the completed trials, best first.
        kept: How many models are kept.
        new: Number of the trial that has just completed.
    """
    for number in {new, *ranked[kept : kept + RANKS_LOOKED_AT]} - set(ranked[:kept]):
        shutil.rmtree(completed_attempt(campaign, trials[number]).model, ignore_errors=True)


def clear_checkpoints(campaign: Campaign, trial: Trial) -> None:
    """Remove the checkpoints of a trial that has ended."""
    for attempt in trial.attempts:
        shutil.rmtree(attempt_directory(campaign, trial.number, attempt.number).checkpoint, ignore_errors=True)
