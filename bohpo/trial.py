"""Frozen values that every layer shares: configurations, outcomes, trials and attempts.

A trial is one configuration and its outcome; an attempt is one try at running it. Nothing in here opens a file,
a socket or a database; `to_json` and `from_json` give and take plain dictionaries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from bohpo.clean_text import clean_text
from bohpo.errors import AttemptError
from bohpo.finite import to_column, to_finite

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

    def __post_init__(self) -> None:
        """Convert the columns, which may be lists, arrays or tensors.

        Raises:
            AttemptError: If they are not equally long columns of finite numbers.
        """
        for key in ("x", "y", "lower", "upper"):
            column = to_column(key, getattr(self, key))
            object.__setattr__(self, key, column)
            if len(column) != len(self.x) and (key == "y" or column):
                raise AttemptError(f"{key} has {len(column)} values, x has {len(self.x)}")

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
        columns = {key: data.get(key, ()) for key in ("x", "y", "lower", "upper")}
        x_label, y_label = (clean_text(str(data.get(label, ""))) for label in ("x_label", "y_label"))
        try:
            return cls(**columns, x_label=x_label, y_label=y_label)
        except AttemptError as error:
            raise AttemptError(f"curves.{name}.{error}") from error


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to.

    Numbers may be of any kind (Python's, numpy's, torch's, an array of one element); they are kept as Python floats.

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
        """Convert all figures to Python floats.

        Raises:
            AttemptError: If one is no finite number, the variance is negative, or a part is malformed.
        """
        if not isinstance(self.metrics, Mapping) or not isinstance(self.curves, Mapping):
            raise AttemptError("the outcome's 'metrics' and 'curves' must be objects keyed by name")
        object.__setattr__(self, "value", to_finite("value", self.value))
        if self.variance is not None:
            object.__setattr__(self, "variance", to_finite("variance", self.variance))
        if self.variance is not None and self.variance < 0:
            raise AttemptError(f"variance is {self.variance}; give a variance >= 0 or none")
        metrics = {
            name: to_finite(f"metrics.{name}", figure) for name, figure in _cleanly_named("metrics", self.metrics)
        }
        object.__setattr__(self, "metrics", metrics)
        curves = {name: _curve(name, curve) for name, curve in _cleanly_named("curves", self.curves)}
        object.__setattr__(self, "curves", curves)

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
        return cls(value=data["value"], variance=data.get("variance"), metrics=metrics, curves=curves)


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
        devices: GPUs that its job owned, by the ids that it saw; empty where none are known.
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
    devices: tuple[str, ...] = ()


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


def _curve(name: str, curve: object) -> Curve:
    return curve if isinstance(curve, Curve) else Curve.from_json(name, curve)


def _cleanly_named(table: str, figures: Mapping[Any, object]) -> list[tuple[str, object]]:
    """Name figures by text that databases and pages can hold.

    Raises:
        AttemptError: If two of them have one name then.
    """
    named = [(clean_text(str(name)), figure) for name, figure in figures.items()]
    if len(dict(named)) < len(named):
        raise AttemptError(f"{table} has two names that are the same without what is not UTF-8; rename one")
    return named
