"""The settings of one training of an aneurysm detector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, get_args

from trainers.cad.settings import TrainingSettings, Within

Network = Literal["unet3d", "nine_projection"]
NETWORKS: tuple[str, ...] = get_args(Network)

COARSENING = 8
"""Both networks halve a patch three times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(TrainingSettings):
    """What a training is told; nine are the search space, the others a study's fixed values.

    Attributes:
        patch_edge: Edge of a cubic patch, voxels; divisible by 8.
        positive_ratio: Share of the patches that are drawn around an aneurysm.
        positive_weight: Weight of aneurysm voxels in the cross-entropy; others weigh 1.
        dropout: Probability that a feature map is dropped.
        momentum: Nesterov momentum of the stochastic gradient descent.
        network: `unet3d` or `nine_projection`.
        width: Feature maps of the network's first level.
        limit: False positives per case up to which the FROC curve is integrated.
    """

    subject: ClassVar[str] = "aneurysm"

    patch_edge: Annotated[int, Within(8, 256, COARSENING)]
    positive_ratio: Annotated[float, Within(0.0, 1.0)]
    positive_weight: Annotated[float, Within(1e-6, 1e6)]
    dropout: Annotated[float, Within(0.0, 0.95)]
    momentum: Annotated[float, Within(0.0, 0.9999)]
    network: Network = "unet3d"
    width: Annotated[int, Within(1, 512)] = 8
    limit: Annotated[float, Within(1e-3, 1e3)] = 3.0

    def mistakes(self) -> Iterator[str]:
        """Say where a batch is too small for the network."""
        if not patches_fit_network(self.to_json()):
            yield "batch: one patch of 8 voxels is too little for unet3d; write 2, or a patch_edge of 16"


def patches_fit_network(values: Mapping[str, Any]) -> bool:
    """Tell whether the network can be trained on patches and batches of these sizes.

    Args:
        values: `patch_edge`, `batch` and `network` as in a configuration; other keys are passed over.
    """
    edge, batch = values["patch_edge"], values["batch"]
    coarsest_cells = batch * (edge // COARSENING) ** 3
    has_spread = values.get("network", NETWORKS[0]) != "unet3d" or coarsest_cells > 1  # for its batch normalisation
    return bool(edge % COARSENING == 0 and has_spread)
