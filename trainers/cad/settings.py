"""What a training is told, and how it is checked once at the door.

An application's settings are a frozen dataclass derived from `TrainingSettings`. Its annotations say what fits:

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Settings(TrainingSettings):
        subject: ClassVar[str] = "aneurysm"
        dropout: Annotated[float, Within(0.0, 0.95)]
        network: Literal["unet3d", "nine_projection"] = "unet3d"

`Settings.from_configuration` names every key that is unknown, missing or out of range, with what to write instead.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from dataclasses import MISSING, Field, asdict, dataclass, fields
from types import NoneType
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, get_args, get_origin, get_type_hints

from bohpo.errors import UsageError
from bohpo.trainer import Configuration


class Within(NamedTuple):
    """What a number has to be.

    Attributes:
        low: Least value.
        high: Greatest value.
        multiple: What a whole number is divisible by.
    """

    low: float
    high: float
    multiple: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """What every application's training is told; each adds its own.

    Attributes:
        learning_rate: Peak learning rate.
        weight_decay: Weight decay.
        batch: Patches per step.
        patch_edge: Edge of a cubic patch, voxels.
        augmentation: Strength of rotation, scaling, flips, contrast and noise; 0 is none.
        elastic: Strength of smooth deformations; 0 is none, 1 moves voxels by at most a tenth of the edge.
        data: `phantom:PRESET`, with `?seed=1` at will, or a folder of cases.
        iterations: Most steps of a training.
        megavoxels: Most voxels, in millions, that a training sees in its patches; ends it where the steps do not.
        spacing_mm: Spacing that real cases are resampled to; phantoms come at their own.
        training_cases: Number of training cases; by default the preset's, or all of a folder's.
        validation_cases: Number of validation cases; likewise.
        test_cases: Number of test cases; likewise.
        precision: What a GPU computes in: bfloat16 where it can (auto), or as given; a CPU computes in float32.
        accumulate: Parts that a step's batch goes through the network in; more of them need less memory.
        checkpointing: Whether activations are computed again in the backward pass, which saves memory and costs time.
        scaling: What several processes do with a step: share its batch (shared), or take as many steps at once as they
            are, at a higher learning rate (linear); see `trainers.cad.parallel`.
        compile: Whether torch compiles the network; pays for long trainings only.
    """

    subject: ClassVar[str] = "CAD"

    learning_rate: Annotated[float, Within(1e-12, 10.0)]
    weight_decay: Annotated[float, Within(0.0, 1.0)]
    batch: Annotated[int, Within(1, 4096)]
    patch_edge: Annotated[int, Within(8, 256)]
    augmentation: Annotated[float, Within(0.0, 2.0)]
    elastic: Annotated[float, Within(0.0, 1.5)] = 0.0
    data: str = "phantom:tiny"
    iterations: Annotated[int, Within(1, 10_000_000)] = 600
    megavoxels: Annotated[float, Within(1e-3, 1e9)] = 30.0
    spacing_mm: Annotated[float | None, Within(0.05, 10.0)] = None
    training_cases: Annotated[int | None, Within(1, 1_000_000)] = None
    validation_cases: Annotated[int | None, Within(2, 1_000_000)] = None
    test_cases: Annotated[int | None, Within(2, 1_000_000)] = None
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    accumulate: Annotated[int, Within(1, 4096)] = 1
    checkpointing: bool = False
    scaling: Literal["shared", "linear"] = "shared"
    compile: bool = False

    @classmethod
    def from_configuration(cls, configuration: Configuration) -> Self:
        """Take the settings from what the optimizer and the study say.

        Raises:
            UsageError: If a key is missing or unknown, or a value does not fit; all mistakes are reported at once.
        """
        expected = _expected(cls)
        found = [_unknown(key, cls) for key in configuration if key not in expected]
        values: dict[str, Any] = {
            key: each.read(configuration[key]) for key, each in expected.items() if key in configuration
        }
        for key, each in expected.items():
            found += each.mistakes(values[key]) if key in values else each.absence()
        settings = None if found else cls(**values)
        if settings is not None:
            found += settings.mistakes()
        if settings is None or found:
            raise UsageError("\n".join(found))
        return settings

    @classmethod
    def least(cls, **given: object) -> Self:
        """Give settings that are at their least where nothing is given: for what does not depend on the others."""
        required = [each for each in _expected(cls).values() if each.absence()]
        return cls(**{**{each.key: each.least() for each in required}, **given})

    def mistakes(self) -> Iterator[str]:
        """Say what does not fit together, one line `key: problem; remedy` each; each value by itself fits."""
        yield from ()

    @property
    def voxels_per_step(self) -> int:
        """Voxels in the patches of a step."""
        return self.batch * self.patch_edge**3

    @property
    def steps(self) -> int:
        """Steps of the training: `iterations`, or fewer where their patches would exceed `megavoxels`."""
        return max(1, min(self.iterations, int(self.megavoxels * 1e6 / self.voxels_per_step)))

    def to_json(self) -> dict[str, Any]:
        """Give the settings as a dictionary that JSON can hold and `from_configuration` takes."""
        return asdict(self)


class _Expected(NamedTuple):
    """What a setting's annotation says.

    Attributes:
        key: Its name.
        kind: int, float, bool or str.
        bounds: What a number lies within.
        choices: What a text is one of; empty for any.
        field: Its dataclass field.
        may_be_none: Whether it may be left open.
    """

    key: str
    kind: type
    bounds: Within
    choices: tuple[str, ...]
    field: Field[Any]
    may_be_none: bool

    def read(self, value: object) -> object:
        """Let 8.0 stand for 8 and 3 for 3.0, as JSON and TOML writers do."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        if self.kind is int:
            return int(value) if math.isfinite(value) and value == int(value) else value
        return float(value) if self.kind is float else value

    def least(self) -> Any:
        """Give the least value, or the first choice."""
        low, _, multiple = self.bounds
        return (
            self.choices[0] if self.choices else self.kind(-(-low // multiple) * multiple if self.kind is int else low)
        )

    def absence(self) -> list[str]:
        """Say what to do where the setting is absent."""
        if self.field.default is not MISSING:
            return []
        allowed = self._choices_in_words() or f"a value from {self.bounds.low:g} to {self.bounds.high:g}"
        return [f"{self.key}: missing; add it to [space], or to [fixed] with {allowed}"]

    def mistakes(self, value: object) -> Iterator[str]:
        """Say what is wrong with a value."""
        if value is None and self.may_be_none:
            return
        if self.kind in (int, float):
            yield from self._mistakes_of_number(value)
        elif self.kind is bool:
            if not isinstance(value, bool):
                yield f"{self.key}: {value!r} does not fit; write true or false"
        elif not isinstance(value, str) or not value:
            example = self.field.default if self.field.default is not MISSING else self.choices[0]
            yield f"{self.key}: {value!r} is no text; write a string such as {example!r}"
        elif self.choices and value not in self.choices:
            yield f"{self.key}: no {self.key} is called {value!r}; use {self._choices_in_words()}"

    def _mistakes_of_number(self, value: Any) -> Iterator[str]:
        low, high, multiple = self.bounds
        kind = "whole number" if self.kind is int else "number"
        fits = isinstance(value, self.kind) and not isinstance(value, bool)
        if not fits or not low <= value <= high:
            yield f"{self.key}: {value!r} does not fit; write a {kind} from {low:g} to {high:g}"
        elif self.kind is int and value % multiple:
            nearest = max(multiple, round(value / multiple) * multiple)
            yield f"{self.key}: {value} is not divisible by {multiple}; write {nearest}"

    def _choices_in_words(self) -> str:
        return f"one of {', '.join(self.choices)}" if self.choices else ""


def _expected(settings: type[TrainingSettings]) -> dict[str, _Expected]:
    hints = get_type_hints(settings, include_extras=True)
    return {field.name: _expectation(field, hints[field.name]) for field in fields(settings)}


def _expectation(field: Field[Any], hint: Any) -> _Expected:
    bounds, choices = Within(-math.inf, math.inf), tuple[str, ...]()
    if get_origin(hint) is Annotated:
        hint, bounds = get_args(hint)
    options = get_args(hint) or (hint,)
    if get_origin(hint) is Literal:
        choices, options = options, (str,)
    [kind] = (option for option in options if option is not NoneType)
    return _Expected(field.name, kind, bounds, choices, field, NoneType in options)


def _unknown(key: str, settings: type[TrainingSettings]) -> str:
    known = _expected(settings)
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"use one of {', '.join(known)}"
    return f"{key}: the {settings.subject} trainer knows no such setting; {hint}"
