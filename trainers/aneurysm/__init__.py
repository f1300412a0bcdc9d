"""Detection of cerebral aneurysms in TOF-MRA; `train`, `evaluate` and `feasible` are what a study names.

`bohpo trainer check trainers.aneurysm --data FOLDER` calls `check`.

    trainer = "trainers.aneurysm:train"
    feasible = "trainers.aneurysm:feasible"   # where the space holds patches that no network takes

README.md beside this file describes the parameters, the phantoms and what a folder of real cases looks like.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bohpo.trainer import CheckedCase, Configuration, Context, Outcome

__all__ = ["check", "evaluate", "feasible", "train"]


def train(config: Configuration, context: Context) -> Outcome:
    """Train a detector on the training cases and score it on the validation cases; no test case is read.

    Args:
        config: The nine parameters, and any of the fixed settings, see `Settings`.
        context: Seed, threads, checkpoints and reports.

    Returns:
        Partial area under the FROC curve of the validation cases, with its case-bootstrap variance.

    Raises:
        UsageError: If the configuration does not fit, or cases are broken; each mistake and each case is named.
        OutOfMemoryError: If memory ran out.
        AttemptError: If the training diverged.
        Stopped: If it was asked to stop; a checkpoint is saved.
    """
    from trainers.aneurysm.application import Aneurysm
    from trainers.cad import loop

    return loop.train(Aneurysm(), config, context)


def feasible(config: Configuration) -> bool:
    """Tell whether patches and batches are such that the network can be trained on them.

    Args:
        config: As for `train`. Other mistakes in it are for `train` to report.
    """
    from trainers.aneurysm.settings import patches_fit_network

    return patches_fit_network(config)


def evaluate(config: Configuration, model: Path, context: Context) -> Outcome:
    """Score a saved detector on the test cases; nothing is trained.

    Args:
        config: As for `train`; says which data and which limit.
        model: Folder that `train` filled, `context.model` there.
        context: Threads, and the request to stop.

    Returns:
        The same figures as `train`, of the test cases.

    Raises:
        NotFoundError: If `model` holds no saved detector.
        UsageError: If the configuration does not fit, or test cases are broken.
        Stopped: If it was asked to stop.
    """
    from trainers.aneurysm.application import Aneurysm
    from trainers.cad import loop

    return loop.evaluate(Aneurysm(), config, model, context)


def check(data: Path, spacing_mm: float | None = None) -> Iterator[CheckedCase]:
    """Read all cases of a folder, and tell everything that is wrong with them.

    Args:
        data: Folder of real cases.
        spacing_mm: As the setting of this name.

    Raises:
        UsageError: If there is no such folder, or a table lacks a column.
    """
    from trainers.aneurysm.application import Aneurysm
    from trainers.cad.check import check_folder

    return check_folder(Aneurysm(), data, spacing_mm)
