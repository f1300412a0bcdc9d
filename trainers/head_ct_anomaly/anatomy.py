"""Heads as CT sees them: brain, fluid, meninges, skull and scalp in Hounsfield units, and what is calcified in many.

The brain is that of `trainers.cad.phantoms.brain`, grown or out of a label map; the rest is laid around it by distance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from trainers.cad.case import Floats, Image
from trainers.cad.phantoms.blobs import draw_blob
from trainers.cad.phantoms.brain import Points, Tissue, Tissues
from trainers.cad.phantoms.fields import smooth_field

GrowBrain: TypeAlias = Callable[[Points, float], Tissues]
"""Gives the tissues (z, y, x) at points of a volume whose voxels have the given edge, mm."""

ATTENUATION_HU = {Tissue.OUTSIDE: 8.0, Tissue.CSF: 8.0, Tissue.VENTRICLE: 6.0, Tissue.GREY: 38.0, Tissue.WHITE: 29.0}
"""What lies outside the brain and inside the skull is fluid."""

TABLE_HU, DIPLOE_HU, SCALP_HU, AIR_HU, CALCIUM_HU = 1300.0, 550.0, 10.0, -1000.0, 320.0
CALVARIA_MM, BASE_MM, SCALP_MM = 6.0, 16.0, 6.0
CLOSING_MM = 7.0
"""The skull bridges clefts of the brain up to twice as wide."""

FINEST_MM = 2.0
"""Brains are grown on voxels no larger than this and averaged to larger ones: sulci are thin."""

PINEAL, PLEXUS, PALLIDUM = (2.0, 22.0, 0.0), (9.0, 34.0, 24.0), (3.0, -2.0, 18.0)
"""Where calcium lies in healthy brains: z, y, x in mm of an adult's, x on either side."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head without noise.

    Attributes:
        hu: (z, y, x) attenuation, Hounsfield units.
        fluid: (z, y, x) share of cerebrospinal fluid outside the ventricles in each voxel, 0 to 1.
        ventricle: (z, y, x) share of it inside them.
        depth: (z, y, x) distance from the skull's inner table, mm; positive inside.
        points: Where each voxel lies in an adult's brain.
        spacing: Edge of a voxel, mm.
    """

    hu: Image
    fluid: Image
    ventricle: Image
    depth: Image
    points: Points
    spacing: float

    @property
    def tissue(self) -> Image:
        """Share (z, y, x) of brain tissue in each voxel inside the skull."""
        share: Image = np.where(self.depth > 0, 1 - self.fluid - self.ventricle, 0).clip(0, 1).astype(np.float32)
        return share

    def locate(self, place: tuple[float, float, float]) -> Floats:
        """Find a place of an adult's brain: (3,) z, y, x in mm from the centre of the first voxel."""
        # The pose bends slowly, so the nearest of a few voxels leads to the place but for a rest that is almost linear.
        step = max(1, round(6.0 / self.spacing))
        coarse = tuple(axis[::step, ::step, ::step] for axis in self.points[:3])
        rests = [at - axis for at, axis in zip(place, coarse, strict=True)]
        nearest = np.unravel_index(int(np.argmin(sum(rest**2 for rest in rests))), coarse[0].shape)
        rest = np.array([float(axis[nearest]) for axis in rests]) * self.points.mm_per_mm
        found: Floats = np.array(nearest) * step * self.spacing + rest
        return found

    def direction(self, z: float, y: float, x: float) -> Image:
        """Give the cosine (z, y, x) between each voxel's direction from the brain's centre and a given one."""
        points, length = self.points, float(np.linalg.norm([z, y, x]))
        along = (points.z * np.float32(z) + points.y * np.float32(y) + points.x * np.float32(x)) / np.float32(length)
        cosine: Image = along / np.maximum(np.sqrt(points.z**2 + points.y**2 + points.x**2), 1e-3)
        return cosine


def build_head(rng: Generator, points: Points, fineness: int, spacing: float, grow: GrowBrain) -> Head:
    """Build a head around a brain.

    Args:
        rng: Source of chance.
        points: Where each voxel of the fine volume lies in an adult's brain.
        fineness: Fine voxels along each edge of a voxel; the shape of `points` is a multiple of it.
        spacing: Edge of a voxel, mm.
        grow: Makes the brain.
    """
    tissues = grow(_atrophic(rng, points), spacing / fineness)
    shift = rng.normal(scale=1.5)
    attenuation = np.array([ATTENUATION_HU[tissue] + (shift if tissue >= Tissue.GREY else 0) for tissue in Tissue])
    z, y, x = (_average(axis, fineness) for axis in points[:3])
    depth = _inner_table_depth(_average((tissues > Tissue.OUTSIDE).astype(np.float32), fineness) > 0.5, spacing)
    head = Head(
        hu=_average(attenuation.astype(np.float32)[tissues], fineness),
        fluid=_average(np.isin(tissues, (Tissue.CSF, Tissue.OUTSIDE)).astype(np.float32), fineness),
        ventricle=_average((tissues == Tissue.VENTRICLE).astype(np.float32), fineness),
        depth=depth,
        points=Points(z, y, x, points.mm_per_mm),
        spacing=spacing,
    )
    head = replace(head, hu=head.hu + _meninges(rng, head))
    _calcify(rng, head)
    return replace(head, hu=_enclose(rng, head))


def _atrophic(rng: Generator, points: Points) -> Points:
    """Enlarge what lies in the middle, the ventricles, at the cost of what lies around it: as in an old brain."""
    growth = np.float32(rng.uniform(-0.1, 0.25))
    squared = points.z**2 + points.y**2 + points.x**2
    shrunk = 1 - growth * np.exp(-squared / np.float32(2 * 28.0**2))
    return Points(points.z * shrunk, points.y * shrunk, points.x * shrunk, points.mm_per_mm)


def _average(fine: Image, fineness: int) -> Image:
    """Average blocks of `fineness` voxels along each axis."""
    starts = range(fineness)
    rows = reduce(np.add, [fine[:, :, x::fineness] for x in starts])
    total = reduce(np.add, [rows[z::fineness, y::fineness] for z, y in product(starts, repeat=2)])
    mean: Image = total / np.float32(fineness**3)
    return mean


def _inner_table_depth(is_brain: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], spacing: float) -> Image:
    """Give the distance from the skull's inner table, which encloses the brain and bridges its clefts, mm."""
    margin = int(np.ceil(CLOSING_MM / spacing)) + 1
    padded = np.pad(is_brain, margin)
    is_near = ndimage.distance_transform_edt(~padded) * spacing < CLOSING_MM
    is_inside = ndimage.distance_transform_edt(is_near) * spacing > CLOSING_MM - 1.0
    inward, outward = ndimage.distance_transform_edt(is_inside), ndimage.distance_transform_edt(~is_inside)
    signed = (np.where(is_inside, inward - 0.5, 0.5 - outward) * spacing).astype(np.float32)
    inner = (slice(margin, -margin),) * 3
    depth: Image = ndimage.gaussian_filter(signed, 0.7)[inner]
    return depth


def _meninges(rng: Generator, head: Head) -> Image:
    """Give the attenuation that falx and venous sinuses add: brighter than brain in everybody, and in some by much."""
    blood = rng.uniform(12, 28)
    across = (head.points.x * np.float32(head.points.mm_per_mm)) ** 2
    is_above = np.clip((head.points.z + 5) / 10, 0, 1)
    falx = 40 * np.exp(-across / (2 * max(1.0, 0.4 * head.spacing) ** 2)) * is_above * (head.depth < 38)
    sinus = (
        blood * np.exp(-across / (2 * 4.0**2)) * np.exp(-(np.maximum(head.depth - 2, 0) ** 2) / (2 * 3.0**2)) * is_above
    )
    meninges: Image = (np.maximum(falx * head.fluid, sinus) * (head.depth > 0)).astype(np.float32)
    return meninges


def _calcify(rng: Generator, head: Head) -> None:
    """Draw the calcium of healthy brains into the head: pineal gland, choroid plexus, pallidum, falx."""
    sides = (1.0, -1.0)
    places = [(PINEAL, 1.0, rng.uniform(1.5, 3.5))] if rng.random() < 0.65 else []
    if rng.random() < 0.6:
        places += [(PLEXUS, side, rng.uniform(1.5, 4.5)) for side in sides]
    if rng.random() < 0.12:
        places += [(PALLIDUM, side, rng.uniform(1.5, 3.5)) for side in sides]
    if rng.random() < 0.2:
        places.append(((rng.uniform(45, 58), rng.uniform(-40, 10), 0.0), 1.0, rng.uniform(1.5, 3.0)))
    for (z, y, x), side, radius in places:
        centre = head.locate((z, y, side * x)) + rng.normal(scale=1.0, size=3)
        lump = draw_blob(rng, head.hu.shape, head.spacing, centre, np.full(3, radius), roughness=0.25)
        part = head.hu[lump.window]
        part += lump.coverage() * (CALCIUM_HU * rng.uniform(0.25, 1.0))


def _enclose(rng: Generator, head: Head) -> Image:
    """Put skull, scalp and air around the brain."""
    variation = np.exp(0.12 * smooth_field(rng, head.hu.shape, 30.0 / head.spacing))
    is_base = np.clip((-15 - head.points.z) / 20, 0, 1)
    thickness = (CALVARIA_MM + (BASE_MM - CALVARIA_MM) * is_base) * variation * np.float32(rng.uniform(0.85, 1.2))
    outward = -head.depth
    within = np.clip(outward / thickness, 0, 1)
    # The tables are dense, the diploe between them is not.
    bone = np.float32(TABLE_HU) - np.float32(TABLE_HU - DIPLOE_HU) * np.sin(np.pi * within) ** 2
    hu = head.hu
    for surface, signal in ((0.0, bone), (thickness, SCALP_HU), (thickness + SCALP_MM, AIR_HU)):
        share = np.clip((outward - surface) / head.spacing + 0.5, 0, 1)
        hu = hu + share * (signal - hu)
    enclosed: Image = hu.astype(np.float32)
    return enclosed
