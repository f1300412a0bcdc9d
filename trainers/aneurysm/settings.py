"""The settings of one training, checked once at the door."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields
from typing import Any

from bohpo.errors import UsageError
from bohpo.trainer import Configuration

NETWORKS = ("unet3d", "nine_projection")

COARSENING = 8
"""Both networks halve a patch three times."""

_BOUNDS: dict[str, tuple[float, float]] = {
    "learning_rate": (1e-12, 10.0),
    "weight_decay": (0.0, 1.0),
    "batch": (1, 4096),
    "patch_edge": (8, 256),
    "positive_ratio": (0.0, 1.0),
    "positive_weight": (1e-6, 1e6),
    "dropout": (0.0, 0.95),
    "augmentation": (0.0, 2.0),
    "momentum": (0.0, 0.9999),
    "iterations": (1, 10_000_000),
    "megavoxels": (1e-3, 1e9),
    "width": (1, 512),
    "spacing_mm": (0.05, 10.0),
    "limit": (1e-3, 1e3),
    "training_cases": (1, 1_000_000),
    "validation_cases": (2, 1_000_000),
    "test_cases": (2, 1_000_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a training is told; the first nine are the search space, the others a study's fixed values.

    Attributes:
        learning_rate: Peak learning rate of the stochastic gradient descent.
        weight_decay: Weight decay of the same.
        batch: Patches per step.
        patch_edge: Edge of a cubic patch, voxels; divisible by 8.
        positive_ratio: Share of the patches that are drawn around an aneurysm.
        positive_weight: Weight of aneurysm voxels in the cross-entropy; others weigh 1.
        dropout: Probability that a feature map is dropped.
        augmentation: Strength of rotation, scaling, flips, contrast and noise; 0 is none.
        momentum: Nesterov momentum of the same.
        data: `phantom:tiny`, `phantom:small`, `phantom:full`, each with `?seed` at will, or a folder of cases.
        network: `unet3d` or `nine_projection`.
        iterations: Most steps of a training.
        megavoxels: Most voxels, in millions, that a training sees in its patches; ends it where the steps do not.
        width: Feature maps of the network's first level.
        spacing_mm: Spacing that real cases are resampled to; phantoms come at their own.
        limit: False positives per case up to which the FROC curve is integrated.
        training_cases: Number of training cases; by default the preset's, or all of a folder's.
        validation_cases: Number of validation cases; likewise.
        test_cases: Number of test cases; likewise.
    """

    learning_rate: float
    weight_decay: float
    batch: int
    patch_edge: int
    positive_ratio: float
    positive_weight: float
    dropout: float
    augmentation: float
    momentum: float
    data: str = "phantom:tiny"
    network: str = "unet3d"
    iterations: int = 600
    megavoxels: float = 30.0
    width: int = 8
    spacing_mm: float | None = None
    limit: float = 3.0
    training_cases: int | None = None
    validation_cases: int | None = None
    test_cases: int | None = None

    @classmethod
    def from_configuration(cls, configuration: Configuration) -> Settings:
        """Take the settings from what the optimizer and the study say.

        Raises:
            UsageError: If a key is missing or unknown, or a value does not fit; all mistakes are reported at once.
        """
        known = {field.name: field for field in fields(cls)}
        mistakes = [_unknown(key, known) for key in configuration if key not in known]
        values: dict[str, Any] = {
            key: _number(field, configuration[key]) for key, field in known.items() if key in configuration
        }
        for key, field in known.items():
            mistakes += _mistakes_of(field, values[key]) if key in values else _missing(field)
        if not mistakes and not patches_fit_network(values):
            mistakes.append("batch: one patch of 8 voxels is too little for unet3d; write 2, or a patch_edge of 16")
        if mistakes:
            raise UsageError("\n".join(mistakes))
        return cls(**values)

    @property
    def steps(self) -> int:
        """Steps of the training: `iterations`, or fewer where their patches would exceed `megavoxels`."""
        voxels_per_step = self.batch * self.patch_edge**3
        return max(1, min(self.iterations, int(self.megavoxels * 1e6 / voxels_per_step)))

    def to_json(self) -> dict[str, Any]:
        """Give the settings as a dictionary that JSON can hold and `from_configuration` takes."""
        return asdict(self)


def patches_fit_network(values: Mapping[str, Any]) -> bool:
    """Tell whether the network can be trained on patches and batches of these sizes.

    Args:
        values: `patch_edge`, `batch` and `network` as in a configuration; other keys are passed over.
    """
    edge, batch = values["patch_edge"], values["batch"]
    coarsest_cells = batch * (edge // COARSENING) ** 3
    has_spread = values.get("network", NETWORKS[0]) != "unet3d" or coarsest_cells > 1  # for its batch normalisation
    return bool(edge % COARSENING == 0 and has_spread)


def _unknown(key: str, known: dict[str, Field[Any]]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"use one of {', '.join(known)}"
    return f"{key}: the aneurysm trainer knows no such setting; {hint}"


def _missing(field: Field[Any]) -> list[str]:
    if field.default is not MISSING:
        return []
    low, high = _BOUNDS[field.name]
    return [f"{field.name}: missing; add it to [space], or to [fixed] with a value from {low:g} to {high:g}"]


def _number(field: Field[Any], value: object) -> object:
    """Let 8.0 stand for 8 and 3 for 3.0, as JSON and TOML writers do."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if "int" in str(field.type):
        return int(value) if math.isfinite(value) and value == int(value) else value
    return float(value)


def _mistakes_of(field: Field[Any], value: object) -> Iterator[str]:
    if value is None and field.default is None:
        return
    if field.name in _BOUNDS:
        yield from _mistakes_of_number(field, value)
    elif not isinstance(value, str) or not value:
        yield f"{field.name}: {value!r} is no text; write a string such as {field.default!r}"
    elif field.name == "network" and value not in NETWORKS:
        yield f"network: no network is called {value!r}; use one of {', '.join(NETWORKS)}"


def _mistakes_of_number(field: Field[Any], value: object) -> Iterator[str]:
    low, high = _BOUNDS[field.name]
    is_whole = "int" in str(field.type)
    kind = "whole number" if is_whole else "number"
    if isinstance(value, bool) or not isinstance(value, int if is_whole else float) or not low <= value <= high:
        yield f"{field.name}: {value!r} does not fit; write a {kind} from {low:g} to {high:g}"
    elif field.name == "patch_edge" and value % COARSENING:
        yield f"patch_edge: {value} is not divisible by 8, which the network's pooling needs; write 16, 24 or 32"
