"""Arterial trees: splines that bifurcate by Murray's law.

Points are in mm in the order z, y, x of the arrays, from the centre of voxel (0, 0, 0). z is the body's axis, and blood
enters at z = 0.

Source:
    Trees after the manner of VaMos, arXiv 2403.18734.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from trainers.cad.case import Floats
from trainers.cad.phantoms.tubes import Spheres, centre_line, murray, perpendicular, unit

INFLOW_DECAY_MM = 150.0
"""Path after which the fresh blood's signal has fallen to 1/e: it saturates as it stays in the slab."""

LEAST_RADIUS_MM = 0.45
TAPER = 0.93
TWIG_TAPER = 0.3
"""Radius at a segment's end over that at its start, where the vessel goes on, and where it leaves the resolution."""


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A place on a vessel's wall where something may grow.

    Attributes:
        wall_centre: (3,) point of the centre line, z, y, x in mm.
        outward: (3,) unit vector out of the vessel.
        radius: Radius of the vessel, mm.
        signal: Signal of its blood.
        at_bifurcation: Whether it is the apex of a bifurcation, where most aneurysms grow.
    """

    wall_centre: Floats
    outward: Floats
    radius: float
    signal: float
    at_bifurcation: bool


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """An arterial tree: its blood and the sites on its walls."""

    blood: Spheres
    sites: tuple[Site, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Shoot:
    """The end of a vessel that still grows."""

    start: Floats
    heading: Floats
    radius: float
    path_mm: float
    generation: int


def grow_tree(
    rng: Generator, extent: Floats, radius: float, generations: int, length_in_radii: tuple[float, float]
) -> Tree:
    """Grow a tree from the bottom of the field of view upwards.

    Args:
        rng: Source of chance.
        extent: (3,) field of view, z, y, x in mm.
        radius: Radius of the root, mm.
        generations: Number of bifurcations on the longest way.
        length_in_radii: Least and greatest length of a vessel between two of them.

    Returns:
        The tree; it may leave the field of view, its sites do not.
    """
    root = extent * np.array([0.0, *rng.uniform(0.15, 0.85, size=2)])
    shoots = [_Shoot(root, unit(np.array([1.0, *rng.normal(scale=0.35, size=2)])), radius, 0.0, 0)]
    blood, sites = [], []
    while shoots:
        shoot = shoots.pop()
        length = shoot.radius * rng.uniform(*length_in_radii)
        spheres, heading = _grow_segment(rng, shoot, length, TAPER if shoot.generation < generations else TWIG_TAPER)
        blood.append(spheres)
        sites += _wall_sites(rng, spheres, extent)
        if shoot.generation < generations and spheres.radii[-1] > LEAST_RADIUS_MM and _inside(spheres, extent):
            tip = spheres.centres[-1], heading, float(spheres.radii[-1])
            end = _Shoot(*tip, shoot.path_mm + length, shoot.generation + 1)
            sites.append(Site(end.start, heading, end.radius, float(spheres.signal[-1]), at_bifurcation=True))
            shoots += _bifurcate(rng, end)
    return Tree(Spheres.join(blood), tuple(sites))


def _grow_segment(rng: Generator, shoot: _Shoot, length: float, taper: float) -> tuple[Spheres, Floats]:
    points = centre_line(rng, shoot.start, shoot.heading, length, tortuosity=0.22 + 0.06 * shoot.generation)
    along = np.linspace(0, 1, len(points))
    pulse = 1 + 0.04 * np.sin(along * rng.uniform(6, 20) + rng.uniform(0, 6))
    signal = np.exp(-(shoot.path_mm + along * length) / INFLOW_DECAY_MM)
    return Spheres(points, shoot.radius * taper**along * pulse, signal), unit(points[-1] - points[-3])


def _bifurcate(rng: Generator, end: _Shoot) -> list[_Shoot]:
    radii, angles = murray(end.radius, rng.uniform(0.5, 0.85))
    aside = perpendicular(rng, end.heading)
    headings = np.cos(angles)[:, None] * end.heading + (np.sin(angles) * [1, -1])[:, None] * aside
    return [
        _Shoot(end.start, heading, float(radius), end.path_mm, end.generation)
        for heading, radius in zip(headings, radii, strict=True)
    ]


def _wall_sites(rng: Generator, spheres: Spheres, extent: Floats) -> list[Site]:
    middle = int(len(spheres.radii) * rng.uniform(0.25, 0.75))
    point = spheres.centres[middle]
    if not ((point > 0) & (point < extent)).all():
        return []
    outward = perpendicular(rng, spheres.centres[middle + 1] - spheres.centres[middle - 1])
    return [Site(point, outward, float(spheres.radii[middle]), float(spheres.signal[middle]), at_bifurcation=False)]


def _inside(spheres: Spheres, extent: Floats) -> bool:
    end = spheres.centres[-1]
    return bool(((end > 0) & (end < extent)).all())
