"""The configurable fully convolutional network.

It is written out here: MONAI's U-Nets have no free number of convolutions, kernels and growth at a time, and importing
MONAI costs every training three seconds.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from trainers.metastasis.structure import GROUP, Block, Structure

PRIOR = 0.01
"""Probability of a metastasis that an untrained network gives: so the first steps need not learn that they are rare.

Source: Lin et al., Focal loss for dense object detection, ICCV 2017.
"""


class DetectionNetwork(nn.Module):
    """Gives the logit of "metastasis" for each cell of 2 x 2 x 2 voxels."""

    def __init__(self, structure: Structure, dropout: float) -> None:
        """Make the layers.

        Args:
            structure: Which layers.
            dropout: Probability that a feature map is dropped, after each block below full resolution.
        """
        super().__init__()
        widths = structure.widths
        down = [block for block in structure.blocks if block.leads_down]
        up = [block for block in structure.blocks if not block.leads_down]
        self.down = nn.ModuleList(ConvolutionBlock(structure, block, dropout) for block in down)
        self.pool = nn.MaxPool3d(2)
        self.upsample = nn.ModuleList(
            nn.ConvTranspose3d(widths[block.level + 1], block.width, 2, stride=2) for block in up
        )
        self.up = nn.ModuleList(ConvolutionBlock(structure, block, dropout) for block in up)
        self.head = nn.Conv3d(widths[1], 1, 1)
        nn.init.constant_(self.head.bias, -math.log((1 - PRIOR) / PRIOR))  # type: ignore[arg-type]

    def forward(self, volumes: Tensor) -> Tensor:
        """Turn volumes (b, 1, z, y, x) into logits (b, 1, z / 2, y / 2, x / 2)."""
        beside: list[Tensor] = []
        features = volumes
        for level, block in enumerate(self.down):
            features = block(self.pool(features) if level else features)
            beside.append(features)
        for upsample, block, skipped in zip(self.upsample, self.up, beside[-2::-1], strict=False):
            features = block(torch.cat([skipped, upsample(features)], dim=1))
        logits: Tensor = self.head(features)
        return logits


class ConvolutionBlock(nn.Module):
    """Convolutions, each normalised and activated; the last one after the block's input was added, if residual."""

    def __init__(self, structure: Structure, block: Block, dropout: float) -> None:
        """Make the layers."""
        super().__init__()
        padding = structure.kernel // 2
        layers: list[nn.Module] = []
        for number in range(structure.convolutions):
            inputs = block.width if number else block.inputs
            layers.append(nn.Conv3d(inputs, block.width, structure.kernel, padding=padding, bias=False))
            layers.append(_normalisation(structure, block.width))
            if number < structure.convolutions - 1:
                layers.append(_activation(structure))
        self.layers = nn.Sequential(*layers)
        self.beside = _beside(structure, block)
        self.activation = _activation(structure)
        self.dropout = nn.Dropout3d(dropout) if block.level and dropout else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """Turn (b, inputs, z, y, x) into (b, width, z, y, x)."""
        output = self.layers(features)
        if self.beside is not None:
            output = output + self.beside(features)
        activated: Tensor = self.dropout(self.activation(output))
        return activated


def _beside(structure: Structure, block: Block) -> nn.Module | None:
    if not structure.residual:
        return None
    if block.inputs == block.width:
        return nn.Identity()
    return nn.Conv3d(block.inputs, block.width, 1, bias=False)


def _normalisation(structure: Structure, width: int) -> nn.Module:
    if structure.normalisation == "batch":
        return nn.BatchNorm3d(width)
    groups = width if structure.normalisation == "instance" else width // GROUP
    # Group normalisation with one map per group is instance normalisation, and twice as fast as torch's own.
    return nn.GroupNorm(groups, width)


def _activation(structure: Structure) -> nn.Module:
    if structure.activation == "relu":
        return nn.ReLU(inplace=True)
    return nn.LeakyReLU(0.01, inplace=True) if structure.activation == "leaky_relu" else nn.ELU(inplace=True)
