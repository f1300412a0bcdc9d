"""Detection of liver nodules in EOB-MRI of five phases; `train`, `evaluate` and `feasible` are what a study names.

`bohpo trainer check trainers.liver_nodule --data FOLDER` calls `check`.

    trainer = "trainers.liver_nodule:train"
    feasible = "trainers.liver_nodule:feasible"   # where the space holds patches that the network cannot halve

README.md beside this file describes the parameters, the phantoms and what a folder of real cases looks like.
"""

from __future__ import annotations

from bohpo.trainer import Configuration
from trainers.cad.entry import Entry

__all__ = ["check", "evaluate", "feasible", "forecast", "train"]

_entry = Entry("trainers.liver_nodule.application:LiverNodule")
train, evaluate, check, forecast = _entry.train, _entry.evaluate, _entry.check, _entry.forecast


def feasible(config: Configuration) -> bool:
    """Tell whether the network can halve patches of this edge as often as it has levels.

    Args:
        config: As for `train`. Other mistakes in it are for `train` to report.
    """
    from trainers.liver_nodule.settings import patch_fits_network

    return patch_fits_network(config)
