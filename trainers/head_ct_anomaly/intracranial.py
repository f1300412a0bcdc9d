"""What lies inside the skull: the part of a head CT whose anomalies count."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trainers.cad.case import Image

Mask: TypeAlias = NDArray[np.bool_]

SOFT_TISSUE_HU = (-25.0, 90.0)
"""Fluid, brain and clotted blood; bone, fat and air lie outside, and so do the voxels that hold much of them."""

CANAL_MM = 5.0
"""Half the width of the canals in the skull's base that are taken for closed."""

HEIGHT_MM = 150.0
"""From the vertex down to the foramen magnum; below begins the neck."""


def intracranial(hu: Image, spacing: float) -> Mask:
    """Find the inside of the skull.

    Soft tissue that is left when `CANAL_MM` are taken off falls into brain, scalp and face, of which the brain is the
    largest; what was taken off is put back, and what bone or blood encloses in it is filled up.

    Args:
        hu: (z, y, x) attenuation, Hounsfield units, z towards the head.
        spacing: Edge of a voxel, mm.

    Returns:
        (z, y, x) true inside; all false where there is no such part.
    """
    low, high = SOFT_TISSUE_HU
    is_soft = (hu > low) & (hu < high)
    is_soft[: _lowest_slice(hu, spacing)] = False
    is_core = ndimage.distance_transform_edt(np.pad(is_soft, 1))[1:-1, 1:-1, 1:-1] * spacing > CANAL_MM
    parts, count = ndimage.label(is_core)
    if not count:
        return np.zeros(hu.shape, np.bool_)
    brain = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    is_near = ndimage.distance_transform_edt(~brain) * spacing <= CANAL_MM + 0.5 * spacing
    inside: Mask = ndimage.binary_fill_holes(is_near & is_soft)
    return inside


def _lowest_slice(hu: Image, spacing: float) -> int:
    """Give the first slice that may belong to the head."""
    with_bone = np.flatnonzero((hu > SOFT_TISSUE_HU[1]).any(axis=(1, 2)))
    vertex = int(with_bone[-1]) if len(with_bone) else hu.shape[0]
    return max(0, vertex - round(HEIGHT_MM / spacing))
