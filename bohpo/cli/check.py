"""`bohpo check`: says all that is wrong with a study file, or what it would search."""

from __future__ import annotations

import contextlib
import json as json_text
import sys
from pathlib import Path

from bohpo.cli.output import emit, pairs, table
from bohpo.errors import StudyError
from bohpo.service.checking import as_json, cluster_rows, parameter_rows, summary_rows
from bohpo.study import Study, Tried, check_entry, load_feasibility, settle, try_feasibility
from bohpo.study.forecast import forecast


def check(study: Path, /, *, json: bool = False) -> None:
    """Check a study file, and say how sure its scores will be; nothing is trained.

    Two functions are run if the trainer has them: `feasible`, on configurations drawn at random, and `forecast`.

    Args:
        study: Study file, TOML.
        json: Print the summary as one JSON object.

    Raises:
        NotFoundError: If there is no such file.
        StudyError: If the file, or the trainer that it names, has mistakes; it names all of them. Also if its function
            `feasible` fails, or lets nothing through.
    """
    checked = Study.load(study)
    if mistakes := check_entry(checked):
        raise StudyError(str(study), mistakes)
    settled = settle(checked)
    checked = settled.study
    tried, expected = _try(checked), _forecast(checked)
    if json:
        emit({**as_json(checked, tried), "forecast": expected})
        return
    pairs([*summary_rows(checked, tried), *([("scores", expected)] if expected else [])])
    if checked.cluster.backend != "local":
        print()
        table(("cluster", "value", "from"), cluster_rows(settled))
    if checked.space.parameters:
        print()
        table(("parameter", "kind", "values", "active when"), parameter_rows(checked))
    if checked.fixed:
        print()
        table(("fixed", "value"), [(name, json_text.dumps(value)) for name, value in checked.fixed.items()])


def _try(study: Study) -> Tried | None:
    with contextlib.redirect_stdout(sys.stderr):  # what the study's own code prints is no part of the answer
        feasibility = load_feasibility(study)
        return None if feasibility is None else try_feasibility(study, feasibility)


def _forecast(study: Study) -> str | None:
    with contextlib.redirect_stdout(sys.stderr):
        return forecast(study)
