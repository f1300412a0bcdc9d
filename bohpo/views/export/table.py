"""All trials as a table; columns are named as Optuna's `trials_dataframe` names them."""

from __future__ import annotations

import csv
import io

from bohpo.trial import Scalar, Trial
from bohpo.views.campaign import training_seconds
from bohpo.views.export.exported import Exported

OF_THE_TRIAL = ("trial", "metric", "value", "interval_low", "interval_high", "seed", "threads")
"""Provenance of the exported trial alone, which says nothing about the others."""


def table(exported: Exported) -> str:
    """Write one row for each trial of the campaign; the exported one has its seed.

    Floats are written in full, a parameter that is not active is an empty cell.
    """
    names = exported.view.space.names
    origin = {name: value for name, value in exported.provenance.items() if name not in OF_THE_TRIAL}
    columns = ["number", "state", "value", "variance", *(f"params_{name}" for name in names)]
    columns += ["seconds", "source", "reason", "seed", *(f"provenance_{name}" for name in origin)]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for trial in exported.view.trials:
        seed = exported.seed if trial.number == exported.trial.number else None
        writer.writerow([*_trial(trial, names), *map(_cell, (seed, *origin.values()))])
    return stream.getvalue()


def _trial(trial: Trial, names: tuple[str, ...]) -> list[str]:
    cells = [trial.number, trial.state.value, trial.value, trial.variance]
    cells += [trial.configuration.get(name) for name in names]
    return [_cell(cell) for cell in (*cells, training_seconds(trial), trial.proposal.source, trial.reason)]


def _cell(value: Scalar) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
