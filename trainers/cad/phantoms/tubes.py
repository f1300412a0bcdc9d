"""Vessels of any organ: winding centre lines, Murray's bifurcations, and dense rows of balls drawn into a volume.

Points are in mm in the order z, y, x of the arrays, from the centre of voxel (0, 0, 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from trainers.cad.phantoms.fields import Floats, Image

EDGE_SOFTNESS_VOXELS = 0.3
"""Scale of the logistic edge; about what a voxel's point spread makes of a sharp wall."""

_VOXELS_AT_ONCE = 100_000
"""What fits into a processor's cache, about."""


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


def draw(image: Image, spheres: Spheres, spacing: float) -> None:
    """Draw balls with soft edges; where several meet, the brightest counts.

    Args:
        image: (z, y, x) volume, changed in place.
        spheres: What to draw; parts outside the volume are cut off.
        spacing: Edge of a voxel, mm.
    """
    reach = np.ceil(spheres.radii / spacing + 5 * EDGE_SOFTNESS_VOXELS).astype(int)
    for half_width in np.unique(reach):
        members = np.flatnonzero(reach == half_width)
        block = max(1, _VOXELS_AT_ONCE // int(2 * half_width + 1) ** 3)
        for first in range(0, len(members), block):
            _draw_block(image, spheres, members[first : first + block], int(half_width), spacing)


def _draw_block(image: Image, spheres: Spheres, members: NDArray[np.intp], half_width: int, spacing: float) -> None:
    """Draw some of the balls, each into the cube of (2 * `half_width` + 1)^3 voxels around it."""
    centres = spheres.centres[members] / spacing
    around = np.rint(centres).astype(np.int64)[:, None] + np.arange(-half_width, half_width + 1)[:, None]
    distance = np.sqrt(_joined(np.add, (around - centres[:, None]) ** 2))
    radii, inner = (each[members, None, None, None] for each in (spheres.radii, spheres.signal))
    signal = inner / (1 + np.exp(-np.clip((radii / spacing - distance) / EDGE_SOFTNESS_VOXELS, -30, 30)))
    inside = _joined(np.logical_and, (around >= 0) & (around < image.shape))
    flat = _joined(np.add, around * (image.shape[1] * image.shape[2], image.shape[2], 1))
    np.maximum.at(image.reshape(-1), flat[inside], signal[inside].astype(np.float32))


def _joined(join: np.ufunc, along: NDArray[np.generic]) -> NDArray[Any]:
    """Join what there is along the axes of n cubes, (n, w, 3), voxel by voxel, (n, w, w, w)."""
    z, y, x = along[:, :, None, None, 0], along[:, None, :, None, 1], along[:, None, None, :, 2]
    joined: NDArray[Any] = join(join(z, y), x)
    return joined


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


def unit(vector: Floats) -> Floats:
    """Give the unit vector (3,) along `vector` (3,)."""
    scaled: Floats = vector / np.linalg.norm(vector)
    return scaled


def perpendicular(rng: Generator, direction: Floats) -> Floats:
    """Give a random unit vector (3,) at right angles to `direction` (3,)."""
    return unit(np.cross(direction, rng.normal(size=3)))


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
        heading = unit(heading + bend)
        control.append(control[-1] + heading * length / 5)
    knots = np.linspace(0, 1, len(control))
    line: Floats = CubicSpline(knots, np.array(control))(np.linspace(0, 1, max(4, int(length / 0.3))))
    return line
