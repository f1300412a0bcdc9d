"""The upper abdomen: liver, its vessels, spleen, aorta, gallbladder, diaphragm and what lies between.

Arrays run along z, y, x; z points to the head, y to the back, x to the patient's left, so the liver lies at small x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from trainers.cad.phantoms.blobs import Blob, draw_blob, paint
from trainers.cad.phantoms.fields import Floats, Image, smooth_field
from trainers.cad.phantoms.tubes import Spheres, centre_line, draw, murray, perpendicular, unit
from trainers.liver_nodule.contrast import Uptake

LEAST_VESSEL_VOXELS = 0.5
"""Radius at which vessels are no longer followed; they vanish in the noise."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Where the voxels lie.

    Attributes:
        shape: Voxels along z, y, x.
        spacing: Edge of a voxel, mm.
    """

    shape: tuple[int, int, int]
    spacing: float

    @property
    def extent(self) -> Floats:
        """Field of view (3,), z, y, x in mm."""
        return (np.array(self.shape) - 1) * self.spacing


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """A patient without lesions.

    Attributes:
        image: (5, z, y, x) signal, free of noise.
        depth: (z, y, x) distance from the liver's surface, mm, positive inside.
        vessels: (z, y, x) share of each voxel that is a vessel of the liver.
    """

    image: Image
    depth: Image
    vessels: Image


def draw_anatomy(rng: Generator, grid: Grid, uptake: Uptake, *, nodular: float) -> Anatomy:
    """Draw a patient.

    Args:
        rng: Source of chance.
        grid: Field of view and resolution.
        uptake: How the tissues enhance.
        nodular: Strength of the liver's coarse texture, 0 for a healthy one to 1 for cirrhosis.
    """
    image = _surroundings(rng, grid, uptake)
    liver = _liver(rng, grid)
    _paint_liver(rng, image, liver, uptake, nodular)
    vessels = _vessels(rng, grid) * liver.coverage()
    image += vessels * (uptake.curve("vein").reshape(-1, 1, 1, 1).astype(np.float32) - image)
    _paint_organ(rng, image, grid, uptake, "bile", at=(0.16, 0.34, 0.5), radii=(0.13, 0.06, 0.06))
    return Anatomy(image, liver.depth, vessels)


def _surroundings(rng: Generator, grid: Grid, uptake: Uptake) -> Image:
    """Give bowel and muscle in fat, the lung above the diaphragm, spleen and aorta."""
    is_soft = np.clip(3 * smooth_field(rng, grid.shape, scale=14 / grid.spacing) + 0.5, 0, 1)
    muscle, fat, lung = (uptake.curve(tissue).reshape(-1, 1, 1, 1) for tissue in ("muscle", "fat", "lung"))
    image: Image = (is_soft * muscle + (1 - is_soft) * fat).astype(np.float32)
    z, y, x = np.ix_(*(np.linspace(-1, 1, edge) for edge in grid.shape))
    above = z - (0.86 - 0.35 * (x + 0.2) ** 2 - 0.35 * y**2 + rng.normal(scale=0.04))
    air = np.clip(above * grid.shape[0] / 2 + 0.5, 0, 1)
    image += (air * (lung - image)).astype(np.float32)
    _paint_organ(rng, image, grid, uptake, "spleen", at=(0.5, 0.75, 0.92), radii=(0.28, 0.2, 0.12))
    _paint_organ(rng, image, grid, uptake, "artery", at=(0.5, 0.95, 0.6), radii=(9.0, 0.07, 0.07))
    return image


def _paint_organ(
    rng: Generator,
    image: Image,
    grid: Grid,
    uptake: Uptake,
    tissue: str,
    *,
    at: tuple[float, float, float],
    radii: tuple[float, float, float],
) -> None:
    """Paint an ellipsoid; its place and size are shares of the field of view, and vary."""
    centre = (np.array(at) + rng.normal(scale=0.03, size=3)) * grid.extent
    sizes = np.array(radii) * grid.extent * np.exp(rng.normal(scale=0.12, size=3))
    organ = draw_blob(rng, grid.shape, grid.spacing, centre, sizes, roughness=0.05)
    paint(image, organ, organ.coverage(), uptake.curve(tissue))


def _liver(rng: Generator, grid: Grid) -> Blob:
    """Give the liver: an ellipsoid that gets thin towards the patient's left, with a hollow for the hilum."""
    centre = grid.extent * (np.array([0.48, 0.46, 0.44]) + rng.normal(scale=0.02, size=3))
    radii = grid.extent * np.array([0.46, 0.40, 0.46]) * np.exp(rng.normal(scale=0.06, size=3))
    axes = [
        (np.arange(edge) * grid.spacing - middle) / radius
        for edge, middle, radius in zip(grid.shape, centre, radii, strict=True)
    ]
    z, y, x = np.ix_(*axes)
    thickness = 1 - 0.45 * np.clip(x + 0.1, 0, 1)
    distance = np.sqrt((z / thickness) ** 2 + (y / thickness) ** 2 + x**2)
    hilum = 0.35 * np.exp(-((z + 0.9) ** 2 + (y - 0.5) ** 2 + (x - 0.3) ** 2) / 0.15)
    dents = 0.06 * smooth_field(rng, grid.shape, scale=30 / grid.spacing)
    depth = float(np.mean(radii)) * (1 - distance - hilum + dents)
    return Blob(tuple(slice(edge) for edge in grid.shape), depth.astype(np.float32), grid.spacing)


def _paint_liver(rng: Generator, image: Image, liver: Blob, uptake: Uptake, nodular: float) -> None:
    """Paint the parenchyma; regenerative nodules make its texture, most of all where it takes up the agent."""
    coarse = smooth_field(rng, liver.depth.shape, scale=4 / liver.spacing)
    patchy = smooth_field(rng, liver.depth.shape, scale=25 / liver.spacing)
    by_phase = np.linspace(0.5, 1, len(image)).reshape(-1, 1, 1, 1)
    texture = 1 + by_phase * ((0.015 + 0.05 * nodular) * coarse + 0.03 * patchy)
    paint(image, liver, liver.coverage(), uptake.curve("liver").reshape(-1, 1, 1, 1) * texture)


def _vessels(rng: Generator, grid: Grid) -> Image:
    """Give the share (z, y, x) of each voxel that portal and hepatic veins fill."""
    scale = float(grid.extent.mean()) / 200
    least = LEAST_VESSEL_VOXELS * grid.spacing
    veins = _grow(rng, np.array([0.2, 0.62, 0.55]) * grid.extent, np.array([0.6, -0.3, -0.6]), 7.0 * scale, least)
    for sideways in (-0.9, -0.2, 0.6):
        course = np.array([-0.7, -0.5, sideways])
        veins += _grow(rng, np.array([0.86, 0.72, 0.5]) * grid.extent, course, 5.0 * scale, least)
    lumen = np.zeros(grid.shape, np.float32)
    draw(lumen, Spheres.join(veins), grid.spacing)
    return lumen


def _grow(rng: Generator, start: Floats, heading: Floats, radius: float, least: float) -> list[Spheres]:
    """Grow a tree of veins; each bifurcates by Murray's law until its branches are thinner than `least`, mm."""
    tubes: list[Spheres] = []
    shoots: list[tuple[Floats, Floats, float]] = [(start, unit(heading), radius)]
    while shoots:
        first, course, width = shoots.pop()
        points = centre_line(rng, first, course, width * rng.uniform(5, 8), tortuosity=0.2)
        dense_enough = points[:: max(1, int(width))]  # a third of the radius apart
        tubes.append(Spheres(dense_enough, np.full(len(dense_enough), width), np.ones(len(dense_enough))))
        radii, angles = murray(0.95 * width, rng.uniform(0.5, 0.75))
        ahead = unit(points[-1] - points[-3])
        aside = perpendicular(rng, ahead)
        for branch, angle, side in zip(radii, angles, (1, -1), strict=True):
            if branch >= least:
                course = unit(np.cos(angle) * ahead + side * np.sin(angle) * aside)
                shoots.append((points[-1], course, float(branch)))
    return tubes
