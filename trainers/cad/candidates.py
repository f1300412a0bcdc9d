"""Points out of volumes: the local maxima of heat maps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from trainers.cad.case import Floats, Image


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


def heat_map_peaks(heat: Image, *, stride: int, spacing: float, apart_mm: float, count: int) -> Peaks:
    """Find the peaks of a network's heat map, in voxels of the volume that it is of.

    Args:
        heat: (z, y, x) heat map.
        stride: Edge of a cell, voxels.
        spacing: Edge of a voxel, mm.
        apart_mm: Half the edge of the cube in which a peak is the highest one, mm; a cell at least.
        count: Most peaks to give.
    """
    cells, heights = local_maxima(heat, max(1, round(apart_mm / (stride * spacing))), count)
    return Peaks(cells * stride + (stride - 1) / 2, heights)


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
