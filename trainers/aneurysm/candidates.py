"""Points out of volumes: local maxima of heat maps, and bright blobs as candidates for a classifier."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from trainers.aneurysm.case import Floats, Image

BLOB_RADII_MM = (1.2, 1.9, 3.0, 4.7)


class Peaks(NamedTuple):
    """Local maxima, highest first.

    Attributes:
        points: (m, 3) z, y, x in cells of the map, between cells where the map says so.
        heights: (m,) values of the map.
    """

    points: Floats
    heights: Floats


def local_maxima(heat: Image, radius: int, count: int) -> Peaks:
    """Find the highest cells of their neighbourhoods.

    Args:
        heat: (z, y, x) heat map.
        radius: Half the edge of the cubic neighbourhood, cells.
        count: Most maxima to give.

    Returns:
        Up to `count` maxima, refined by the parabola through each and its neighbours along each axis. A constant map
        has none.
    """
    is_peak = (heat == ndimage.maximum_filter(heat, size=2 * radius + 1)) & (heat > heat.min())
    cells = np.argwhere(is_peak)
    heights = heat[is_peak].astype(np.float64)
    highest = np.argsort(-heights, kind="stable")[:count]
    return Peaks(_refine(heat, cells[highest]), heights[highest])


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


def _refine(heat: Image, cells: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> Floats:
    points = cells.astype(np.float64)
    centre = heat[tuple(cells.T)].astype(np.float64)
    for axis in range(3):
        step = np.eye(3, dtype=np.intp)[axis]
        inner = (cells[:, axis] > 0) & (cells[:, axis] < heat.shape[axis] - 1)
        before = heat[tuple(cells[inner].T - step[:, None])]
        after = heat[tuple(cells[inner].T + step[:, None])]
        curvature = before + after - 2 * centre[inner]
        points[inner, axis] += np.where(curvature < 0, (before - after) / (2 * np.minimum(curvature, -1e-12)), 0.0)
    return points
