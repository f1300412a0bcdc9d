"""Anomalies in emergency head CT; `train`, `evaluate` and `feasible` are what a study names.

`bohpo trainer check trainers.head_ct_anomaly --data FOLDER` calls `check`.

    trainer = "trainers.head_ct_anomaly:train"
    feasible = "trainers.head_ct_anomaly:feasible"   # where the space holds patches that no network takes

README.md beside this file describes the parameters, the phantoms and what a folder of real cases looks like.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bohpo.trainer import CheckedCase, Configuration, Context, Outcome

__all__ = ["check", "evaluate", "feasible", "train"]


def train(config: Configuration, context: Context) -> Outcome:
    """Train an autoencoder on normal training cases and score it on the validation cases; no test case is read.

    Args:
        config: The eleven parameters, and any of the fixed settings, see `Settings`.
        context: Seed, threads, checkpoints and reports.

    Returns:
        Area under the ROC curve of the validation cases, with its case-bootstrap variance.

    Raises:
        UsageError: If the configuration does not fit, or cases are broken; each mistake and each case is named.
        OutOfMemoryError: If memory ran out.
        AttemptError: If the training diverged.
        Stopped: If it was asked to stop; a checkpoint is saved.
    """
    from trainers.cad import loop
    from trainers.head_ct_anomaly.application import HeadCtAnomaly

    return loop.train(HeadCtAnomaly(), config, context)


def feasible(config: Configuration) -> bool:
    """Tell whether a patch can be halved as often as the network does.

    Args:
        config: As for `train`. Other mistakes in it are for `train` to report.
    """
    from trainers.head_ct_anomaly.settings import patches_fit_network

    return patches_fit_network(config)


def evaluate(config: Configuration, model: Path, context: Context) -> Outcome:
    """Score a saved autoencoder on the test cases and write anomaly maps of them; nothing is trained.

    Args:
        config: As for `train`; says which data.
        model: Folder that `train` filled, `context.model` there.
        context: Threads, the request to stop, and where the maps go.

    Returns:
        The same figures as `train`, of the test cases.

    Raises:
        NotFoundError: If `model` holds no saved autoencoder.
        UsageError: If the configuration does not fit, or test cases are broken.
        OutOfMemoryError: If memory ran out.
        Stopped: If it was asked to stop.
    """
    from trainers.cad import loop
    from trainers.head_ct_anomaly.application import HeadCtAnomaly

    return loop.evaluate(HeadCtAnomaly(), config, model, context)


def check(data: Path, spacing_mm: float | None = None) -> Iterator[CheckedCase]:
    """Read all cases of a folder, and tell everything that is wrong with them.

    Args:
        data: Folder of real cases.
        spacing_mm: As the setting of this name.

    Raises:
        UsageError: If there is no such folder, or a table lacks a column.
    """
    from trainers.cad.check import check_folder
    from trainers.head_ct_anomaly.application import HeadCtAnomaly

    return check_folder(HeadCtAnomaly(), data, spacing_mm)
