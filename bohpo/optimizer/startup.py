"""Where to begin: the centre of the space, then a scrambled Sobol sequence.

Every point follows from the seed and its index alone, so any process can continue the sequence.

Source:
    A low-discrepancy start beats random points, and the centre first beats both: measured on tuning tasks.
"""

from __future__ import annotations

import numpy as np

from bohpo.optimizer.cube import Cube, Points

FRESH_DRAWS = 256
"""So many random points are tried before a space is listed in full to find one that is not taken."""

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
    return np.asarray(engine.fast_forward(start).random(count) if start else engine.random(count))


def startup_point(cube: Cube, index: int, seed: int, taken: set[bytes]) -> Points:
    """Give the point to begin with at an index.

    Args:
        cube: Of the space.
        index: How many were proposed before.
        seed: Of the sequence.
        taken: Keys of the points not to give again.

    Returns:
        A point, shape (d,); one that is taken only where all are.
    """
    if index == 0:
        first = cube.encode([cube.space.default])[0]
    else:
        first = cube.snap(sobol(len(cube), 1, seed, start=index - 1))
    if cube.keys(first)[0] not in taken:
        return np.asarray(first[0])
    return fresh_point(cube, np.random.default_rng([seed, index]), taken)


def fresh_point(cube: Cube, rng: np.random.Generator, taken: set[bytes]) -> Points:
    """Draw a point that is not taken, shape (d,); any point where all are."""
    draws = cube.snap(rng.random((FRESH_DRAWS, len(cube))))
    free = untaken(cube, draws, taken)
    if not len(free):
        listed = cube.every_point(MOST_LISTED)
        free = untaken(cube, listed, taken) if listed is not None else free
        rng.shuffle(free)
    return np.asarray(free[0] if len(free) else draws[0])


def untaken(cube: Cube, points: Points, taken: set[bytes]) -> Points:
    """Keep the points that are not taken, in their order."""
    return points[[key not in taken for key in cube.keys(points)]]
