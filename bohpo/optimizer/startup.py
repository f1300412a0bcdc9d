"""Where to begin: the centre of the space, then a scrambled Sobol sequence.

Nearly all of a cube's volume is near its surface, so more points of the sequence tell ever more about corners, in many
dimensions sooner than in few; people choose ranges around what they expect. Where many jobs run, the start is long,
since no result is known until the first of them have ended: its later points are drawn in.

Every point follows from the seed and its index alone, so any process can continue the sequence.

Source:
    A low-discrepancy start beats random points, the centre first beats both, and drawing in helps where 32 jobs run or
    a network has 17 parameters: measured on tuning tasks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bohpo.optimizer.cube import Cube, Points
from bohpo.optimizer.recipe import FEW_NUMBERS

Admissible = Callable[[Points], bool]
"""Whether a point, shape (d,), may be proposed."""

SPREAD = 17
"""The centre and the first 16 points of the sequence stay as they are; after these every second one is drawn in."""

SPREAD_OF_MANY = 5
"""Of many numeric parameters the first 4 points stay as they are; after these all are drawn in, up to `SPREAD`."""

DRAWN_IN = 0.35
"""What is left of the distance of a point that is drawn in from the centre, along every numeric parameter."""

FRESH_DRAWS = 1024
"""So many random points are tried before a space is listed in full to find one that may be proposed."""

MOST_LISTED = 100_000
"""A space of more points than this is never so full that random draws miss what is left."""


def sobol(dimension: int, count: int, seed: int, *, start: int = 0) -> Points:
    """Give points of a scrambled Sobol sequence.

    Args:
        dimension: d, may be 0.
        count: How many points.
        seed: Of the scrambling.
        start: Index of the first.

    Returns:
        Points in [0, 1)^d, shape (count, d).
    """
    if dimension == 0:
        return np.empty((count, 0))
    from scipy.stats import qmc

    engine = qmc.Sobol(dimension, scramble=True, seed=np.random.default_rng(seed))
    if start:
        return np.asarray(engine.fast_forward(start).random(count))
    return np.asarray(engine.random_base2(max(count - 1, 0).bit_length())[:count])


def startup_points(
    cube: Cube, first: int, count: int, seed: int, *, centre_first: bool = True, draw_in: bool = True
) -> Points:
    """Give the points to begin with, from an index on.

    Args:
        cube: Of the space.
        first: Index of the first point: how many were proposed before.
        count: How many points.
        seed: Of the sequence.
        centre_first: Whether the point of index 0 is the centre, with choices at random, not one of the sequence.
        draw_in: Whether later points are drawn towards the centre, see `SPREAD`.

    Returns:
        Points, shape (count, d).
    """
    before = int(centre_first)  # the sequence begins after the centre: its first 2^k points fill the space evenly
    lead = min(max(before - first, 0), count)
    points = sobol(len(cube), count - lead, seed, start=max(first - before, 0))
    if draw_in:
        _draw_in(cube, points, np.arange(first + lead, first + count))
    points = cube.snap(points)
    return points if not lead else np.vstack([centre(cube, np.random.default_rng(seed))[None], points])


def _draw_in(cube: Cube, points: Points, indices: NDArray[np.intp]) -> None:
    """Draw the numeric coordinates of later points towards the centre, in place; see `SPREAD`."""
    drawn_in = (indices >= SPREAD) & (indices % 2 == 0)
    if cube.layout.numeric > FEW_NUMBERS:
        drawn_in |= (indices >= SPREAD_OF_MANY) & (indices < SPREAD)
    chosen = np.ix_(drawn_in, cube.numeric_axes)
    points[chosen] = 0.5 + DRAWN_IN * (points[chosen] - 0.5)


def centre(cube: Cube, rng: np.random.Generator) -> Points:
    """Give the middle of every numeric parameter, and choices at random: the first of each may all be "none"."""
    point = np.array([rng.choice(axis.values) if axis.is_categorical else 0.5 for axis in cube.axes])
    return np.asarray(cube.snap(point[None])[0])


def fresh_point(cube: Cube, rng: np.random.Generator, admissible: Admissible) -> Points | None:
    """Draw a point that may be proposed.

    Args:
        cube: Of the space.
        rng: Draws it.
        admissible: Whether a point may be proposed.

    Returns:
        A point, shape (d,); None if none was found, which is where there is none in a space that can be listed.
    """
    for point in cube.snap(rng.random((FRESH_DRAWS, len(cube)))):
        if admissible(point):
            return np.asarray(point)
    listed = cube.every_point(MOST_LISTED)
    for point in rng.permutation(listed) if listed is not None else ():
        if admissible(point):
            return np.asarray(point)
    return None
