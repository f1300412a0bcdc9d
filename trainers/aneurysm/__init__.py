"""Detection of cerebral aneurysms in TOF-MRA; `train`, `evaluate` and `feasible` are what a study names.

`bohpo trainer check trainers.aneurysm --data FOLDER` calls `check`.

    trainer = "trainers.aneurysm:train"
    feasible = "trainers.aneurysm:feasible"   # where the space holds patches that no network takes

README.md beside this file describes the parameters, the phantoms and what a folder of real cases looks like.
"""

from __future__ import annotations

from bohpo.trainer import Configuration
from trainers.cad.entry import Entry

__all__ = ["check", "evaluate", "feasible", "forecast", "train"]

_entry = Entry("trainers.aneurysm.application:Aneurysm")
train, evaluate, check, forecast = _entry.train, _entry.evaluate, _entry.check, _entry.forecast


def feasible(config: Configuration) -> bool:
    """Tell whether patches and batches are such that the network can be trained on them.

    Args:
        config: As for `train`. Other mistakes in it are for `train` to report.
    """
    from trainers.aneurysm.settings import patches_fit_network

    return patches_fit_network(config)
