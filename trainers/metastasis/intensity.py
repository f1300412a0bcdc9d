"""The signal of T1-weighted volumes, on one scale for all scanners, and where the brain is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainers.cad.case import Image

BACKGROUND = -1.0
"""Normalised signal of all that is not brain; fluid, the darkest of the brain, is brighter."""

BRAIN_SHARE = 0.05
"""Voxels above this share of the bright ones are brain, or head where the skull was left on."""

MARGIN = 4
"""Background that is kept around the brain, voxels: networks know it from their patches."""


def normalise(volume: Image) -> Image:
    """Shift and scale a volume so that the brain's median is 0 and its 5th and 95th percentile are 1 apart.

    Args:
        volume: (z, y, x) signal in any unit, skull-stripped or not.

    Returns:
        (z, y, x) normalised signal; what surrounds the brain, or the head, becomes `BACKGROUND`.
    """
    brain = volume > BRAIN_SHARE * np.percentile(volume, 99.9)
    if not brain.any():
        return np.full(volume.shape, BACKGROUND, np.float32)
    low, middle, high = np.percentile(volume[brain], [5, 50, 95])
    scaled = (volume - middle) / max(high - low, 1e-6)
    return np.where(brain, np.maximum(scaled, 0.99 * BACKGROUND), BACKGROUND).astype(np.float32)


def is_brain(volume: Image) -> NDArray[np.bool_]:
    """Tell which voxels of a normalised volume (z, y, x) are brain."""
    return np.asarray(volume > BACKGROUND)


def brain_box(volume: Image) -> tuple[slice, slice, slice]:
    """Give the part of a normalised volume (z, y, x) that holds the brain, with a margin; all of it without a brain."""
    brain = is_brain(volume)
    seen = [np.flatnonzero(brain.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    if not all(map(len, seen)):
        z, y, x = (slice(0, edge) for edge in volume.shape)
    else:
        z, y, x = (slice(max(0, int(each[0]) - MARGIN), int(each[-1]) + 1 + MARGIN) for each in seen)
    return z, y, x
