"""The networks: a 3D U-Net and the nine-projection 2D CNN.

Both are small and written out here: importing MONAI costs three seconds in every training process, a sixth of a whole
training on tiny phantoms.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

STRIDE = 2
"""Voxels per cell of the U-Net's heat map; aneurysms are larger than that, and a voxel costs an eighth."""

MULTIPLE = 8
"""The U-Net takes volumes whose edges are divisible by this."""


class UNet3D(nn.Module):
    """A U-Net of three levels on a strided stem; gives the logit of "aneurysm" for each cell of 2 x 2 x 2 voxels."""

    def __init__(self, width: int, dropout: float) -> None:
        """Make the layers.

        Args:
            width: Feature maps of the first level; each further level has twice as many.
            dropout: Probability that a feature map is dropped, at the second and third level.
        """
        super().__init__()
        self.stem = nn.Sequential(nn.Conv3d(1, width, 4, stride=STRIDE, padding=1), _convolution(width, width))
        self.down = nn.Sequential(nn.MaxPool3d(2), _convolution(width, 2 * width), _convolution(2 * width, 2 * width))
        self.bottom = nn.Sequential(
            nn.MaxPool3d(2),
            _convolution(2 * width, 4 * width),
            nn.Dropout3d(dropout),
            _convolution(4 * width, 4 * width),
        )
        self.up_to_middle = nn.ConvTranspose3d(4 * width, 2 * width, 2, stride=2)
        self.middle = nn.Sequential(_convolution(4 * width, 2 * width), nn.Dropout3d(dropout))
        self.up_to_top = nn.ConvTranspose3d(2 * width, width, 2, stride=2)
        self.top = nn.Sequential(_convolution(2 * width, width), nn.Conv3d(width, 1, 1))

    def forward(self, volumes: Tensor) -> Tensor:
        """Turn volumes (b, 1, z, y, x) into logits (b, 1, z / 2, y / 2, x / 2)."""
        top = self.stem(volumes)
        middle = self.down(top)
        middle = self.middle(torch.cat([middle, self.up_to_middle(self.bottom(middle))], dim=1))
        logits: Tensor = self.top(torch.cat([top, self.up_to_top(middle)], dim=1))
        return logits


class NineProjectionNet(nn.Module):
    """A 2D CNN on nine maximum intensity projections of a cube; gives the logit that its centre is an aneurysm.

    Source:
        Nakao et al., J Magn Reson Imaging 47 (2018): nine projections as channels of a 2D CNN.
    """

    def __init__(self, edge: int, width: int, dropout: float) -> None:
        """Make the layers.

        Args:
            edge: Edge of the cubes, voxels.
            width: Half the feature maps of the first level; each further level has twice as many.
            dropout: Probability that a feature is dropped, before each of the two dense layers.
        """
        super().__init__()
        self.register_buffer("lines", projection_lines(edge), persistent=False)
        features = 8 * width * (edge // 8) ** 2
        self.layers = nn.Sequential(
            _convolution_2d(9, 2 * width),
            nn.MaxPool2d(2),
            _convolution_2d(2 * width, 4 * width),
            nn.MaxPool2d(2),
            _convolution_2d(4 * width, 8 * width),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(features, 8 * width),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(8 * width, 1),
        )

    def forward(self, cubes: Tensor) -> Tensor:
        """Turn cubes (b, 1, e, e, e) into logits (b,)."""
        logits: Tensor = self.layers(self.project(cubes))
        return logits[:, 0]

    def project(self, cubes: Tensor) -> Tensor:
        """Turn cubes (b, 1, e, e, e) into their nine maximum intensity projections (b, 9, e, e)."""
        lines = self.get_buffer("lines")
        return cubes.flatten(1)[:, lines].amax(dim=-1)


def projection_lines(edge: int) -> Tensor:
    """List the voxels on the lines of nine parallel projections.

    The directions are the three axes and the six face diagonals of the cube.

    Args:
        edge: Edge e of the cube, voxels.

    Returns:
        (9, e, e, e) flat voxel indices; the last axis runs along the line, clamped at the cube's faces.
    """
    centred = torch.arange(edge) - (edge - 1) / 2
    grid = torch.stack(torch.meshgrid(centred, centred, centred, indexing="ij"), dim=-1)
    diagonal = 0.5**0.5
    frames = []
    for axis in range(3):
        u, v, w = (torch.eye(3)[(axis + shift) % 3] for shift in range(3))
        frames += [(u, v, w), (u, diagonal * (v - w), diagonal * (v + w)), (u, diagonal * (v + w), diagonal * (v - w))]
    rotations = torch.stack([torch.stack(frame) for frame in frames])
    points = torch.einsum("...i,pij->p...j", grid, rotations) + (edge - 1) / 2
    voxels = points.round().long().clamp(0, edge - 1)
    return (voxels[..., 0] * edge + voxels[..., 1]) * edge + voxels[..., 2]


def _convolution(inputs: int, outputs: int) -> nn.Module:
    convolution = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm3d(outputs), nn.ReLU(inplace=True))


def _convolution_2d(inputs: int, outputs: int) -> nn.Module:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
