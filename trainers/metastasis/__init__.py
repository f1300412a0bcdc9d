"""Detection of brain metastases in contrast-enhanced T1-weighted MR, the network's structure being searched, too.

`train`, `evaluate` and `feasible` are what a study names; `bohpo trainer check trainers.metastasis --data FOLDER` calls
`check`.

    trainer = "trainers.metastasis:train"
    feasible = "trainers.metastasis:feasible"   # no trial is spent on networks that the patches cannot hold

README.md beside this file describes the 17 parameters, the phantoms and what a folder of real cases looks like.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bohpo.trainer import CheckedCase, Configuration, Context, Outcome

__all__ = ["check", "evaluate", "feasible", "train"]


def train(config: Configuration, context: Context) -> Outcome:
    """Train a detector on the training cases and score it on the validation cases; no test case is read.

    Args:
        config: The 17 parameters, and any of the fixed settings, see `Settings`.
        context: Seed, threads, checkpoints and reports.

    Returns:
        Partial area under the FROC curve of the validation cases, with its case-bootstrap variance.

    Raises:
        UsageError: If the configuration does not fit, or cases are broken; each mistake and each case is named.
        AttemptError: If the training diverged, or memory ran out.
        Stopped: If it was asked to stop; a checkpoint is saved.
    """
    from trainers.cad import loop
    from trainers.metastasis.application import Metastasis

    return loop.train(Metastasis(), config, context)


def feasible(config: Configuration) -> bool:
    """Tell whether the network can be trained on the patches, and a step is estimated to fit into memory.

    Args:
        config: As for `train`. Other mistakes in it are for `train` to report.
    """
    from trainers.metastasis.settings import refusals

    return not any(refusals(config))


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
    from trainers.cad import loop
    from trainers.metastasis.application import Metastasis

    return loop.evaluate(Metastasis(), config, model, context)


def check(data: Path, spacing_mm: float | None = None) -> Iterator[CheckedCase]:
    """Read all cases of a folder, and tell everything that is wrong with them.

    Args:
        data: Folder of real cases.
        spacing_mm: As the setting of this name.

    Raises:
        UsageError: If there is no such folder, or a table lacks a column.
    """
    from trainers.cad.check import check_folder
    from trainers.metastasis.application import Metastasis

    return check_folder(Metastasis(), data, spacing_mm)
