"""Anomalies in emergency head CT; `train`, `evaluate` and `feasible` are what a study names.

`bohpo trainer check trainers.head_ct_anomaly --data FOLDER` calls `check`.

    trainer = "trainers.head_ct_anomaly:train"
    feasible = "trainers.head_ct_anomaly:feasible"   # where the space holds patches that no network takes

README.md beside this file describes the parameters, the phantoms and what a folder of real cases looks like.
"""

from __future__ import annotations

from bohpo.trainer import Configuration
from trainers.cad.entry import Entry

__all__ = ["check", "evaluate", "feasible", "forecast", "train"]

_entry = Entry("trainers.head_ct_anomaly.application:HeadCtAnomaly", is_labelled=True)
train, evaluate, check, forecast = _entry.train, _entry.evaluate, _entry.check, _entry.forecast


def feasible(config: Configuration) -> bool:
    """Tell whether a patch can be halved as often as the network does.

    Args:
        config: As for `train`. Other mistakes in it are for `train` to report.
    """
    from trainers.head_ct_anomaly.settings import patches_fit_network

    return patches_fit_network(config)
