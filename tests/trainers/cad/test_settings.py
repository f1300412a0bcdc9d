"""Annotations say what fits; what does not is named with what to write instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import pytest

from bohpo.errors import UsageError
from bohpo.trainer import Configuration
from trainers.cad.settings import TrainingSettings, Within

CONFIGURATION: Configuration = {
    "learning_rate": 0.1,
    "weight_decay": 0,
    "batch": 4,
    "patch_edge": 16,
    "augmentation": 0,
    "levels": 3,
    "norm": "batch",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(TrainingSettings):
    """Settings with one of each kind."""

    subject: ClassVar[str] = "specimen"

    levels: Annotated[int, Within(2, 5)]
    norm: Literal["batch", "group"]
    growth: Annotated[int | None, Within(0, 64, multiple=8)] = None
    is_residual: bool = False

    def mistakes(self) -> Iterator[str]:
        """Refuse patches that cannot be halved so often."""
        if self.patch_edge % 2 ** (self.levels - 1):
            yield f"levels: {self.levels} do not halve {self.patch_edge}; write fewer"


def _mistakes(**changes: object) -> list[str]:
    with pytest.raises(UsageError) as caught:
        Settings.from_configuration({**CONFIGURATION, **changes})  # type: ignore[dict-item]
    return str(caught.value).splitlines()


def test_what_fits_is_taken() -> None:
    settings = Settings.from_configuration({**CONFIGURATION, "growth": 16.0, "is_residual": True})
    assert (settings.growth, settings.is_residual, settings.norm, settings.weight_decay) == (16, True, "batch", 0.0)
    assert Settings.from_configuration(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"levels": 6}, "levels: 6 does not fit; write a whole number from 2 to 5"),
        ({"levels": 2.5}, "levels: 2.5 does not fit; write a whole number from 2 to 5"),
        ({"growth": 12}, "growth: 12 is not divisible by 8; write 16"),
        ({"norm": "instance"}, "norm: no norm is called 'instance'; use one of batch, group"),
        ({"norm": 3}, "norm: 3 is no text; write a string such as 'batch'"),
        ({"is_residual": 1}, "is_residual: 1 does not fit; write true or false"),
        ({"level": 3}, "level: the specimen trainer knows no such setting; did you mean levels?"),
        ({"levels": 4, "patch_edge": 12}, "levels: 4 do not halve 12; write fewer"),
        (
            {"precision": "half"},
            "precision: no precision is called 'half'; use one of auto, float32, bfloat16, float16",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_its_remedy(changes: dict[str, object], mistake: str) -> None:
    assert _mistakes(**changes) == [mistake]


def test_what_is_missing_is_named_with_what_to_write() -> None:
    with pytest.raises(UsageError) as caught:
        Settings.from_configuration({key: CONFIGURATION[key] for key in ("learning_rate", "weight_decay", "batch")})
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["patch_edge", "augmentation", "levels", "norm"]
    assert lines[2] == "levels: missing; add it to [space], or to [fixed] with a value from 2 to 5"
    assert lines[3].endswith("[fixed] with one of batch, group")


def test_settings_at_their_least_hold_what_is_given() -> None:
    settings = Settings.least(data="folder", spacing_mm=0.7)
    assert (settings.data, settings.spacing_mm, settings.levels, settings.norm) == ("folder", 0.7, 2, "batch")
