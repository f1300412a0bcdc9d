"""What takes up contrast medium and is no metastasis: veins, sinus, arteries, choroid plexus, remnants of the dura."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from trainers.cad.phantoms.brain import Points, Tissue, Tissues
from trainers.cad.phantoms.fields import Floats, Image
from trainers.cad.phantoms.tubes import Spheres, centre_line, draw, murray, perpendicular, unit

Voxels: TypeAlias = NDArray[np.intp]
"""(n, 3) indices along z, y, x."""

SINUS_RADIUS_MM = (1.8, 2.8)
VEIN_RADIUS_MM = (0.6, 1.5)
VEINS_PER_LITRE, MEDULLARY_VEINS_PER_LITRE = 40.0, 25.0
ARTERY_ORIGIN_MM = (-22.0, -4.0, 0.0)
ARTERY_HEADINGS = ((0.3, -0.2, 1.0), (0.3, -0.2, -1.0), (0.5, -1.0, 0.1), (-1.0, 0.5, 0.0))
"""From the circle of Willis: the middle cerebral arteries, the anterior ones, and the basilar one, downwards."""


def draw_enhancement(rng: Generator, tissues: Tissues, points: Points, spacing: float) -> Image:
    """Draw blood and whatever else enhances.

    Args:
        rng: Source of chance.
        tissues: (z, y, x) of a brain.
        points: Where its voxels lie, see `brain.pose`.
        spacing: Edge of a voxel, mm.

    Returns:
        (z, y, x) share of each voxel that is filled by contrast medium as in blood, 0 to 1.
    """
    inside = tissues > Tissue.OUTSIDE
    surface = np.argwhere(inside & ~ndimage.binary_erosion(inside))
    ventricle = np.argwhere(tissues == Tissue.VENTRICLE)
    litres = float(np.count_nonzero(inside)) * spacing**3 * 1e-6
    drawn = [*_sagittal_sinus(rng, surface, points, spacing), *_arteries(rng, points, spacing)]
    drawn += _veins(rng, surface, tissues.shape, spacing, rng.poisson(VEINS_PER_LITRE * litres))
    drawn += _medullary_veins(rng, ventricle, spacing, rng.poisson(MEDULLARY_VEINS_PER_LITRE * litres))
    drawn += _choroid_plexus(rng, ventricle, spacing)
    drawn += _dura(rng, surface, spacing)
    share = np.zeros(tissues.shape, np.float32)
    draw(share, Spheres.join(drawn), spacing)
    return share


def _sagittal_sinus(rng: Generator, surface: Voxels, points: Points, spacing: float) -> list[Spheres]:
    """The large vein along the midline of the vault; skull stripping leaves its lower half."""
    z, x = (along[tuple(surface.T)] for along in (points.z, points.x))
    on_vault = surface[(np.abs(x) * points.mm_per_mm < 0.8 * spacing) & (z > 8)]
    radius = rng.uniform(*SINUS_RADIUS_MM)
    return [_balls(on_vault * spacing, np.full(len(on_vault), radius))]


def _arteries(rng: Generator, points: Points, spacing: float) -> list[Spheres]:
    from_origin = sum((along - middle) ** 2 for along, middle in zip(points[:3], ARTERY_ORIGIN_MM, strict=True))
    origin = np.array(np.unravel_index(np.argmin(from_origin), points.z.shape), np.float64) * spacing
    drawn = []
    for heading in ARTERY_HEADINGS:
        line = centre_line(rng, origin, unit(np.array(heading)), 45 * points.mm_per_mm, tortuosity=0.25)
        drawn.append(_balls(line, np.linspace(1.5, 0.8, len(line)) * rng.uniform(0.8, 1.2)))
    return drawn


def _veins(rng: Generator, surface: Voxels, shape: tuple[int, ...], spacing: float, count: int) -> list[Spheres]:
    """Cortical veins: they run along the surface, dip into it and divide."""
    middle = (np.array(shape) - 1) / 2
    drawn = []
    for start in surface[rng.integers(len(surface), size=count)]:
        inward = unit(middle - start)
        heading = unit(perpendicular(rng, inward) + rng.uniform(0.0, 0.9) * inward)
        radius = rng.uniform(*VEIN_RADIUS_MM)
        stem = centre_line(rng, start * spacing, heading, rng.uniform(10, 30), tortuosity=0.3)
        drawn.append(_balls(stem, np.full(len(stem), radius)))
        for branch in murray(radius, rng.uniform(0.5, 0.8))[0]:
            onward = unit(unit(stem[-1] - stem[-3]) + 0.7 * perpendicular(rng, inward))
            line = centre_line(rng, stem[-1], onward, rng.uniform(6, 18), tortuosity=0.35)
            drawn.append(_balls(line, branch * np.linspace(1.0, 0.5, len(line))))
    return drawn


def _medullary_veins(rng: Generator, ventricle: Voxels, spacing: float, count: int) -> list[Spheres]:
    """Thin veins of the white matter that run to the ventricles' walls."""
    if not len(ventricle):
        return []
    drawn = []
    for start in ventricle[rng.integers(len(ventricle), size=count)]:
        line = centre_line(rng, start * spacing, unit(rng.normal(size=3)), rng.uniform(10, 25), tortuosity=0.2)
        drawn.append(_balls(line, np.full(len(line), rng.uniform(0.35, 0.7))))
    return drawn


def _choroid_plexus(rng: Generator, ventricle: Voxels, spacing: float) -> list[Spheres]:
    """Lumps in the ventricles; much like a small metastasis but for their place."""
    if not len(ventricle):
        return []
    drawn = []
    for start in ventricle[rng.integers(len(ventricle), size=rng.integers(2, 5))]:
        balls = start * spacing + rng.normal(size=(5, 3)) * np.array([1.2, 2.5, 1.2])
        drawn.append(_balls(balls, rng.uniform(0.7, 1.5, size=5), rng.uniform(0.5, 0.9)))
    return drawn


def _dura(rng: Generator, surface: Voxels, spacing: float) -> list[Spheres]:
    """Patches of dura that the skull stripping left on the surface."""
    drawn = []
    for start in surface[rng.integers(len(surface), size=rng.poisson(1.5))]:
        distance = np.linalg.norm((surface - start) * spacing, axis=1)
        patch = surface[distance < rng.uniform(5, 12)] * spacing
        drawn.append(_balls(patch, np.full(len(patch), rng.uniform(0.7, 1.2)), rng.uniform(0.5, 0.9)))
    return drawn


def _balls(centres: Floats, radii: Floats, share: float = 1.0) -> Spheres:
    return Spheres(centres, radii, np.full(len(radii), share))
