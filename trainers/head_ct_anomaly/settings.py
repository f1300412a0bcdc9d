"""The settings of one training of the autoencoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from trainers.cad.settings import TrainingSettings, Within


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(TrainingSettings):
    """What a training is told; those without a default are the search space, the others a study's fixed values.

    Attributes:
        levels: How often the encoder halves a patch.
        width: Feature maps of the finest level; each coarser one has twice as many, up to 8 times.
        latent: Numbers that each cell of the coarsest level is squeezed into.
        dropout: Probability that one of them is dropped.
        corruption_hu: Standard deviation of the noise that the encoder has to see through in training, HU.
        window_hu: Width of the window around `CENTRE_HU` that voxels are clipped to, HU.
        maps: Most cases that `evaluate` writes anomaly maps of.
    """

    subject: ClassVar[str] = "head CT anomaly"

    levels: Annotated[int, Within(1, 5)]
    width: Annotated[int, Within(1, 512)]
    latent: Annotated[int, Within(1, 4096)]
    dropout: Annotated[float, Within(0.0, 0.95)]
    corruption_hu: Annotated[float, Within(0.0, 500.0)]
    window_hu: Annotated[float, Within(10.0, 2000.0)]
    maps: Annotated[int, Within(0, 1_000_000)] = 12

    def mistakes(self) -> Iterator[str]:
        """Say whether the patch cannot be halved so often."""
        cells = 2**self.levels
        if not patches_fit_network({"patch_edge": self.patch_edge, "levels": self.levels}):
            nearest = max(cells, round(self.patch_edge / cells) * cells)
            problem = f"{self.patch_edge} cannot be halved {self.levels} times"
            yield f"patch_edge: {problem}; write {nearest}, or fewer levels"
        if self.batch < 2 and self.patch_edge == cells:
            yield "batch: one patch of one cell cannot be normalised; write 2, or fewer levels"


def patches_fit_network(values: Mapping[str, Any]) -> bool:
    """Tell whether a patch can be halved as often as the network does.

    Args:
        values: `patch_edge` and `levels` as in a configuration; other keys are passed over.
    """
    return bool(values["patch_edge"] % 2 ** values["levels"] == 0)
