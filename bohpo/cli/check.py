"""`bohpo check`: says all that is wrong with a study file, or what it would search."""

from __future__ import annotations

import contextlib
import json as json_text
import math
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from bohpo.cli.output import emit, pairs, table
from bohpo.errors import StudyError
from bohpo.space import Parameter
from bohpo.study import Settled, Study, Tried, check_entry, load_feasibility, settle, try_feasibility


def check(study: Path, /, *, json: bool = False) -> None:
    """Check a study file; nothing is run but its function `feasible`, on configurations drawn at random.

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
    tried = _try(checked)
    if json:
        emit(_as_json(checked, tried))
        return
    pairs(_summary(checked, tried))
    if checked.cluster.backend != "local":
        print()
        table(("cluster", "value", "from"), cluster_rows(settled))
    if checked.space.parameters:
        print()
        table(("parameter", "kind", "values", "active when"), [_row(known) for known in checked.space.parameters])
    if checked.fixed:
        print()
        table(("fixed", "value"), [(name, json_text.dumps(value)) for name, value in checked.fixed.items()])


def cluster_rows(settled: Settled) -> list[tuple[str, str, str]]:
    """List what holds for the cluster, and where each of it comes from."""
    settings = settled.study.cluster.model_dump(mode="json")
    return [(key, json_text.dumps(settings[key]), source) for key, source in settled.sources.items()]


def _try(study: Study) -> Tried | None:
    with contextlib.redirect_stdout(sys.stderr):  # what the study's own code prints is no part of the answer
        feasibility = load_feasibility(study)
        return None if feasibility is None else try_feasibility(study, feasibility)


def _summary(study: Study, tried: Tried | None) -> list[tuple[str, str]]:
    budget, objective = study.budget, study.objective
    limits = "" if objective.bounds is None else f", from {objective.bounds[0]:g} to {objective.bounds[1]:g}"
    trials = [] if budget.most_trials is None else [_counted(budget.most_trials, "trial")]
    hours = [] if budget.hours is None else [f"{budget.hours:g} hours"]
    return [
        ("study", study.name),
        ("trainer", study.trainer or shlex.join(study.command or ())),
        ("runs in", str(study.working_directory)),
        ("objective", f"{objective.direction} {objective.metric}{limits}"),
        ("budget", " or ".join(trials + hours)),
        ("jobs", f"{study.parallel.jobs}, {_counted(study.threads, 'CPU thread')} each, {study.cluster.backend}"),
        ("optimizer", f"{study.optimizer.method}, seed {study.optimizer.seed}"),
        ("space", f"{_counted(len(study.space), 'parameter')}, {_counted(study.space.size(), 'configuration')}"),
        *([] if tried is None else [("feasible", f"{study.feasible}, {_share(tried)}")]),
        ("hash", study.hash),
    ]


def _share(tried: Tried) -> str:
    centre = "" if tried.centre_is_feasible else "; the centre of the space is not"
    return f"{tried.share:.1%} of {tried.drawn} random configurations{centre}"


def _counted(count: float, noun: str) -> str:
    return f"infinitely many {noun}s" if math.isinf(count) else f"{count:,.0f} {noun}{'s' * (count != 1)}"


def _row(parameter: Parameter) -> tuple[str, str, str, str]:
    return parameter.name, parameter.kind, parameter.domain, _condition(parameter.when)


def _condition(when: Mapping[str, tuple[object, ...]]) -> str:
    return " and ".join(f"{name} is {' or '.join(repr(value) for value in values)}" for name, values in when.items())


def _as_json(study: Study, tried: Tried | None) -> dict[str, object]:
    size = study.space.size()
    return {
        "study": study.name,
        "trainer": study.trainer,
        "command": None if study.command is None else list(study.command),
        "working_directory": str(study.working_directory),
        "objective": {
            "metric": study.objective.metric,
            "direction": study.objective.direction,
            "bounds": list(study.objective.limits),
        },
        "budget": {"trials": study.budget.most_trials, "hours": study.budget.hours},
        "jobs": study.parallel.jobs,
        "threads": study.threads,
        "backend": study.cluster.backend,
        "cluster": study.cluster.model_dump(mode="json", exclude_unset=True),
        "optimizer": study.optimizer.model_dump(),
        "space": study.space.to_json(),
        "configurations": None if math.isinf(size) else size,
        "feasible": None
        if tried is None
        else {
            "function": study.feasible,
            "share": tried.share,
            "drawn": tried.drawn,
            "centre": tried.centre_is_feasible,
        },
        "fixed": study.fixed,
        "hash": study.hash,
    }
