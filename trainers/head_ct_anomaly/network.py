"""A 3D convolutional autoencoder.

Written out here instead of taken from MONAI, whose import costs every training process three seconds.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

WIDEST = 8
"""Most feature maps of a level, over those of the first."""


class Autoencoder3D(nn.Module):
    """Squeezes a patch into a few numbers per cell of its coarsest level, and makes it again out of them.

    There are no skip connections: what does not fit through the bottleneck, or was never learned, is not reproduced.
    """

    def __init__(self, levels: int, width: int, latent: int, dropout: float) -> None:
        """Make the layers.

        Args:
            levels: How often a patch is halved.
            width: Feature maps of the finest level; each coarser one has twice as many, up to `WIDEST` times.
            latent: Numbers per cell of the coarsest level.
            dropout: Probability that one of them is dropped, with all its cells.
        """
        super().__init__()
        widths = [width * min(2**level, WIDEST) for level in range(levels + 1)]
        down = [_halve(fine, coarse) for fine, coarse in pairwise([1, *widths[1:]])]
        up = [_double(coarse, fine) for fine, coarse in pairwise(widths)]
        self.encoder = nn.Sequential(*down)
        self.bottleneck = nn.Sequential(
            nn.Conv3d(widths[-1], latent, 1), nn.Dropout3d(dropout), nn.Conv3d(latent, widths[-1], 1), nn.ReLU()
        )
        self.decoder = nn.Sequential(*reversed(up), nn.Conv3d(width, 1, 3, padding=1))

    def forward(self, patches: Tensor) -> Tensor:
        """Turn patches (b, 1, z, y, x) into their reconstructions (b, 1, z, y, x)."""
        reconstructions: Tensor = self.decoder(self.bottleneck(self.encoder(patches)))
        return reconstructions


def _convolution(inputs: int, outputs: int) -> nn.Module:
    convolution = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm3d(outputs), nn.ReLU(inplace=True))


def _halve(inputs: int, outputs: int) -> nn.Module:
    halving = nn.Conv3d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(halving, nn.BatchNorm3d(outputs), nn.ReLU(inplace=True), _convolution(outputs, outputs))


def _double(inputs: int, outputs: int) -> nn.Module:
    # Convolved before it is doubled, where there is an eighth of the voxels.
    doubling = nn.ConvTranspose3d(inputs, outputs, 2, stride=2, bias=False)
    return nn.Sequential(_convolution(inputs, inputs), doubling, nn.BatchNorm3d(outputs), nn.ReLU(inplace=True))
