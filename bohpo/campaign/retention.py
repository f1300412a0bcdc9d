"""Which files of ended trials are kept: models of the best, checkpoints of none."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from bohpo.campaign.attempts import attempt_directory
from bohpo.store.records import Campaign
from bohpo.trainer import AttemptDirectory
from bohpo.trial import AttemptState, Trial

logger = logging.getLogger(__name__)

MOUNTS = Path("/proc/self/mountinfo")


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
        remove_folder(campaign, completed_attempt(campaign, trials[number]).model)


def clear_checkpoints(campaign: Campaign, trial: Trial) -> None:
    """Remove the checkpoints of a trial that has ended."""
    for attempt in trial.attempts:
        remove_folder(campaign, attempt_directory(campaign, trial.number, attempt.number).checkpoint)


def remove_folder(campaign: Campaign, folder: Path) -> None:
    """Remove a folder that a trainer filled, and nothing outside the campaign.

    Of a link only the link is removed. A folder that is reached through a link, or in which another file system is
    mounted, is left.
    """
    try:
        if folder.parent.resolve() != campaign.directory.resolve() / folder.parent.relative_to(campaign.directory):
            logger.warning("%s is kept: a link leads there, perhaps out of the campaign's folder", folder)
        elif folder.is_symlink() or folder.is_file():
            folder.unlink()
        elif mount := _mount_in(folder):
            logger.warning("%s is kept, since a file system is mounted in it, at %s", folder, mount)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, RuntimeError) as error:  # the latter of a link that leads to itself
        logger.warning("%s is kept: %s", folder, error)


def _mount_in(folder: Path) -> str | None:
    """Return where a file system is mounted at or below a folder, a bind mount included; None if nowhere.

    Source:
        proc_pid_mountinfo(5), field 5, with octal escapes.
    """
    inside = f"{folder.resolve()}/"
    for line in MOUNTS.read_text(errors="surrogateescape").splitlines():
        mount = re.sub(r"\\([0-7]{3})", lambda escape: chr(int(escape[1], 8)), line.split(" ")[4])
        if f"{mount}/".startswith(inside):
            return mount
    return None
