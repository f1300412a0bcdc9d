"""Detection of brain metastases in contrast-enhanced T1-weighted MR, the network's structure being searched, too.

`train`, `evaluate` and `feasible` are what a study names; `bohpo trainer check trainers.metastasis --data FOLDER` calls
`check`.

    trainer = "trainers.metastasis:train"
    feasible = "trainers.metastasis:feasible"   # no trial is spent on networks that the patches cannot hold

README.md beside this file describes the 17 parameters, the phantoms and what a folder of real cases looks like.
"""

from __future__ import annotations

from bohpo.trainer import Configuration
from trainers.cad.entry import Entry

__all__ = ["check", "evaluate", "feasible", "forecast", "train"]

_entry = Entry("trainers.metastasis.application:Metastasis")
train, evaluate, check, forecast = _entry.train, _entry.evaluate, _entry.check, _entry.forecast


def feasible(config: Configuration) -> bool:
    """Tell whether the network can be trained on the patches, and a step is estimated to fit into memory.

    Args:
        config: As for `train`. Other mistakes in it are for `train` to report.
    """
    from trainers.metastasis.settings import refusals

    return not any(refusals(config))
