"""Bright blobs of an aneurysm's size: the candidates that a classifier tells apart."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import ndimage

from trainers.cad.candidates import Peaks, local_maxima
from trainers.cad.case import Image

BLOB_RADII_MM = (1.2, 1.9, 3.0, 4.7)


def blobs(volume: Image, spacing: float, count: int) -> Peaks:
    """Find bright blobs of an aneurysm's size.

    Args:
        volume: (z, y, x) signal.
        spacing: Edge of a voxel, mm.
        count: Most blobs to give.

    Returns:
        Up to `count` maxima, over the scales, of the difference of Gaussians of neighbouring `BLOB_RADII_MM`, which
        stands for the negative Laplacian of Gaussian; points in voxels.
    """
    # A ball of radius r answers most to a Laplacian of Gaussian of sigma r / sqrt(3).
    levels = [ndimage.gaussian_filter(volume, radius / spacing / 3**0.5) for radius in BLOB_RADII_MM]
    blobness: Image = np.max([fine - coarse for fine, coarse in pairwise(levels)], axis=0)
    return local_maxima(blobness, radius=max(1, round(1.0 / spacing)), count=count)
