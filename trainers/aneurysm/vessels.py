"""Arterial trees: splines that bifurcate by Murray's law, and how they are drawn into a volume.

Points are in mm in the order z, y, x of the arrays, from the centre of voxel (0, 0, 0). z is the body's axis, and blood
enters at z = 0.

Source:
    Trees after the manner of VaMos, arXiv 2403.18734.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

Floats: TypeAlias = NDArray[np.float64]
Image: TypeAlias = NDArray[np.float32]

INFLOW_DECAY_MM = 150.0
"""Path after which the fresh blood's signal has fallen to 1/e: it saturates as it stays in the slab."""

LEAST_RADIUS_MM = 0.45
TAPER = 0.93
TWIG_TAPER = 0.3
"""Radius at a segment's end over that at its start, where the vessel goes on, and where it leaves the resolution."""

EDGE_SOFTNESS_VOXELS = 0.3
"""Scale of the logistic edge; about what a voxel's point spread makes of a sharp wall."""

_BLOCK_ELEMENTS = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Spheres:
    """Balls of blood, or of fat; a vessel is a dense row of them.

    Attributes:
        centres: (n, 3) z, y, x in mm.
        radii: (n,) mm.
        signal: (n,) signal inside, about 0 to 1.
    """

    centres: Floats
    radii: Floats
    signal: Floats

    @classmethod
    def join(cls, parts: Sequence[Spheres]) -> Spheres:
        """Put several sets together."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


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
    shoots = [_Shoot(root, _unit(np.array([1.0, *rng.normal(scale=0.35, size=2)])), radius, 0.0, 0)]
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


def draw(image: Image, spheres: Spheres, spacing: float) -> None:
    """Draw balls with soft edges; where several meet, the brightest counts.

    Args:
        image: (z, y, x) volume, changed in place.
        spheres: What to draw; parts outside the volume are cut off.
        spacing: Edge of a voxel, mm.
    """
    reach = np.ceil(spheres.radii / spacing + 5 * EDGE_SOFTNESS_VOXELS).astype(int)
    for half_width in np.unique(reach):
        offsets = np.stack(np.meshgrid(*3 * [np.arange(-half_width, half_width + 1)], indexing="ij"), -1).reshape(-1, 3)
        members = np.flatnonzero(reach == half_width)
        block = max(1, _BLOCK_ELEMENTS // len(offsets))
        for first in range(0, len(members), block):
            _draw_block(image, spheres, members[first : first + block], offsets, spacing)


def _draw_block(
    image: Image, spheres: Spheres, members: NDArray[np.intp], offsets: NDArray[np.int64], spacing: float
) -> None:
    centres = spheres.centres[members] / spacing
    voxels = np.rint(centres).astype(np.int64)[:, None] + offsets
    inside = ((voxels >= 0) & (voxels < image.shape)).all(axis=-1)
    distance = np.linalg.norm(voxels - centres[:, None], axis=-1)
    depth = (spheres.radii[members, None] / spacing - distance) / EDGE_SOFTNESS_VOXELS
    signal = spheres.signal[members, None] / (1 + np.exp(-np.clip(depth, -30, 30)))
    flat = np.ravel_multi_index(tuple(voxels[inside].T), image.shape)
    np.maximum.at(image.reshape(-1), flat, signal[inside].astype(np.float32))


def murray(radius: float, share: float) -> tuple[Floats, Floats]:
    """Divide a vessel in two.

    Args:
        radius: Radius of the parent, mm.
        share: Part of the blood that the first branch takes, between 0 and 1.

    Returns:
        Radii (2,) of the branches, mm, and their angles (2,) with the parent's course, radians.

    Source:
        Murray, J Gen Physiol 9 (1926): r0^3 = r1^3 + r2^3, cos(theta_1) = (r0^4 + r1^4 - r2^4) / (2 r0^2 r1^2), and
        the same with 1 and 2 exchanged.
    """
    radii = radius * np.cbrt([share, 1 - share])
    cosines = (radius**4 + radii**4 - radii[::-1] ** 4) / (2 * radius**2 * radii**2)
    return radii, np.arccos(np.clip(cosines, -1, 1))


def perpendicular(rng: Generator, direction: Floats) -> Floats:
    """Give a random unit vector (3,) at right angles to `direction` (3,)."""
    return _unit(np.cross(direction, rng.normal(size=3)))


def centre_line(rng: Generator, start: Floats, heading: Floats, length: float, tortuosity: float) -> Floats:
    """Wind a smooth line through the volume.

    Args:
        rng: Source of chance.
        start: (3,) first point, mm.
        heading: (3,) unit vector, the first direction.
        length: Length, mm.
        tortuosity: Standard deviation of the change of heading at each of five control points, radians.

    Returns:
        (n, 3) points about 0.3 mm apart, at least four.
    """
    control, bend = [start], rng.normal(scale=tortuosity, size=3)
    for _ in range(5):
        bend = 0.6 * bend + rng.normal(scale=0.6 * tortuosity, size=3)
        heading = _unit(heading + bend)
        control.append(control[-1] + heading * length / 5)
    knots = np.linspace(0, 1, len(control))
    line: Floats = CubicSpline(knots, np.array(control))(np.linspace(0, 1, max(4, int(length / 0.3))))
    return line


def _grow_segment(rng: Generator, shoot: _Shoot, length: float, taper: float) -> tuple[Spheres, Floats]:
    points = centre_line(rng, shoot.start, shoot.heading, length, tortuosity=0.22 + 0.06 * shoot.generation)
    along = np.linspace(0, 1, len(points))
    pulse = 1 + 0.04 * np.sin(along * rng.uniform(6, 20) + rng.uniform(0, 6))
    signal = np.exp(-(shoot.path_mm + along * length) / INFLOW_DECAY_MM)
    return Spheres(points, shoot.radius * taper**along * pulse, signal), _unit(points[-1] - points[-3])


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


def _unit(vector: Floats) -> Floats:
    unit: Floats = vector / np.linalg.norm(vector)
    return unit
