"""All trials as a table; columns are named as Optuna's `trials_dataframe` names them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from bohpo.trial import Scalar, Trial
from bohpo.views.campaign import training_seconds
from bohpo.views.export.exported import Exported

OF_THE_TRIAL = ("trial", "metric", "value", "interval_low", "interval_high", "seed", "threads")
"""Provenance of the exported trial alone, which says nothing about the others."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
"""What text begins with that a spreadsheet may run, and the apostrophe that keeps it from that."""

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def table(exported: Exported) -> str:
    """Write one row for each trial of the campaign; the exported one has its seed.

    Floats are written in full, a parameter that is not active is an empty cell. Text that a spreadsheet would take for
    a formula has an apostrophe before it, and so has text that begins with one: take away one apostrophe to read it.

    Source:
        RFC 4180; OWASP, "CSV Injection".
    """
    names = exported.view.space.names
    origin = {name: value for name, value in exported.provenance.items() if name not in OF_THE_TRIAL}
    columns = ["number", "state", "value", "variance", *(f"params_{name}" for name in names)]
    columns += ["seconds", "source", "reason", "seed", *(f"provenance_{name}" for name in origin)]
    lines = [_line(map(_cell, columns))]
    for trial in exported.view.trials:
        seed = exported.seed if trial.number == exported.trial.number else None
        lines.append(_line([*_trial(trial, names), *map(_cell, (seed, *origin.values()))]))
    return "".join(lines)


def _line(cells: Iterable[str]) -> str:
    """Return a line; the writer quotes a carriage return within a cell only where its own line ends have one."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(cells)
    return stream.getvalue().removesuffix("\r\n") + "\n"


def _trial(trial: Trial, names: tuple[str, ...]) -> list[str]:
    cells = [trial.number, trial.state.value, trial.value, trial.variance]
    cells += [trial.configuration.get(name) for name in names]
    return [_cell(cell) for cell in (*cells, training_seconds(trial), trial.proposal.source, trial.reason)]


def _cell(value: Scalar) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) and not NUMBER.fullmatch(value) else value
    return str(value).lower() if isinstance(value, bool) else str(value)
