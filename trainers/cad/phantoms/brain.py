"""Procedural anatomy of a brain: folded grey ribbon, white matter, ventricles, cerebellum, brain stem.

Arrays are indexed z, y, x: towards the head, the back and the left. Anatomy is described once, in mm of an adult's
brain around its centre, with x as the distance from the midline, so that both hemispheres are drawn at once; a warp
makes them differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import IntEnum
from functools import reduce
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from trainers.cad.phantoms.fields import Floats, Image, displacement, smooth_field

Tissues: TypeAlias = NDArray[np.uint8]
"""(z, y, x) of `Tissue`."""

SULCUS_SCALE_MM = 7.0
"""Spacing of the coarse grid whose field is 0 along the sulci; gyri are about as wide."""

SULCUS_DEPTH_MM = 17.0
RIBBON_MM = 3.0
GAP_MM = 0.7
"""Thickness of the cortex, and half the width of a sulcus."""

WARP_MM, WARP_SCALE_MM = 2.0, 40.0
TURN_RADIANS, SHIFT_MM, SIZE_SPREAD = 0.1, 2.0, 0.04
"""Standard deviations of what makes brains differ: warp, turn about each axis, shift, logarithm of the size."""


_VOXELS_AT_ONCE = 2**15
"""What fits into a processor's cache with all that is computed of it."""


class Tissue(IntEnum):
    """What a voxel of a head is made of, as far as a brain goes."""

    OUTSIDE = 0
    CSF = 1
    VENTRICLE = 2
    GREY = 3
    WHITE = 4


class Points(NamedTuple):
    """Where each voxel of a volume lies in an adult's brain.

    Attributes:
        z: (z, y, x) mm from the brain's centre towards the head.
        y: Likewise towards the back.
        x: Likewise towards the left.
        mm_per_mm: mm of the volume for one of the adult's.
    """

    z: Image
    y: Image
    x: Image
    mm_per_mm: float

    def part(self, slices: slice) -> Points:
        """Give some of the volume's slices across z."""
        return Points(self.z[slices], self.y[slices], self.x[slices], self.mm_per_mm)


class _Ellipsoid(NamedTuple):
    """A part of both hemispheres: centre and semi-axes along z, y and away from the midline, mm."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]


_CEREBRUM = _Ellipsoid((8, 0, 0), (60, 86, 68))
_BASE_FLATTENING = 0.6
_TEMPORAL_LOBE = _Ellipsoid((-18, -12, 40), (24, 46, 26))
_CEREBELLUM = _Ellipsoid((-42, 46, 18), (24, 30, 36))
_BRAIN_STEM = _Ellipsoid((-32, 14, 0), (36, 13, 15))
_CORPUS_CALLOSUM = _Ellipsoid((6, 2, 0), (24, 42, 200))
_DEEP_GREY = (
    _Ellipsoid((6, 8, 11), (9, 14, 8)),  # thalamus
    _Ellipsoid((4, -6, 26), (10, 16, 6)),  # putamen and pallidum
    _Ellipsoid((14, -20, 14), (9, 11, 5)),  # head of the caudate
)
_VENTRICLES = (
    _Ellipsoid((17, -20, 8), (7, 16, 5)),  # frontal horn
    _Ellipsoid((20, 8, 12), (6, 24, 6)),  # body
    _Ellipsoid((8, 32, 24), (10, 12, 7)),  # atrium
    _Ellipsoid((-14, 4, 34), (4, 20, 4)),  # temporal horn
    _Ellipsoid((2, 2, 0), (10, 12, 2)),  # third
    _Ellipsoid((-36, 28, 0), (10, 5, 7)),  # fourth
)


def pose(rng: Generator, shape: Sequence[int], spacing: float, scale: float) -> Points:
    """Put a brain into a volume: centred but for a little shift and turn, and warped.

    Args:
        rng: Source of chance.
        shape: Voxels along z, y, x.
        spacing: Edge of a voxel, mm.
        scale: Size of the brain, 1 for an adult's.
    """
    size = scale * float(np.exp(SIZE_SPREAD * rng.normal()))
    turn = _rotation(TURN_RADIANS * rng.normal(size=3)) * (spacing / size)
    middle = (np.array(shape) - 1) / 2 + SHIFT_MM * rng.normal(size=3) / spacing
    moved = displacement(rng, shape, WARP_MM * scale / spacing, WARP_SCALE_MM * scale / spacing)
    for axis, centre in enumerate(middle):
        moved[axis] += (np.arange(shape[axis], dtype=np.float32) - np.float32(centre)).reshape(
            [-1 if axis == other else 1 for other in range(3)]
        )
    z, y, x = (sum(np.float32(share) * along for share, along in zip(row, moved, strict=True)) for row in turn)
    return Points(z, y, x, size)


def grow_brain(rng: Generator, points: Points, spacing: float, gap_mm: float = GAP_MM) -> Tissues:
    """Give the tissues of a brain without its skull.

    The widths of cortex and sulci are those of an adult in the volume's own mm, however small the brain.

    Args:
        rng: Source of chance.
        points: Where each voxel lies, see `pose`.
        spacing: Edge of a voxel, mm.
        gap_mm: Half the width of sulci and fissures, and all of the rim of fluid around the brain.

    Returns:
        (z, y, x) tissues.
    """
    folds = smooth_field(rng, points.z.shape, SULCUS_SCALE_MM / spacing)
    tissues = np.empty(points.z.shape, np.uint8)
    for slices in _slabs(tissues.shape):
        tissues[slices] = _grow(points.part(slices), folds[slices], gap_mm)
    return tissues


def _slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """Cut a volume across z: voxel by voxel, small parts of it are computed several times faster than all at once."""
    thickness = max(1, _VOXELS_AT_ONCE * shape[0] // math.prod(shape))
    return (slice(first, first + thickness) for first in range(0, shape[0], thickness))


def _grow(points: Points, folds: Image, gap_mm: float) -> Tissues:
    """Give the tissues at some points; `folds` is 0 along the sulci, see `SULCUS_SCALE_MM`."""
    cerebrum, sylvian = _cerebrum_depth(points)
    cerebellum, stem = _depth(points, _CEREBELLUM), _depth(points, _BRAIN_STEM)
    hull = np.maximum(np.maximum(cerebrum, cerebellum), stem)
    tentorium = np.abs(cerebrum - cerebellum) / 2
    pia = reduce(np.minimum, [hull, tentorium, sylvian, _fissure_distance(points), _sulcus_distance(folds, hull)])
    ribbon = np.where(cerebellum > cerebrum, 2 * RIBBON_MM, RIBBON_MM)
    tissue = np.where(pia < gap_mm + ribbon, Tissue.GREY, Tissue.WHITE).astype(np.uint8)
    tissue[pia < gap_mm] = Tissue.CSF
    is_inner = pia > gap_mm + RIBBON_MM
    tissue[is_inner & _is_within(points, _DEEP_GREY)] = Tissue.GREY
    tissue[(stem > gap_mm) & (stem > np.maximum(cerebellum, cerebrum - 8 * points.mm_per_mm))] = Tissue.WHITE
    tissue[(hull > 4) & _is_within(points, _VENTRICLES)] = Tissue.VENTRICLE
    tissue[hull <= 0] = Tissue.OUTSIDE
    return tissue


def _cerebrum_depth(points: Points) -> tuple[Image, Image]:
    """Give the depth below the hull of the hemispheres, and the distance from the Sylvian fissure, mm."""
    below = points.z - np.float32(_CEREBRUM.centre[0])
    flat = points._replace(z=np.where(below < 0, below / _BASE_FLATTENING, below) + np.float32(_CEREBRUM.centre[0]))
    main, temporal = _depth(flat, _CEREBRUM), _depth(points, _TEMPORAL_LOBE)
    cerebrum = np.maximum(main, temporal)
    return cerebrum, np.abs(main - temporal) / 2 + np.maximum(-cerebrum, 0)


def _fissure_distance(points: Points) -> Image:
    """Give the distance from the cleft between the hemispheres, which ends at the corpus callosum."""
    inward = np.maximum(_depth(points, _CORPUS_CALLOSUM), 0)
    below = np.maximum(-8 - points.z, 0) * np.float32(points.mm_per_mm)
    distance: Image = np.abs(points.x) * np.float32(points.mm_per_mm) + inward + below
    return distance


def _sulcus_distance(folds: Image, hull_depth: Image) -> Image:
    """Give the distance, mm, from the sulci: sheets where a smooth field is 0, down to their depth."""
    below = np.maximum(hull_depth - SULCUS_DEPTH_MM, 0)
    distance: Image = np.abs(folds) * np.float32(SULCUS_SCALE_MM) + below
    return distance


def _is_within(points: Points, parts: Sequence[_Ellipsoid]) -> NDArray[np.bool_]:
    """Tell which points lie in one of the ellipsoids."""
    return reduce(np.logical_or, [_reach(_offsets(points, part)) < 1 for part in parts])


def _depth(points: Points, part: _Ellipsoid) -> Image:
    """Give about the depth, mm of the volume, below an ellipsoid's surface; negative outside."""
    offsets = _offsets(points, part)
    reach = _reach(offsets)
    radii = [np.float32(radius) for radius in part.radii]
    steepness: Image = np.sqrt(sum((offset / radius) ** 2 for offset, radius in zip(offsets, radii, strict=True)))
    # The first-order distance to the surface: the function's value over its gradient's length.
    in_mm = np.float32(points.mm_per_mm)
    steepness[steepness == 0] = 1
    depth: Image = (1 - reach) * reach * in_mm / steepness
    return depth


def _offsets(points: Points, part: _Ellipsoid) -> list[Image]:
    """Give the distances from an ellipsoid's centre along z, y and away from the midline, in its semi-axes."""
    along = (points.z, points.y, np.abs(points.x))
    return [
        (position - np.float32(middle)) / np.float32(radius)
        for position, middle, radius in zip(along, part.centre, part.radii, strict=True)
    ]


def _reach(offsets: Sequence[Image]) -> Image:
    """Give how far the points lie from an ellipsoid's centre; 1 on its surface."""
    reach: Image = np.sqrt(sum(offset**2 for offset in offsets))
    return reach


def _rotation(angles: Floats) -> Floats:
    turned = np.eye(3)
    for axis, angle in enumerate(angles):
        first, second = [other for other in range(3) if other != axis]
        plane = np.eye(3)
        plane[[first, first, second, second], [first, second, first, second]] = (
            np.cos(angle),
            -np.sin(angle),
            np.sin(angle),
            np.cos(angle),
        )
        turned = plane @ turned
    return turned
