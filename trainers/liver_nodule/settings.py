"""The settings of one training of a liver nodule detector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from trainers.cad.settings import TrainingSettings, Within

DEFAULT_LEVELS = 3
GREATEST_KERNEL = 5
"""There are five phases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(TrainingSettings):
    """What a training is told; twelve are the search space, the others a study's fixed values.

    Attributes:
        positive_ratio: Share of the patches that are drawn around a nodule.
        focal_gamma: Focus of the focal loss; 0 is the weighted cross-entropy.
        focal_alpha: Weight of nodule cells in it; others weigh 1 minus that.
        dropout: Probability that a feature map is dropped.
        beta1: Share of the gradients' running mean that AdamW keeps at each step.
        phase_kernel: Phases that a convolution sees at a time: 1, 3 or 5.
        phase_shift: Greatest shift of each phase against the last that patches are varied by, along each axis, voxels.
        width: Feature maps of the network's first level.
        levels: Resolutions of the network.
        limit: False positives per case up to which the FROC curve is integrated.
    """

    subject: ClassVar[str] = "liver nodule"

    positive_ratio: Annotated[float, Within(0.0, 1.0)]
    focal_gamma: Annotated[float, Within(0.0, 10.0)]
    focal_alpha: Annotated[float, Within(0.0, 1.0)]
    dropout: Annotated[float, Within(0.0, 0.95)]
    beta1: Annotated[float, Within(0.0, 0.9999)]
    phase_kernel: Annotated[int, Within(1, GREATEST_KERNEL)]
    phase_shift: Annotated[float, Within(0.0, 10.0)]
    width: Annotated[int, Within(1, 512)] = 8
    levels: Annotated[int, Within(1, 5)] = DEFAULT_LEVELS
    limit: Annotated[float, Within(1e-3, 1e3)] = 10.0

    def mistakes(self) -> Iterator[str]:
        """Say what does not fit together."""
        if self.phase_kernel % 2 == 0:
            yield f"phase_kernel: {self.phase_kernel} has no middle; write 1, 3 or 5"
        multiple = 2**self.levels
        if not patch_fits_network(self.to_json()):
            nearest = max(1, round(self.patch_edge / multiple)) * multiple
            yield (
                f"patch_edge: {self.patch_edge} is not divisible by {multiple}, which {self.levels} levels need; "
                f"write {nearest}, or fewer levels"
            )


def patch_fits_network(values: Mapping[str, Any]) -> bool:
    """Tell whether the network can halve patches of this edge as often as it has levels.

    Args:
        values: `patch_edge` and `levels` as in a configuration; other keys are passed over.
    """
    edge, levels = int(values["patch_edge"]), int(values.get("levels", DEFAULT_LEVELS))
    return edge % (1 << levels) == 0
