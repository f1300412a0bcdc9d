"""Where the model hopes for most: an upper confidence bound, searched over numbers and choices together.

    acquisition(x) = mean(x | completed) + weight * sd(x | completed and pending)

The steps:

1. Candidates: all over the space, and around the best points by posterior mean; in a small space, every point.
2. Where there are more trials than a search can afford, a sketch of them ranks the candidates, and what is nearest to
   the best of these takes its place.
3. Climb from the best candidates: along the gradient of the continuous parameters, then from neighbour to neighbour
   over the others, all starts at once.
4. The last choice, exact where there are not too many trials: the greatest acquisition that is not taken.

Source:
    Song et al. 2024, arXiv 2408.11527 (Vizier's Gaussian process bandit): its rule for pending points.
    The weight, the search and its sizes: measured on tuning tasks against expected improvement and Thompson samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bohpo.optimizer.ascent import ascend
from bohpo.optimizer.covariance import Array
from bohpo.optimizer.cube import Cube, Points
from bohpo.optimizer.model import Model
from bohpo.optimizer.posterior import Posterior
from bohpo.optimizer.recipe import Recipe
from bohpo.optimizer.startup import Admissible, sobol

SOBOL_POINTS = 512
SPRAY_POINTS = 256
SPRAY_CENTRES = 5
SPRAY_WIDTHS = (0.02, 0.08, 0.25)
"""Candidates: all over the space, and around the best by posterior mean. Half as many were worse, 4 times no better."""

LOCAL_STARTS = 8
GRADIENT_EVALUATIONS = 25
GRADIENT_TOLERANCE = 2e-3
NEIGHBOUR_STEPS = 3
"""Refinement: along the gradient of the continuous parameters, then steps to the best neighbour over the others.

A second round costs as much again and raises the acquisition by less than a thousandth of the scores' deviation.
"""

LEAST_STEP = 1e-9
"""A neighbour that is better by less is no better."""

FINALISTS = 32
"""Points that a better posterior than the one that found them is asked about."""

MOST_SKETCHED = 512
"""Candidates that a sketch passes on."""

MOST_LISTED = 2048
"""A space of at most so many points is evaluated in full."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A point that the search chose.

    Attributes:
        point: Shape (d,).
        mean: Posterior mean, in the unit of the standardised values.
        sd: Posterior standard deviation given completed trials alone, in the same unit.
        acquisition: In the same unit.
    """

    point: Points
    mean: float
    sd: float
    acquisition: float


@dataclass(frozen=True, slots=True)
class Met:
    """Points that a search met, with their acquisition: shapes (m, d) and (m,)."""

    points: Points
    acquisition: Array

    def best_first(self) -> Met:
        """Order them by acquisition."""
        order = np.argsort(-self.acquisition, kind="stable")
        return Met(self.points[order], self.acquisition[order])

    def admissible(self, admissible: Admissible, count: int) -> Met:
        """Keep the first `count` that may be proposed, in their order."""
        kept: list[int] = []
        for row, point in enumerate(self.points):
            if len(kept) == count:
                break
            if admissible(point):
                kept.append(row)
        return Met(self.points[kept], self.acquisition[kept])


class Search:
    """The search for the greatest acquisition among points that may be proposed."""

    def __init__(
        self,
        cube: Cube,
        model: Model,
        pending: Array,
        rng: np.random.Generator,
        recipe: Recipe,
        *,
        sd_weight: float,
    ) -> None:
        """Search a cube.

        Args:
            cube: Of the space.
            model: What completed and failed trials say.
            pending: Features of what is running, shape (p, f).
            rng: Draws the candidates.
            recipe: The parts of the search.
            sd_weight: Weight of the standard deviation in the acquisition.
        """
        self._cube, self._model, self._pending, self._rng, self._recipe = cube, model, pending, rng, recipe
        self._sd_weight = sd_weight

    def choose(self, admissible: Admissible) -> Choice | None:
        """Choose a point; None where the search met none that may be proposed."""
        listed = self._cube.every_point(MOST_LISTED)
        candidates = self._candidates() if listed is None else listed
        posterior = self._model.whole(self._pending)
        if posterior is None:
            sketched = self._rate(self._model.sketch(self._pending), candidates).best_first()
            place = self._features(sketched.admissible(admissible, FINALISTS).points)
            posterior = self._model.around(place, self._pending)
            candidates = sketched.points[:MOST_SKETCHED]
        met = self._rate(posterior, candidates)
        if listed is None and self._recipe.climb:
            met = self._climb(posterior, met)
        finalists = met.best_first().admissible(admissible, FINALISTS)
        if not len(finalists.points):
            return None
        last = self._model.last(self._features(finalists.points), self._pending)
        if last is not None:
            finalists = self._rate(last, finalists.points).best_first()
        return self._choice(finalists)

    def _choice(self, finalists: Met) -> Choice:
        features = self._features(finalists.points[:1])
        alone = self._model.whole(self._pending[:0]) or self._model.around(features, self._pending[:0])
        mean, sd = alone.moments(features)
        return Choice(finalists.points[0], float(mean[0]), float(sd[0]), float(finalists.acquisition[0]))

    def _features(self, points: Points) -> Array:
        return self._cube.features(points)

    def _rate(self, posterior: Posterior, points: Points) -> Met:
        mean, sd = posterior.moments(self._features(points))
        return Met(points, mean + self._sd_weight * sd)

    def _candidates(self) -> Points:
        """Give points all over the space, then points around the best; shape (m, d)."""
        shift = self._rng.random(len(self._cube))
        everywhere = (_space_filling(len(self._cube)) + shift) % 1.0
        around = self._spray(self._model.best[:SPRAY_CENTRES]) if self._recipe.spray else everywhere[:0]
        return self._cube.snap(np.vstack([everywhere, around]))

    def _spray(self, centres: Points) -> Points:
        """Change one or more coordinates of the centres, a little or much."""
        rng, dimension = self._rng, len(self._cube)
        points = centres[rng.integers(len(centres), size=SPRAY_POINTS)]
        width = rng.choice(SPRAY_WIDTHS, size=(SPRAY_POINTS, 1))
        changed = rng.random(points.shape) < np.maximum(rng.random((SPRAY_POINTS, 1)), 1.0 / dimension)
        changed[np.arange(SPRAY_POINTS), rng.integers(dimension, size=SPRAY_POINTS)] = True
        moved = points + width * rng.standard_normal(points.shape)
        for column, axis in enumerate(self._cube.axes):
            moved[:, column] = self._step(axis.values, points[:, column], moved[:, column], axis.is_categorical)
        return np.where(changed, np.clip(moved, 0.0, 1.0), points)

    def _step(self, values: Points, old: Points, moved: Points, is_categorical: bool) -> Points:
        """Move coordinates of a parameter that has `values` by at least one of them."""
        if not len(values):
            return moved
        if is_categorical:
            return values[self._rng.integers(len(values), size=len(old))]
        cell = 1.0 / len(values)
        near = np.abs(moved - old) < cell / 2
        return np.where(near, old + cell * self._rng.integers(-1, 2, size=len(old)), moved)

    def _climb(self, posterior: Posterior, met: Met) -> Met:
        """Climb from the best candidates; give all points met, the climbed ones included."""
        at = self._starts(met)
        climbed = self._climb_gradient(posterior, at.points)
        higher = climbed.acquisition > at.acquisition
        at = Met(np.where(higher[:, None], climbed.points, at.points), np.maximum(climbed.acquisition, at.acquisition))
        everything = [met, climbed, *self._climb_neighbours(posterior, at)]
        return Met(
            np.vstack([part.points for part in everything]), np.concatenate([part.acquisition for part in everything])
        )

    def _starts(self, met: Met) -> Met:
        """Give the best of all candidates."""
        rows = np.argsort(-met.acquisition, kind="stable")[:LOCAL_STARTS]
        return Met(met.points[rows], met.acquisition[rows])

    def _climb_neighbours(self, posterior: Posterior, at: Met) -> list[Met]:
        """Step to the best neighbour while that is better; give all neighbours met on the way."""
        everything: list[Met] = []
        for _ in range(NEIGHBOUR_STEPS):
            points, owner = self._cube.neighbours(at.points)
            if not len(points):
                break
            neighbours = self._rate(posterior, points)
            everything.append(neighbours)
            best = _best_by_owner(neighbours.acquisition, owner, len(at.points))
            higher = (best >= 0) & (neighbours.acquisition[best] > at.acquisition + LEAST_STEP)
            if not higher.any():
                break
            at = Met(
                np.where(higher[:, None], neighbours.points[best], at.points),
                np.where(higher, neighbours.acquisition[best], at.acquisition),
            )
        return everything

    def _climb_gradient(self, posterior: Posterior, points: Points) -> Met:
        """Climb over the active continuous parameters of all points at once."""
        features = self._features(points)
        numeric, columns = self._cube.layout.numeric, self._cube.continuous_features
        free = np.zeros((len(points), numeric), dtype=bool)
        free[:, columns] = self._cube.activity(points)[:, self._cube.feature_axes[columns]]
        if free.any():

            def bound(x: Array) -> tuple[Array, Array]:
                features[:, :numeric] = x
                return posterior.bound(features, self._sd_weight)

            begin = features[:, :numeric].copy()
            features[:, :numeric] = ascend(
                bound, begin, free, evaluations=GRADIENT_EVALUATIONS, tolerance=GRADIENT_TOLERANCE
            )
            points = self._cube.move(points, features)
        return self._rate(posterior, points)


@lru_cache
def _space_filling(dimension: int) -> Points:
    points = sobol(dimension, SOBOL_POINTS, seed=0)
    points.flags.writeable = False
    return points


def _best_by_owner(acquisition: Array, owner: NDArray[np.intp], owners: int) -> NDArray[np.intp]:
    """Give the row of the greatest acquisition among each owner's, -1 where it has none; shape (owners,)."""
    best = np.full(owners, -1)
    ascending = np.argsort(acquisition, kind="stable")
    best[owner[ascending]] = ascending  # the last one written is the greatest
    return best
