"""What `bohpo check` says of a study, on the command line and as somebody types it into the page."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from bohpo.cluster.host import settle_on_host
from bohpo.cluster.keys import Notice
from bohpo.errors import Mistake, StudyError
from bohpo.space import Parameter, Space
from bohpo.space.elimination import MOST_COUNTED
from bohpo.study import Settled, Study, Tried, check_entry, settle


def examined(study: Study, *, backend: str | None = None) -> tuple[tuple[Mistake, ...], Settled | None]:
    """Look for all mistakes of a study that parses; nothing that it names is run.

    Args:
        study: As it was read.
        backend: Cluster instead of the study's, or None.

    Returns:
        The mistakes; where there are none, the study with all that holds for its cluster.
    """
    if mistakes := check_entry(study):
        return mistakes, None
    try:
        return (), settle_on_host(settle(study, backend=backend))
    except StudyError as error:
        return error.mistakes, None


def notice_rows(notices: Iterable[Notice]) -> list[tuple[str, str]]:
    """List what stops nothing and is not as it reads, as names and words."""
    return [(notice.level, str(notice)) for notice in notices]


def summary_rows(study: Study, tried: Tried | None = None) -> list[tuple[str, str]]:
    """Sum up a settled study as names and words.

    Args:
        study: The study.
        tried: What came of trying its function `feasible`, where it was tried.
    """
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
        ("jobs", f"{study.jobs}, {_counted(study.threads, 'CPU thread')} each, {study.cluster.backend}"),
        ("optimizer", f"{study.optimizer.method}, seed {study.optimizer.seed}"),
        ("space", f"{_counted(len(study.space), 'parameter')}, {_size(study.space)}"),
        *([] if tried is None else [("feasible", f"{study.feasible}, {_share(tried)}")]),
        ("hash", study.hash),
    ]


def cluster_rows(settled: Settled) -> list[tuple[str, str, str]]:
    """List what holds for the cluster, and where each of it comes from: setting, value, source."""
    settings = settled.study.cluster.model_dump(mode="json")
    return [(key, json.dumps(settings[key]), source) for key, source in settled.sources.items()]


def parameter_rows(study: Study) -> list[tuple[str, str, str, str]]:
    """List the parameters: name, kind, values, when they are active."""
    return [(known.name, known.kind, known.domain, _condition(known)) for known in study.space.parameters]


def as_json(study: Study, tried: Tried | None, notices: Iterable[Notice] = ()) -> dict[str, Any]:
    """Sum up a settled study, and what its user has to know of it, as a dictionary that JSON can hold."""
    count = study.space.count()
    number = None if math.isinf(count.number) else count.number
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
        "jobs": study.jobs,
        "threads": study.threads,
        "backend": study.cluster.backend,
        "cluster": study.cluster.model_dump(mode="json", exclude_unset=True),
        "optimizer": study.optimizer.model_dump(),
        "space": study.space.to_json(),
        "configurations": number if count.is_exact else None,
        "configurations_at_most": number,
        "feasible": None if tried is None else _tried_as_json(study, tried),
        "fixed": study.fixed,
        "hash": study.hash,
        "notices": [notice.to_json() for notice in notices],
    }


def _tried_as_json(study: Study, tried: Tried) -> Mapping[str, object]:
    return {
        "function": study.feasible,
        "share": tried.share,
        "drawn": tried.drawn,
        "centre": tried.centre_is_feasible,
    }


def _share(tried: Tried) -> str:
    centre = "" if tried.centre_is_feasible else "; the centre of the space is not"
    return f"{tried.share:.1%} of {tried.drawn} random configurations{centre}"


def _size(space: Space) -> str:
    """Return the number of configurations in words, or its bound where the conditions are too entangled to count."""
    count = space.count()
    if not math.isinf(count.number) and count.number >= MOST_COUNTED:
        return f"{'more' if count.is_exact else 'perhaps more'} than {MOST_COUNTED:.0e} configurations"
    return ("" if count.is_exact else "at most ") + _counted(count.number, "configuration")


def _counted(count: float, noun: str) -> str:
    return f"infinitely many {noun}s" if math.isinf(count) else f"{count:,.0f} {noun}{'s' * (count != 1)}"


def _condition(parameter: Parameter) -> str:
    return " and ".join(
        f"{name} is {' or '.join(repr(value) for value in values)}" for name, values in parameter.when.items()
    )
