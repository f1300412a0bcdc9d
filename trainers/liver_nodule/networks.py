"""The 4D-CNN: convolutions over three axes of space and the phases, factorised, in a U-Net.

A convolution with a 4D kernel of k x 3 x 3 x 3 would need 27 k weights per pair of feature maps; factorised into one
over space, which all phases share, and one over the phases, which all voxels share, it needs 27 + k, and PyTorch has
both parts.

| symbol     | meaning                                                            |
| ---------- | ------------------------------------------------------------------ |
| b, p, c    | patches of a batch, phases (5), feature maps                       |
| z, y, x    | cells of space: 2 x 2 x 2 voxels at the first level, the stem's    |
| (b p)      | the phases of all patches one after another, as the batch of a 3D layer |
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from trainers.liver_nodule.contrast import PHASES

STRIDE = 2
"""Voxels per cell of the heat map; nodules are larger than that, and a voxel costs an eighth."""


class FactorisedConvolution4d(nn.Module):
    """A convolution over space, the same for each phase, and then one over the phases, the same for each voxel.

    Both parts see the same memory: with the feature maps last, (b p, c, z, y, x) and (b, c, p, z y, x) are two views
    of it, so neither part copies for the other.
    """

    def __init__(self, inputs: int, outputs: int, phase_kernel: int) -> None:
        """Make the layers.

        Args:
            inputs: Feature maps that come in.
            outputs: Feature maps that go out.
            phase_kernel: Phases that the second convolution sees at a time, odd; 1 keeps the phases apart.
        """
        super().__init__()
        self.over_space = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        kernel, padding = (phase_kernel, 1, 1), (phase_kernel // 2, 0, 0)
        self.over_phases = nn.Conv3d(outputs, outputs, kernel, padding=padding, bias=False)
        self.normalisation = nn.BatchNorm3d(outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Turn features (b p, c, z, y, x) into features (b p, c', z, y, x), none of them negative."""
        spatial = torch.relu(self.over_space(features))
        mixed = from_phases(self.over_phases(to_phases(spatial)), spatial.shape)
        return torch.relu(self.normalisation(mixed))


class UNet4d(nn.Module):
    """A U-Net of factorised 4D convolutions; gives the logit of "nodule" for each cell of 2 x 2 x 2 voxels."""

    def __init__(self, *, width: int, levels: int, phase_kernel: int, dropout: float) -> None:
        """Make the layers.

        Args:
            width: Feature maps of the first level; each further level has twice as many.
            levels: Resolutions, 1 or more; each halves the edges of the one before.
            phase_kernel: See `FactorisedConvolution4d`.
            dropout: Probability that a feature map is dropped, below the first level and before the head.
        """
        super().__init__()
        widths = [width * 2**level for level in range(levels)]
        self.stem = nn.Sequential(
            nn.Conv3d(1, width, 4, stride=STRIDE, padding=1), FactorisedConvolution4d(width, width, phase_kernel)
        )
        self.down = nn.ModuleList(
            nn.Sequential(nn.MaxPool3d(2), FactorisedConvolution4d(fine, coarse, phase_kernel), nn.Dropout3d(dropout))
            for fine, coarse in pairwise(widths)
        )
        self.up = nn.ModuleList(nn.ConvTranspose3d(coarse, fine, 2, stride=2) for fine, coarse in pairwise(widths))
        self.merge = nn.ModuleList(FactorisedConvolution4d(2 * fine, fine, phase_kernel) for fine in widths[:-1])
        self.head = nn.Sequential(
            nn.Conv3d(len(PHASES) * width, 2 * width, 1),
            nn.ReLU(inplace=True),
            nn.Dropout3d(dropout),
            nn.Conv3d(2 * width, 1, 1),
        )

    def forward(self, volumes: Tensor) -> Tensor:
        """Turn volumes (b, p, z, y, x) into logits (b, 1, z / 2, y / 2, x / 2)."""
        features = [self.stem(volumes.flatten(0, 1)[:, None].contiguous(memory_format=torch.channels_last_3d))]
        for down in self.down:
            features.append(down(features[-1]))
        merged = features.pop()
        for up, merge in zip(reversed(self.up), reversed(self.merge), strict=True):
            merged = merge(torch.cat([features.pop(), up(merged)], dim=1))
        # The phases meet: those of a voxel become its feature maps.
        logits: Tensor = self.head(merged.unflatten(0, (-1, len(PHASES))).flatten(1, 2))
        return logits

    def set_prior(self, probability: float) -> None:
        """Let the untrained network say "nodule" with about this probability everywhere.

        Source:
            Lin et al., Focal loss for dense object detection, ICCV 2017, section 4.1: without it the many cells
            without an object drown the first steps.
        """
        last = self.head[-1]
        assert isinstance(last, nn.Conv3d)
        assert last.bias is not None
        nn.init.normal_(last.weight, std=0.01)
        nn.init.constant_(last.bias, float(torch.logit(torch.tensor(probability))))


def to_phases(features: Tensor) -> Tensor:
    """See features (b p, c, z, y, x) as (b, c, p, z y, x), which a 3D layer convolves over p."""
    rows, maps, z, y, x = features.shape
    by_voxel = features.permute(0, 2, 3, 4, 1).reshape(rows // len(PHASES), len(PHASES), z * y, x, maps)
    return by_voxel.permute(0, 4, 1, 2, 3)


def from_phases(features: Tensor, shape: torch.Size) -> Tensor:
    """See features (b, c, p, z y, x) as (b p, c, z, y, x), the inverse of `to_phases`.

    Args:
        features: As above.
        shape: What they looked like, (b p, c, z, y, x).
    """
    rows, maps, *space = shape
    return features.permute(0, 2, 3, 4, 1).reshape(rows, *space, maps).permute(0, 4, 1, 2, 3)
