"""Irregular ellipsoids: tumours, organs, bleeds; each voxel knows how deep inside it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator

from trainers.cad.phantoms.fields import Floats, Image, smooth_field

Window: TypeAlias = tuple[slice, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """An irregular ellipsoid in the part of a volume that holds it.

    Attributes:
        window: The part: slices along z, y, x.
        depth: Approximate distance from the surface, mm, of the window's voxels; positive inside.
        spacing: Edge of a voxel, mm.
    """

    window: Window
    depth: Image
    spacing: float

    def coverage(self, deeper_than: float | Image = 0.0, softness: float | None = None) -> Image:
        """Give the share of each voxel of the window that lies inside.

        Args:
            deeper_than: Depth of the surface that counts, mm; a core's is positive, a halo's negative.
            softness: Width of a blurred surface, mm; by default a voxel.

        Returns:
            Share, 0 to 1, in the window's shape.
        """
        width = self.spacing if softness is None else softness
        share: Image = np.clip((self.depth - deeper_than) / width + 0.5, 0, 1).astype(np.float32)
        return share


def draw_blob(
    rng: Generator, shape: Sequence[int], spacing: float, centre: Floats, radii: Floats, *, roughness: float
) -> Blob:
    """Draw an irregular ellipsoid.

    Args:
        rng: Source of chance.
        shape: Voxels of the volume along z, y, x.
        spacing: Edge of a voxel, mm.
        centre: (3,) centre, z, y, x in mm from the centre of the first voxel; what lies outside the volume is cut off.
        radii: (3,) semi-axes along z, y, x, mm.
        roughness: Standard deviation of the surface's distance from the ellipsoid's, in mean radii.

    Returns:
        The blob; its window is empty where it lies outside the volume.
    """
    reach = radii * (1 + 3 * roughness) + 2 * spacing
    first = np.clip(np.floor((centre - reach) / spacing).astype(int), 0, shape)
    last = np.clip(np.ceil((centre + reach) / spacing).astype(int) + 1, first, shape)
    window = tuple(slice(int(start), int(stop)) for start, stop in zip(first, last, strict=True))
    axes = [
        (np.arange(start, stop) * spacing - middle) / radius
        for start, stop, middle, radius in zip(first, last, centre, radii, strict=True)
    ]
    z, y, x = np.ix_(*axes)
    distance = np.sqrt(z**2 + y**2 + x**2)
    radius = float(np.mean(radii))
    dents = smooth_field(rng, distance.shape, scale=max(1.0, radius / spacing)) if distance.size else 0.0
    return Blob(window, (radius * (1 - distance + roughness * dents)).astype(np.float32), spacing)


def paint(image: Image, blob: Blob, coverage: Image, signal: Floats | Image) -> None:
    """Paint a blob over a volume of one or more channels.

    Args:
        image: (c, z, y, x) volume, changed in place.
        blob: Says where.
        coverage: (z, y, x) of the window: share of each voxel that is painted over.
        signal: (c,) or (c, z, y, x) of the window: what it is painted with.
    """
    part = image[(slice(None), *blob.window)]
    colour = np.reshape(signal, (-1, 1, 1, 1)) if np.ndim(signal) == 1 else signal
    part += coverage * (colour.astype(np.float32) - part)
