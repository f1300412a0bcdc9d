"""Trainings that cost nothing: how long one would take, and what it would score."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bohpo.errors import NotFoundError, SpaceError, UsageError
from bohpo.simulation.fates import Dice
from bohpo.space import CategoricalParameter, IntParameter, Space
from bohpo.study import Study
from bohpo.trial import Configuration, Scalar


@dataclass(frozen=True, slots=True)
class Training:
    """What a training takes and comes to.

    Attributes:
        seconds: From its start to its outcome, without a break.
        value: Score, in the objective's own direction.
    """

    seconds: float
    value: float


class Trainer(Protocol):
    """Something that knows what a training would come to."""

    def train(self, trial: int, configuration: Configuration) -> Training:
        """Tell what the training of a trial takes and comes to, the same whenever asked."""
        ...


@dataclass(frozen=True, slots=True)
class Duration:
    """How long trainings take.

    Attributes:
        mean: Mean, in seconds.
        spread: Standard deviation over the mean.
    """

    mean: float = 3600.0
    spread: float = 0.3


class Bowl:
    """An objective with one optimum, at a point drawn by seed, and noise.

    The score falls from 1 with the mean squared distance of the coordinates in the unit cube; it is turned upside down
    where less is better, and moved into the objective's bounds.
    """

    noise_sd = 0.01

    def __init__(self, study: Study, dice: Dice, duration: Duration) -> None:
        """Take the study's space and objective."""
        self._space = study.space
        self._maximize = study.objective.maximize
        self._bounds = study.objective.limits
        self._dice = dice
        self._duration = duration
        self._optimum = np.array(dice.point(len(study.space)))

    def train(self, trial: int, configuration: Configuration) -> Training:
        """Tell what the training of a trial takes and comes to."""
        distance = _distance(self._space.encode(configuration), self._optimum)
        score = 0.95 - distance + self.noise_sd * self._dice.noise(trial)
        seconds = self._dice.seconds(trial, self._duration.mean, self._duration.spread)
        return Training(seconds, self._within_bounds(score if self._maximize else 1.0 - score))

    def _within_bounds(self, score: float) -> float:
        low, high = self._bounds
        if low is not None and high is not None:
            return low + (high - low) * min(max(score, 0.0), 1.0)
        if low is not None:
            return low + max(score, 0.0)
        return score if high is None else high - 1.0 + min(score, 1.0)


@dataclass(frozen=True, slots=True)
class Result:
    """A training that took place.

    Attributes:
        point: Its configuration in the unit cube, shape (d,).
        training: What it took and came to.
    """

    point: NDArray[np.float64]
    training: Training


class Recorded:
    """Trainings that took place: each configuration comes to what the nearest one came to."""

    def __init__(self, space: Space, results: Sequence[Result]) -> None:
        """Take the results, at least one."""
        self._space = space
        self._results = results
        self._points = np.stack([result.point for result in results])

    def train(self, trial: int, configuration: Configuration) -> Training:
        """Tell what the nearest training took and came to."""
        distances = ((self._points - self._space.encode(configuration)) ** 2).sum(axis=1)
        return self._results[int(distances.argmin())].training


def read_results(path: Path, space: Space) -> Recorded:
    """Read the trainings of an earlier campaign, as `bohpo export CAMPAIGN --format csv` writes them.

    Args:
        path: CSV with columns `value`, `seconds` and `params_<name>` for each parameter; rows without an outcome are
            passed over.
        space: The study's.

    Raises:
        NotFoundError: If the file cannot be read.
        UsageError: If columns are missing, or no row is of use.
    """
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NotFoundError(
            f"{path}: {error}; `bohpo export CAMPAIGN --format csv --output {path}` writes it"
        ) from error
    wanted = {"value", "seconds", *(f"params_{name}" for name in space.names)}
    if missing := sorted(wanted - set(rows[0] if rows else ())):
        raise UsageError(f"{path} has no column {', '.join(missing)}; export it from a campaign of the same space")
    results = [result for row in rows if (result := _read(row, space)) is not None]
    if not results:
        raise UsageError(f"{path} has no row with a value, seconds and a configuration of the study's space")
    return Recorded(space, results)


def _read(row: Mapping[str, str], space: Space) -> Result | None:
    """Read a row, or give None where it is no result of this space."""
    try:
        training = Training(float(row["seconds"]), float(row["value"]))
        cells = {name: cell for name in space.names if (cell := row[f"params_{name}"]) != ""}
        point = space.encode(space.check({name: _value(space, name, cell) for name, cell in cells.items()}))
    except (ValueError, TypeError, SpaceError):
        return None
    return Result(point, training) if math.isfinite(training.value) and 0 < training.seconds < math.inf else None


def _value(space: Space, name: str, cell: str) -> Scalar:
    """Read a parameter's value; a choice is known by how it is written."""
    parameter = space[name]
    if isinstance(parameter, CategoricalParameter):
        return {_written(choice): choice for choice in parameter.choices}.get(cell, cell)
    return int(cell) if isinstance(parameter, IntParameter) else float(cell)


def _written(choice: Scalar) -> str:
    return str(choice).lower() if isinstance(choice, bool) else str(choice)


def _distance(point: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(((point - other) ** 2).mean()) if len(point) else 0.0
