"""Which of an attempt's files cannot be read, and for how long that is waited for.

An I/O error is no outcome: the file server may be away, and then nothing at all can be read. But if the campaign's
folder is within reach and only one attempt's file is not, that file is damaged. It gets some time; then its trial
fails.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bohpo.campaign.clock import Clock
from bohpo.campaign.ending import TRAINERS_MISTAKES
from bohpo.regular_files import read_regular
from bohpo.trainer import AttemptDirectory
from bohpo.trainer.attempt import NOT_OURS

logger = logging.getLogger(__name__)

FILES_PATIENCE_S = 300.0
"""So long one attempt's file may be unreadable while the campaign's folder is within reach."""

LONGEST_GAP_S = 60.0
"""After a longer time without a look the waiting begins anew: the driver was suspended, or out of reach."""


@dataclass(frozen=True, slots=True)
class Defect:
    """Why an attempt's files cannot be read.

    Attributes:
        reason: The file and the error, in one line.
        is_final: Whether it was waited for long enough.
    """

    reason: str
    is_final: bool


class Reach:
    """Looks whether the files of ended attempts can be read, and remembers since when they cannot."""

    def __init__(self, campaign_folder: Path, clock: Clock) -> None:
        """Look below a campaign's folder."""
        self._folder = campaign_folder
        self._clock = clock
        self._unreadable: dict[Path, tuple[float, float]] = {}
        self._is_away = False

    def defect_of(self, files: AttemptDirectory) -> Defect | None:
        """Return why an attempt's last files cannot be read; None if what lies there tells enough."""
        error, tells_enough = _look_at(files)
        if error is not None and not self._is_in_reach():
            tells_enough = False
        elif error is not None and not tells_enough:
            return self._wait_for(files, _describe(error))
        self._unreadable.pop(files.path, None)
        return None if error is None or tells_enough else Defect(_describe(error), is_final=False)

    def _wait_for(self, files: AttemptDirectory, reason: str) -> Defect:
        now = self._clock.monotonic()
        since, seen = self._unreadable.get(files.path, (now, now))
        if files.path not in self._unreadable or now - seen > LONGEST_GAP_S:
            since = now
            logger.warning("%s: %s; waiting up to %.0f s for it", files.path, reason, FILES_PATIENCE_S)
        self._unreadable[files.path] = (since, now)
        return Defect(f"{reason}, for {now - since:.0f} s", is_final=now - since > FILES_PATIENCE_S)

    def _is_in_reach(self) -> bool:
        try:
            os.listdir(self._folder)  # noqa: PTH208 - only the system call matters
            if (self._folder / "study.toml").exists():
                read_regular(self._folder / "study.toml")
        except OSError as error:
            if not self._is_away:
                logger.warning("%s cannot be read, so no end of an attempt can be recorded: %s", self._folder, error)
            self._is_away = True
            return False
        self._is_away = False
        return True


def _look_at(files: AttemptDirectory) -> tuple[OSError | None, bool]:
    """Read the files that tell how an attempt ended.

    A network file system shows what others wrote only after the folder was listed.

    Returns:
        An error, one that may pass before one that lasts, and whether it lasts and so tells enough by itself.
    """
    lasting = None
    reads: tuple[tuple[Path, Callable[[Path], object], tuple[type[OSError], ...]], ...] = (
        (files.path, os.listdir, NOT_OURS),
        (files.spec, read_regular, NOT_OURS),
        (files.ended, read_regular, TRAINERS_MISTAKES),
        (files.outcome, read_regular, TRAINERS_MISTAKES),
    )
    for path, read, may_be_left in reads:
        try:
            read(path)
        except may_be_left as error:
            lasting = lasting or error
        except OSError as error:
            error.filename = error.filename or str(path)
            return error, False
    return lasting, True


def _describe(error: OSError) -> str:
    return f"{Path(error.filename).name} cannot be read: {error.strerror or error}"
