"""Other coordinates that a table of lesions may be in than mm of LPS, and how each is turned into them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from trainers.cad.case import Floats
from trainers.cad.frames import Frame

Reading: TypeAlias = Callable[[Floats, Frame | None], Floats | None]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Other coordinates that a table may be in.

    Attributes:
        change: What is done to its numbers, to follow `with`.
        nature: What they look like then.
        remedy: What to write instead.
        read: Turns points (n, 3) of the table into world coordinates; None where it would have to know the frame.
        scale: What diameters are multiplied by.
    """

    change: str
    nature: str
    remedy: str
    read: Reading
    scale: float = 1.0


def _signs(x: float, y: float, z: float) -> Reading:
    return lambda points, _: points * np.array([x, y, z])


def _indices(points: Floats, frame: Frame | None) -> Floats | None:
    return None if frame is None else frame.from_mm(points * frame.edges)


def _distances(points: Floats, frame: Frame | None) -> Floats | None:
    return None if frame is None else frame.from_mm(points)


def _reordered(columns: tuple[int, int, int], read: Reading) -> Reading:
    return lambda points, frame: read(points[:, columns], frame)


def _reversed(read: Reading) -> Reading:
    return _reordered((2, 1, 0), read)


_WORLD = "write world coordinates in mm, LPS"
_ORDER = "write the columns in the order x, y, z"

GIVEN = Hypothesis("them as given", "world coordinates in mm, LPS", "", _signs(1, 1, 1))

HYPOTHESES = (
    GIVEN,
    Hypothesis("x and y negated", "RAS coordinates, as of nibabel", "negate x and y", _signs(-1, -1, 1)),
    Hypothesis("x negated", "coordinates with x turned over", "negate x", _signs(-1, 1, 1)),
    Hypothesis("y negated", "coordinates with y turned over", "negate y", _signs(1, -1, 1)),
    Hypothesis("z negated", "coordinates with z turned over", "negate z", _signs(1, 1, -1)),
    Hypothesis("x and z negated", "coordinates with x and z turned over", "negate x and z", _signs(-1, 1, -1)),
    Hypothesis("y and z negated", "coordinates with y and z turned over", "negate y and z", _signs(1, -1, -1)),
    Hypothesis("x, y and z negated", "coordinates with all axes turned over", "negate x, y and z", _signs(-1, -1, -1)),
    Hypothesis("x and z exchanged", "coordinates in the order z, y, x", _ORDER, _reversed(_signs(1, 1, 1))),
    Hypothesis(
        "x and z exchanged, x and y negated",
        "RAS coordinates in the order z, y, x",
        f"{_ORDER}, and negate x and y",
        _reversed(_signs(-1, -1, 1)),
    ),
    Hypothesis("x and y exchanged", "coordinates in the order y, x, z", _ORDER, _reordered((1, 0, 2), _signs(1, 1, 1))),
    Hypothesis("y and z exchanged", "coordinates in the order x, z, y", _ORDER, _reordered((0, 2, 1), _signs(1, 1, 1))),
    Hypothesis("them as indices", "indices of voxels i, j, k", _WORLD, _indices),
    Hypothesis("them as indices k, j, i", "indices of an array in the order k, j, i", _WORLD, _reversed(_indices)),
    Hypothesis(
        "them as indices j, i, k", "indices of rows, columns and slices", _WORLD, _reordered((1, 0, 2), _indices)
    ),
    Hypothesis("them counted from the first voxel", "mm from the first voxel", _WORLD, _distances),
    Hypothesis("them times 10", "centimetres", "multiply x, y and z by 10", _signs(10, 10, 10)),
    Hypothesis("them times 1000", "metres", "multiply x, y and z by 1000", _signs(1000, 1000, 1000)),
)
"""The table as given first, and what is confused with it."""

DIAMETERS = (
    GIVEN,
    Hypothesis("diameters doubled", "radii", "write diameters", _signs(1, 1, 1), 2.0),
    Hypothesis("diameters times 10", "diameters in centimetres", "write mm", _signs(1, 1, 1), 10.0),
)
"""The diameters as given, and what is confused with them."""
