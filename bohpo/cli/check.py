"""`bohpo check`: reports all that is wrong with a study file, or what it would search."""

from __future__ import annotations

import contextlib
import json as json_text
import sys
from pathlib import Path
from typing import Any

from bohpo.cli.output import emit, pairs, table
from bohpo.cluster.host import notices, settle_on_host
from bohpo.errors import StudyError
from bohpo.service.checking import as_json, cluster_rows, notice_rows, parameter_rows, summary_rows
from bohpo.study import (
    Imported,
    Study,
    Tried,
    check_entry,
    import_entries,
    load_feasibility,
    settle,
    try_feasibility,
    why_not_imported,
)


def check(study: Path, /, *, no_import: bool = False, json: bool = False) -> None:
    """Check a study file and the functions that it names. Nothing is trained; `bohpo try` does that.

    The trainer is imported in a process of its own, and its function `forecast` says how sure the scores will be.
    The function `feasible` is asked about random configurations.

    Args:
        study: Study file, TOML.
        no_import: Do not import the trainer.
        json: Print the summary as one JSON object.

    Raises:
        NotFoundError: If there is no such file.
        StudyError: If the file, or the trainer that it names, has mistakes; it names all of them. Also if the trainer
            cannot be imported and called, or the function `feasible` fails, or lets nothing through.
    """
    checked = Study.load(study)
    if mistakes := check_entry(checked):
        raise StudyError(str(study), mistakes)
    settled = settle_on_host(settle(checked))
    checked, found = settled.study, notices(settled)
    skipped = "left out, as --no-import says" if no_import else why_not_imported(checked)
    imported = None if skipped else import_entries(checked)
    if imported is not None and imported.mistakes:
        raise StudyError(str(study), imported.mistakes)
    tried, expected = _try(checked), None if imported is None else imported.forecast
    if json:
        told = {"imported": None if imported is None else _as_json(imported), "forecast": expected}
        emit({**as_json(checked, tried, found), **told})
        return
    rows = [("imported", skipped)] if imported is None else _imported_rows(imported)
    scores = [("scores", expected)] if expected else []
    pairs([*summary_rows(checked, tried), *rows, *scores, *notice_rows(found)])
    if checked.cluster.backend != "local":
        print()
        table(("cluster", "value", "from"), cluster_rows(settled))
    if checked.space.parameters:
        print()
        table(("parameter", "kind", "values", "active when"), parameter_rows(checked))
    if checked.fixed:
        print()
        table(("fixed", "value"), [(name, json_text.dumps(value)) for name, value in checked.fixed.items()])


def _imported_rows(imported: Imported) -> list[tuple[str, str]]:
    scored = "ready" if imported.has_evaluate else "the trainer's module has no `evaluate`, so no model can be scored"
    return [("imported", f"in {imported.seconds:.1f} s"), ("evaluate", scored)]


def _as_json(imported: Imported) -> dict[str, Any]:
    return {"seconds": imported.seconds, "evaluate": imported.has_evaluate}


def _try(study: Study) -> Tried | None:
    with contextlib.redirect_stdout(sys.stderr):  # what the study's own code prints is no part of the answer
        feasibility = load_feasibility(study)
        return None if feasibility is None else try_feasibility(study, feasibility)
