"""Tasks of a folder outside the project.

The file `tasks.py` in it has a table `PUBLIC` of name -> factory. A factory gives a task with `suggest`, `evaluate` and
`regret`, and `variance` where trainings measure their own.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from optuna.trial import BaseTrial

from bohpo.errors import UsageError
from bohpo.trial import Configuration


class CatalogueTask:
    """A task of a catalogue, held to what `Task` says."""

    def __init__(self, task: Any) -> None:
        """Wrap what a catalogue's factory gave."""
        self._task = task

    def suggest(self, trial: BaseTrial) -> Configuration:
        """Ask a trial for the parameters."""
        return dict(self._task.suggest(trial))

    def evaluate(self, parameters: Configuration, rng: np.random.Generator) -> tuple[float, float]:
        """Train once; see `Task.evaluate`."""
        value, seconds = self._task.evaluate(parameters, rng)
        return float(value), float(seconds)

    def variance(self, parameters: Configuration) -> float | None:
        """Give the variance that a training measures of its own score, if the task knows of it."""
        measure = getattr(self._task, "variance", None)
        return None if measure is None else float(measure(parameters))

    def regret(self, parameters: Configuration) -> float:
        """Give the noise-free regret."""
        return float(self._task.regret(parameters))


@cache
def read_catalogue(path: Path) -> Mapping[str, Any]:
    """Give the table of a catalogue: name -> factory.

    Raises:
        UsageError: If there is no such file, it has no such table, or it needs a package that is not installed.
    """
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file; give the path of a tasks.py")
    spec = importlib.util.spec_from_file_location("bohpo_benchmark_catalogue", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # a catalogue may be more than one file
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise _missing(path, error) from error
    finally:
        sys.path.remove(str(path.parent))
    table = getattr(module, "PUBLIC", None)
    if not isinstance(table, Mapping):
        raise UsageError(f"{path}: it has no table PUBLIC; write PUBLIC = {{name: factory}}")
    return table


def catalogue_task(path: Path, name: str) -> CatalogueTask:
    """Make a task of a catalogue.

    Raises:
        UsageError: If it needs a package that is not installed.
    """
    try:
        return CatalogueTask(read_catalogue(path)[name]())
    except ModuleNotFoundError as error:
        raise _missing(path, error) from error


def _missing(path: Path, error: ModuleNotFoundError) -> UsageError:
    return UsageError(f"{path} needs {error.name}, which is not installed; run: pip install {error.name}")
