"""What a study names of an application: functions that import it when they are called.

Torch takes seconds to import, and `bohpo check` only asks whether what a study names is there.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bohpo.trainer import CheckedCase, Configuration, Context, Outcome

if TYPE_CHECKING:
    from trainers.cad.application import Application


@dataclass(frozen=True, slots=True)
class Entry:
    """The way into an application.

    Attributes:
        application: Its class, `module:class`.
        is_labelled: Whether whole cases are scored instead of lesions.
    """

    application: str
    is_labelled: bool = False

    def train(self, config: Configuration, context: Context) -> Outcome:
        """Train on the training cases and score what came of it on the validation cases; no test case is read.

        Args:
            config: The parameters, and any of the fixed settings, see the application's `Settings`.
            context: Seed, threads, checkpoints and reports.

        Returns:
            The score of the validation cases, with its case-bootstrap variance, curves and operating points.

        Raises:
            UsageError: If the configuration does not fit, or cases are broken; each mistake and each case is named.
            OutOfMemoryError: If memory ran out.
            AttemptError: If the training diverged.
            Stopped: If it was asked to stop; a checkpoint is saved.
        """
        from trainers.cad import loop

        return loop.train(self._load(), config, context)

    def evaluate(self, config: Configuration, model: Path, context: Context) -> Outcome:
        """Score what was saved on the test cases; nothing is trained.

        Args:
            config: As for `train`; says which data and which limit.
            model: Folder that `train` filled, `context.model` there.
            context: Threads, and the request to stop.

        Returns:
            The same figures as `train`, of the test cases.

        Raises:
            NotFoundError: If `model` holds nothing that was saved.
            UsageError: If the configuration does not fit, or test cases are broken.
            OutOfMemoryError: If memory ran out.
            Stopped: If it was asked to stop.
        """
        from trainers.cad import loop

        return loop.evaluate(self._load(), config, model, context)

    def check(self, data: Path, spacing_mm: float | None = None, pictures: Path | None = None) -> Iterator[CheckedCase]:
        """Read all cases of a folder, and report everything that is wrong with them.

        Args:
            data: Folder of real cases.
            spacing_mm: As the setting of this name.
            pictures: New folder for pictures of the lesions; None for no pictures.

        Raises:
            UsageError: If there is no such folder, or that for pictures cannot be used.
        """
        from trainers.cad.check import check_folder

        return check_folder(self._load(), data, spacing_mm, pictures)

    def forecast(self, fixed: Configuration) -> str | None:
        """Describe how wide the interval of a validation score will be; `bohpo check` shows it.

        Args:
            fixed: Fixed settings of a study.

        Raises:
            UsageError: If there is no such folder of cases, or a table lacks a column.
        """
        from trainers.cad.forecast import forecast_interval

        return forecast_interval(fixed, is_labelled=self.is_labelled)

    def _load(self) -> Application[Any, Any, Any]:
        module, _, name = self.application.partition(":")
        application: Application[Any, Any, Any] = getattr(importlib.import_module(module), name)()
        return application
