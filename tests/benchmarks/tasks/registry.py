"""Which tasks there are, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

from bohpo.errors import UsageError
from bohpo.space.checks import did_you_mean
from tests.benchmarks.tasks.catalogue import catalogue_task, read_catalogue
from tests.benchmarks.tasks.mixed import ConditionalRosenbrock, MixedAckley, PairwiseChoices
from tests.benchmarks.tasks.network import Network
from tests.benchmarks.tasks.numeric import BraninCurrin, MeasuredNoise, NoisyHartmann
from tests.benchmarks.tasks.task import SyntheticTask, Task

PUBLIC: Mapping[str, Callable[[], SyntheticTask]] = {
    "hartmann-noisy": NoisyHartmann,
    "branin-currin-log": BraninCurrin,
    "measured-noise": MeasuredNoise,
    "ackley-mixed": MixedAckley,
    "rosenbrock-conditional": ConditionalRosenbrock,
    "pairwise-choices": PairwiseChoices,
    "network-17": Network,
}
"""The tasks that ship; the table has the shape of a catalogue's."""


def task_names(wanted: str, catalogue: Path | None = None) -> list[str]:
    """Give the names of the tasks that are asked for.

    Args:
        wanted: Names, comma-separated; `shipped`, `catalogue` and `all` stand for many.
        catalogue: A `tasks.py` outside the project, if there is one.

    Raises:
        UsageError: If there is no such task.
    """
    outside = [] if catalogue is None else list(read_catalogue(catalogue))
    twice = sorted(set(outside) & set(PUBLIC))
    if twice:
        raise UsageError(f"{catalogue}: {twice[0]!r} is the name of a task that ships; rename it there")
    groups = {"shipped": list(PUBLIC), "catalogue": outside, "all": [*PUBLIC, *outside]}
    names = [name for word in wanted.split(",") for name in groups.get(word, [word])]
    _refuse_unknown(names, groups["all"])
    return list(dict.fromkeys(names))


@cache
def load_task(name: str, catalogue: Path | None = None) -> Task:
    """Make a task, once in a process.

    Raises:
        UsageError: If there is no such task, or it needs a package that is not installed.
    """
    if name in PUBLIC:
        return PUBLIC[name]()
    if catalogue is None or name not in read_catalogue(catalogue):
        raise _unknown(name, PUBLIC if catalogue is None else [*PUBLIC, *read_catalogue(catalogue)])
    return catalogue_task(catalogue, name)


def _refuse_unknown(names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise _unknown(name, known)


def _unknown(name: str, known: Iterable[str]) -> UsageError:
    remedy = did_you_mean(name, known, f"there are {', '.join(known)}; others need --catalogue")
    return UsageError(f"there is no task {name!r}; {remedy}")
