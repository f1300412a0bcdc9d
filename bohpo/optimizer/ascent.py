"""Climb a smooth function from several points of the unit cube at once.

Every point has a quasi-Newton model of its own, and each evaluation serves all of them: one that went up enough takes
its step, another shortens its own. So no point waits for the line search of another one, and a batch costs little more
than a single point.

Source:
    Nocedal and Wright 2006, algorithm 6.1 (BFGS) and equation 6.20 (its first scaling); Bertsekas 1982 (projection:
    coordinates that press against a bound are held fixed).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

Function = Callable[[Array], tuple[Array, Array]]
"""Gives values (k,) and gradients (k, q) at points (k, q)."""

SUFFICIENT = 1e-4
"""Share of the increase that the gradient promises which a step has to bring."""

FIRST_STEP = 0.2
LONGEST_STEP = 0.5
"""Of any coordinate, in widths of the cube."""

SHORTENED = 0.25

LEAST_BEND = 1e-12
"""Along a step on which the gradient fell by less, the function is as good as straight."""


def ascend(function: Function, points: Array, free: Mask, *, evaluations: int, tolerance: float) -> Array:
    """Climb from every point.

    Args:
        function: To be maximized.
        points: Where to begin, shape (k, q), in [0, 1].
        free: Which coordinates may change, shape (k, q).
        evaluations: Of the function, at most.
        tolerance: It ends where no point expects a step to bring more.

    Returns:
        The best point that each met, shape (k, q).
    """
    x = points
    f, g = function(x)
    curvature = _Curvature(*x.shape)
    step, rise = _direction(x, g, free, curvature)
    length = _limit(step, FIRST_STEP)
    for _ in range(evaluations - 1):
        if rise.max(initial=0.0) <= tolerance:
            break
        trial = np.clip(x + length[:, None] * step, 0.0, 1.0)
        moved = trial - x
        f_trial, g_trial = function(trial)
        higher = f_trial >= f + SUFFICIENT * np.einsum("kj,kj->k", g, moved)
        curvature.learn(moved * free, (g - g_trial) * free, higher)
        x, g = (np.where(higher[:, None], new, old) for new, old in ((trial, x), (g_trial, g)))
        f = np.where(higher, f_trial, f)
        new_step, new_rise = _direction(x, g, free, curvature)
        step, rise = np.where(higher[:, None], new_step, step), np.where(higher, new_rise, rise)
        length = np.where(higher, _limit(step, LONGEST_STEP), SHORTENED * length)
    return x


def _direction(x: Array, g: Array, free: Mask, curvature: _Curvature) -> tuple[Array, Array]:
    """Give where each point goes, shape (k, q), and how much that promises to bring, (k,)."""
    pressed = ((x <= 0.0) & (g < 0.0)) | ((x >= 1.0) & (g > 0.0))
    along = np.where(free & ~pressed, g, 0.0)
    step = np.where(along != 0.0, curvature.newton(along), 0.0)
    rise = np.einsum("kj,kj->k", step, along)
    downhill = rise <= 0.0
    step[downhill] = along[downhill]
    return step, np.where(downhill, np.einsum("kj,kj->k", along, along), rise)


def _limit(step: Array, longest: float) -> Array:
    """Give what to multiply steps with, 1 unless a coordinate would change by more than the longest; shape (k,)."""
    largest = np.abs(step).max(axis=1, initial=longest)
    return np.asarray(longest / largest)


class _Curvature:
    """The inverse of minus the Hessian at every point, as far as the gradients met so far tell."""

    def __init__(self, count: int, dimension: int) -> None:
        self._inverse = np.tile(np.eye(dimension), (count, 1, 1))
        self._is_new = np.ones(count, dtype=bool)

    def newton(self, gradient: Array) -> Array:
        """Give the steps to where the gradients would vanish, shape (k, q) in and out."""
        return np.asarray(np.matmul(self._inverse, gradient[:, :, None])[:, :, 0])

    def learn(self, moved: Array, fallen: Array, which: Mask) -> None:
        """Take in by how much gradients fell along steps, both (k, q), at some of the points."""
        bend = np.einsum("kj,kj->k", moved, fallen)
        known = which & (bend > LEAST_BEND)
        squared = np.einsum("kj,kj->k", fallen, fallen)
        first = known & self._is_new
        self._inverse[first] *= (bend / np.where(known, squared, 1.0))[first, None, None]
        self._is_new &= ~known
        rate = np.where(known, 1.0 / np.where(known, bend, 1.0), 0.0)
        newton = self.newton(fallen)
        along = rate * (1.0 + rate * np.einsum("kj,kj->k", fallen, newton))
        mixed = newton[:, :, None] * moved[:, None, :]
        self._inverse += along[:, None, None] * moved[:, :, None] * moved[:, None, :]
        self._inverse -= rate[:, None, None] * (mixed + mixed.transpose(0, 2, 1))
