"""The settings of one training of a metastasis detector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal

from trainers.cad.settings import TrainingSettings, Within
from trainers.metastasis.structure import Activation, Normalisation, Structure

MOMENTUM = 0.9
"""Nesterov momentum of `sgd`, and first beta of `adamw`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(TrainingSettings):
    """What a training is told; the first 17 keys of the README are the search space, the others fixed values.

    Attributes:
        optimizer: `adamw`, or `sgd` with Nesterov momentum.
        positive_ratio: Share of the patches that are drawn around a metastasis.
        positive_weight: Weight of metastasis voxels in the cross-entropy; others weigh 1.
        dropout: Probability that a feature map is dropped.
        levels: Resolution levels of the network; the patch is divisible by 2^(levels - 1).
        base_width: Feature maps of its first level.
        convolutions: Convolutions per block.
        kernel: Edge of their kernels.
        width_growth: Feature maps of a level over those of the level above it.
        normalisation: `batch`, `instance` or `group`.
        activation: `relu`, `leaky_relu` or `elu`.
        residual: Whether a block's input is added to its output.
        limit: False positives per case up to which the FROC curve is integrated.
        teraoperations: Most multiply-adds, in 10^12, of all forward passes of a training as `Structure` estimates
            them; ends it where the steps do not.
        memory_gib: Most memory that a training step may take as `Structure` estimates it; what needs more is refused.
    """

    subject: ClassVar[str] = "metastasis"

    optimizer: Literal["adamw", "sgd"]
    positive_ratio: Annotated[float, Within(0.0, 1.0)]
    positive_weight: Annotated[float, Within(1e-6, 1e6)]
    dropout: Annotated[float, Within(0.0, 0.95)]
    levels: Annotated[int, Within(2, 8)]
    base_width: Annotated[int, Within(1, 512)]
    convolutions: Annotated[int, Within(1, 16)]
    kernel: Annotated[int, Within(3, 11)]
    width_growth: Annotated[float, Within(0.5, 4.0)]
    normalisation: Normalisation
    activation: Activation
    residual: bool
    iterations: Annotated[int, Within(1, 10_000_000)] = 800
    megavoxels: Annotated[float, Within(1e-3, 1e9)] = 1e9
    limit: Annotated[float, Within(1e-3, 1e3)] = 10.0
    teraoperations: Annotated[float, Within(1e-6, 1e12)] = 0.5
    memory_gib: Annotated[float, Within(1e-3, 1e5)] = 2.0

    @property
    def structure(self) -> Structure:
        """What the search has chosen of the network's structure."""
        return Structure.of({field.name: getattr(self, field.name) for field in fields(Structure)})

    @property
    def steps(self) -> int:
        """Steps of the training: `iterations`, or fewer where the voxels or the operations would exceed their limit."""
        by_voxels = self.megavoxels * 1e6 / self.voxels_per_step
        by_operations = self.teraoperations * 1e12 / (self.structure.operations * self.voxels_per_step)
        return max(1, int(min(self.iterations, by_voxels, by_operations)))

    def mistakes(self) -> Iterator[str]:
        """Say why the network cannot be trained on these patches."""
        yield from refusals({field.name: getattr(self, field.name) for field in fields(self)})


def refusals(values: Mapping[str, Any]) -> Iterator[str]:
    """Say why a network cannot be trained on patches and batches of these sizes, one line each.

    Args:
        values: The structure, `patch_edge` and `batch` as in a configuration, and whatever else is known.
    """
    structure, edge = Structure.of(values), int(values["patch_edge"])
    at_a_time = -(-int(values["batch"]) // int(values.get("accumulate", 1)))
    found = list(structure.problems(edge, at_a_time))
    yield from found
    limit = float(values.get("memory_gib", _default("memory_gib")))
    needed = structure.training_bytes(edge, at_a_time, is_recomputed=bool(values.get("checkpointing"))) / 2**30
    if not found and needed > limit:
        remedy = f"raise memory_gib above {limit:g}, accumulate, or write a smaller batch, patch_edge or base_width"
        yield f"memory_gib: a step of this network needs about {needed:.1f} GiB; {remedy}"


def _default(name: str) -> Any:
    return next(field.default for field in fields(Settings) if field.name == name)
