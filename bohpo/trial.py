"""Frozen values that every layer shares: configurations, outcomes, trials and attempts.

A trial is one configuration and its outcome; an attempt is one try at running it. Nothing in here opens a file,
a socket or a database; `to_json` and `from_json` give and take plain dictionaries.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from bohpo.clean_text import clean_text
from bohpo.errors import AttemptError

Scalar: TypeAlias = str | int | float | bool | None
"""A parameter's value, or a constant's."""

Configuration: TypeAlias = Mapping[str, Scalar]
"""Parameter name -> value, active parameters only."""


class TrialState(StrEnum):
    """Where a trial stands."""

    PENDING = "pending"
    COMPLETE = "complete"
    FAILED = "failed"


class AttemptState(StrEnum):
    """Where an attempt stands, or how it ended.

    The first group is alive; the second is the trainer's own doing; the third may be either's; the fourth is the
    infrastructure's or the user's, and never counts against the configuration.
    """

    SUBMITTED = "submitted"
    RUNNING = "running"

    COMPLETED = "completed"
    RAISED = "raised"
    INVALID_OUTCOME = "invalid-outcome"
    OUT_OF_MEMORY = "out-of-memory"
    TIMED_OUT = "timed-out"
    SILENT = "silent"

    KILLED = "killed"

    PREEMPTED = "preempted"
    LOST = "lost"

    @property
    def is_alive(self) -> bool:
        """Whether the attempt may still write its outcome."""
        return self in (AttemptState.SUBMITTED, AttemptState.RUNNING)


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve that a trainer measured, with an optional confidence band.

    Attributes:
        x: Abscissae, ascending.
        y: Ordinates, as many as `x`.
        lower: Lower edge of the band, as many as `x`, or empty.
        upper: Upper edge of the band, as many as `x`, or empty.
        x_label: What `x` is, with its unit.
        y_label: What `y` is, with its unit.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()
    x_label: str = ""
    y_label: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give the curve as a dictionary that JSON can hold."""
        return {
            "x": list(self.x),
            "y": list(self.y),
            "lower": list(self.lower),
            "upper": list(self.upper),
            "x_label": self.x_label,
            "y_label": self.y_label,
        }

    @classmethod
    def from_json(cls, name: str, data: object) -> Curve:
        """Take a curve from a dictionary.

        Raises:
            AttemptError: If it is not an object of equally long lists of finite numbers.
        """
        if not isinstance(data, Mapping):
            raise AttemptError(f"curves.{name} is not an object; write {{'x': [...], 'y': [...]}}")
        columns = {key: _numbers(f"curves.{name}.{key}", data.get(key, [])) for key in ("x", "y", "lower", "upper")}
        for key, column in columns.items():
            if len(column) != len(columns["x"]) and (key == "y" or column):
                raise AttemptError(f"curves.{name}.{key} has {len(column)} values, x has {len(columns['x'])}")
        x_label, y_label = (clean_text(str(data.get(label, ""))) for label in ("x_label", "y_label"))
        return cls(**columns, x_label=x_label, y_label=y_label)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to.

    Attributes:
        value: The score; the objective's metric where `metrics` does not hold it by name.
        variance: Variance of the score as an estimate, or None where it was not measured.
        metrics: Further figures by name; seconds are named `*_seconds`.
        curves: Curves by name, such as `froc`.
    """

    value: float
    variance: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse figures that are not finite, whoever made them."""
        _finite("value", self.value)
        if self.variance is not None and _finite("variance", self.variance) < 0:
            raise AttemptError(f"variance is {self.variance}; give a variance >= 0 or none")
        for name, figure in self.metrics.items():
            _finite(f"metrics.{name}", figure)

    def objective(self, metric: str) -> float:
        """Give the figure that a study optimizes.

        Args:
            metric: Name of a metric. An outcome without metrics has its `value` stand for any name.

        Raises:
            AttemptError: If the outcome has metrics, but not this one.
        """
        if metric in self.metrics:
            return self.metrics[metric]
        if metric == "value" or not self.metrics:
            return self.value
        known = ", ".join(sorted(self.metrics))
        raise AttemptError(f"the outcome has no metric {metric!r}, only {known}; set objective.metric to one of these")

    def to_json(self) -> dict[str, Any]:
        """Give the outcome as a dictionary that JSON can hold."""
        return {
            "value": self.value,
            "variance": self.variance,
            "metrics": dict(self.metrics),
            "curves": {name: curve.to_json() for name, curve in self.curves.items()},
        }

    @classmethod
    def from_json(cls, data: object) -> Outcome:
        """Take an outcome from what a trainer wrote, trusting nothing.

        Raises:
            AttemptError: If it is not an object with a finite `value`, or any other part is malformed.
        """
        if not isinstance(data, Mapping) or "value" not in data:
            raise AttemptError("the outcome is not an object with a 'value'; write {\"value\": 0.41} at least")
        metrics, curves = data.get("metrics") or {}, data.get("curves") or {}
        if not isinstance(metrics, Mapping) or not isinstance(curves, Mapping):
            raise AttemptError("the outcome's 'metrics' and 'curves' must be objects keyed by name")
        variance = data.get("variance")
        return cls(
            value=_finite("value", data["value"]),
            variance=None if variance is None else _finite("variance", variance),
            metrics={name: _finite(f"metrics.{name}", figure) for name, figure in _cleanly_named("metrics", metrics)},
            curves={name: Curve.from_json(name, curve) for name, curve in _cleanly_named("curves", curves)},
        )


@dataclass(frozen=True, slots=True)
class Proposal:
    """A configuration that the optimizer proposes, and why.

    Attributes:
        configuration: Active parameters only.
        source: `startup`, `model`, `fallback` or `user`.
        predicted_mean: Posterior mean of the objective, in the objective's own unit and direction, if a model spoke.
        predicted_sd: Posterior standard deviation of the same.
        acquisition: Value of the acquisition function, if a model spoke.
        seconds: What the proposal cost.
        view: Name of the model's view that proposed, if a model spoke; see `bohpo.optimizer.recipe`.
    """

    configuration: Configuration
    source: str
    predicted_mean: float | None = None
    predicted_sd: float | None = None
    acquisition: float | None = None
    seconds: float = 0.0
    view: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """A completed trial as the optimizer sees it.

    Attributes:
        configuration: Active parameters only.
        value: Objective, in its own direction.
        variance: Variance of `value` as an estimate, or None where it was not measured.
        seconds: What the training took, or None.
    """

    configuration: Configuration
    value: float
    variance: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at running a trial.

    Attributes:
        trial: Number of the trial.
        number: 1 for the first attempt, and so on.
        state: Alive, or how it ended.
        reason: Why it ended, in one line; empty while alive.
        job: What the queue calls the job.
        worker: Slot of the campaign that ran it, 0 to N - 1.
        submitted: When it was handed to the queue, seconds since the epoch.
        started: When it began to run, or None.
        ended: When it ended, or None.
    """

    trial: int
    number: int
    state: AttemptState
    reason: str = ""
    job: str = ""
    worker: int = 0
    submitted: float = 0.0
    started: float | None = None
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration and what came of it.

    Attributes:
        number: 0, 1, ... in the order of proposal.
        uid: Identity of the proposal; the same proposal never makes two trials.
        configuration: Active parameters only.
        state: Pending, complete or failed.
        value: Objective of a completed trial, else None.
        variance: Variance of `value` as an estimate, or None.
        metrics: Further figures of a completed trial.
        reason: Why a failed trial failed, in one line.
        proposal: Why it was proposed.
        attempts: The tries at running it, in order.
        created: When it was proposed, seconds since the epoch.
        ended: When its outcome was recorded, or None.
    """

    number: int
    uid: str
    configuration: Configuration
    state: TrialState
    proposal: Proposal
    value: float | None = None
    variance: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    attempts: tuple[Attempt, ...] = ()
    created: float = 0.0
    ended: float | None = None


def best_trials(trials: Iterable[Trial], *, maximize: bool) -> list[Trial]:
    """Order the completed trials, best first; ties go to the earlier trial."""
    scored = [
        (trial.value, trial) for trial in trials if trial.state is TrialState.COMPLETE and trial.value is not None
    ]
    sign = -1.0 if maximize else 1.0
    return [trial for _, trial in sorted(scored, key=lambda pair: (sign * pair[0], pair[1].number))]


def _cleanly_named(table: str, figures: Mapping[Any, object]) -> list[tuple[str, object]]:
    """Name figures by text that databases and pages can hold.

    Raises:
        AttemptError: If two of them have one name then.
    """
    named = [(clean_text(str(name)), figure) for name, figure in figures.items()]
    if len(dict(named)) < len(named):
        raise AttemptError(f"{table} has two names that are the same without what is not UTF-8; rename one")
    return named


def _finite(key: str, figure: object) -> float:
    if isinstance(figure, bool) or not isinstance(figure, int | float):
        raise AttemptError(f"{key} is {figure!r}, not a number; write a finite number")
    if not abs(figure) <= sys.float_info.max:
        raise AttemptError(f"{key} is {figure}; a diverged training must fail instead of reporting it")
    return float(figure)


def _numbers(key: str, column: object) -> tuple[float, ...]:
    if not isinstance(column, list | tuple):
        raise AttemptError(f"{key} is not a list of numbers")
    return tuple(_finite(f"{key}[{index}]", figure) for index, figure in enumerate(column))
