"""Boxes out of volumes; beyond the border the border is repeated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainers.cad.case import Image


def crop(volume: Image, first: Sequence[int], shape: Sequence[int]) -> Image:
    """Cut a box out of a volume.

    Args:
        volume: (c, z, y, x) signal.
        first: First voxel z, y, x of the box; negative beyond the volume.
        shape: Edges of the box, voxels.

    Returns:
        (c, *shape) signal; a view of the volume where the box lies within it.
    """
    ranges = [(int(start), int(start) + edge) for start, edge in zip(first, shape, strict=True)]
    if all(start >= 0 and stop <= size for (start, stop), size in zip(ranges, volume.shape[1:], strict=True)):
        z, y, x = (slice(start, stop) for start, stop in ranges)
        return volume[:, z, y, x]
    z_voxels, y_voxels, x_voxels = (
        np.clip(np.arange(start, stop), 0, size - 1)
        for (start, stop), size in zip(ranges, volume.shape[1:], strict=True)
    )
    box: Image = volume[:, z_voxels[:, None, None], y_voxels[:, None], x_voxels]
    return box
