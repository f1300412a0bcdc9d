"""The tables of a study file. What one key may hold is checked here, what keys have to do with each other is not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat
from pydantic_core import PydanticCustomError, PydanticKnownError

from bohpo.clean_text import is_clean
from bohpo.errors import Mistake
from bohpo.space import CategoricalParameter, FloatParameter, IntParameter
from bohpo.space.checks import choices_mistakes, float_mistakes, int_mistakes


def _clean(value: object) -> object:
    if isinstance(value, str) and not is_clean(value):
        raise PydanticCustomError("unclean", "text that cannot be stored")
    return value


def _scalar(value: object) -> object:
    _clean(value)
    if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise PydanticCustomError("scalar", "not text, a finite number, true or false")


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


def _not_blank(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        raise PydanticCustomError("blank", "blank")
    return _clean(value)


def _jobs(value: object) -> object:
    if value == AUTO:
        return value
    if isinstance(value, str):
        raise PydanticCustomError("jobs", "no number of jobs")
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticKnownError("int_type")
    if value < 1:
        raise PydanticKnownError("greater_than_equal", {"ge": 1})
    return value


AUTO = "auto"
"""As many jobs as fit the host."""

TomlScalar: TypeAlias = Annotated[str | int | float | bool, BeforeValidator(_scalar)]
"""A value that both TOML and JSON can hold."""

Values: TypeAlias = Annotated[tuple[TomlScalar, ...], Field(strict=False)]
WhenTable: TypeAlias = dict[str, Annotated[Values, BeforeValidator(_listed)]]
CommandLine: TypeAlias = Annotated[
    tuple[Annotated[str, BeforeValidator(_not_blank)], ...], Field(strict=False, min_length=1)
]
Entry: TypeAlias = Annotated[str, Field(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*$")]
"""`module:function`."""


class Table(BaseModel):
    """A table whose keys are all known, each of just the type that is written."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Objective(Table):
    """What is optimized.

    Attributes:
        metric: Key of the trainer's outcome.
        direction: Whether more of it is better.
        bounds: Least and greatest value that a sane outcome has; infinite for open.
    """

    metric: Annotated[str, BeforeValidator(_clean)] = Field(default="value", min_length=1)
    direction: Literal["maximize", "minimize"]
    bounds: Annotated[tuple[float, float] | None, Field(strict=False)] = None

    @property
    def maximize(self) -> bool:
        """Whether more is better."""
        return self.direction == "maximize"

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """The bounds, None for open."""
        low, high = self.bounds or (-math.inf, math.inf)
        return (low if math.isfinite(low) else None, high if math.isfinite(high) else None)


class Budget(Table):
    """When a campaign, and when an attempt, has had enough.

    Attributes:
        trials: Trials to run; 50 where neither this nor `hours` is given.
        hours: Hours after which nothing new is started.
        attempt_seconds: Seconds after which an attempt is killed.
        silence_seconds: Seconds without a report after which an attempt is killed, or None.
        keep_models: Models of the best trials to keep.
        max_failures: Trials in a row that fail alike after which the driver stops; 0 for never. None for 5 or more,
            and for more where the configurations may be the cause, see `bohpo.campaign.brake`.
    """

    trials: int | None = Field(default=None, ge=1)
    hours: FiniteFloat | None = Field(default=None, gt=0)
    attempt_seconds: FiniteFloat = Field(default=86_400.0, gt=0)
    silence_seconds: FiniteFloat | None = Field(default=None, gt=0)
    keep_models: int = Field(default=3, ge=0)
    max_failures: int | None = Field(default=None, ge=0)

    @property
    def most_trials(self) -> int | None:
        """Trials to run, or None where only the hours count."""
        return 50 if self.trials is None and self.hours is None else self.trials


class Parallel(Table):
    """How much runs at a time.

    Attributes:
        jobs: Jobs; 1 is ordinary Bayesian optimization, "auto" as many as fit this host. `Study.jobs` is the number.
        threads: CPU threads of each job, or None to part the machine's cores among them.
    """

    jobs: Annotated[int | Literal["auto"], BeforeValidator(_jobs)] = 1
    threads: int | None = Field(default=None, ge=1)


class Training(Table):
    """What every training is told beside its configuration.

    Attributes:
        seed: Seed of each training, or None for one that differs from trial to trial.
        processes: Processes that each training is run as on its node, one per GPU, as torchrun does; for trainers that
            train data-parallel, as those in `trainers` do.
    """

    seed: int | None = Field(default=None, ge=0, lt=2**32)
    processes: int = Field(default=1, ge=1, le=1024)


class OptimizerTable(Table):
    """How configurations are proposed.

    Attributes:
        method: A Gaussian process, or random search.
        startup_completed: Trials that have to complete before the process is asked.
        seed: Seed of the proposals and of the trainings.
    """

    method: Literal["gp", "random"] = "gp"
    startup_completed: int = Field(default=3, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**32)


class FloatTable(Table):
    """A float parameter."""

    type: Literal["float"]
    low: float
    high: float
    log: bool = False
    step: float | None = None
    when: WhenTable = {}

    def mistakes(self, name: str) -> list[Mistake]:
        """List what is wrong with the values together."""
        return float_mistakes(name, self.low, self.high, log=self.log, step=self.step)

    def parameter(self, name: str) -> FloatParameter:
        """Give the parameter that the table describes."""
        return FloatParameter(name, self.low, self.high, self.log, self.step, self.when)


class IntTable(Table):
    """An int parameter."""

    type: Literal["int"]
    low: int
    high: int
    log: bool = False
    step: int = 1
    when: WhenTable = {}

    def mistakes(self, name: str) -> list[Mistake]:
        """List what is wrong with the values together."""
        return int_mistakes(name, self.low, self.high, log=self.log, step=self.step)

    def parameter(self, name: str) -> IntParameter:
        """Give the parameter that the table describes."""
        return IntParameter(name, self.low, self.high, self.log, self.step, self.when)


class CategoricalTable(Table):
    """A categorical parameter."""

    type: Literal["categorical"]
    choices: Values
    when: WhenTable = {}

    def mistakes(self, name: str) -> list[Mistake]:
        """List what is wrong with the values together."""
        return choices_mistakes(name, self.choices)

    def parameter(self, name: str) -> CategoricalParameter:
        """Give the parameter that the table describes."""
        return CategoricalParameter(name, self.choices, self.when)


class ConstantTable(Table):
    """A parameter with a single value; worth having where it is conditional."""

    type: Literal["constant"]
    value: TomlScalar
    when: WhenTable = {}

    def mistakes(self, _name: str) -> list[Mistake]:
        """List nothing: any value goes."""
        return []

    def parameter(self, name: str) -> CategoricalParameter:
        """Give the parameter that the table describes."""
        return CategoricalParameter(name, (self.value,), self.when)


ParameterTable: TypeAlias = Annotated[
    FloatTable | IntTable | CategoricalTable | ConstantTable, Field(discriminator="type")
]

TABLE_OF_TYPE: Mapping[str, type[Table]] = {
    "float": FloatTable,
    "int": IntTable,
    "categorical": CategoricalTable,
    "constant": ConstantTable,
}
