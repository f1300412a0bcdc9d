"""From a history to a fitted model. Imports torch.

The values are standardised and nothing else: half-rank and Yeo-Johnson warps were worse on tuning tasks. A failure
enters as the worst of the values, which keeps the search out of regions that fail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bohpo.optimizer.cache import FitCache
from bohpo.optimizer.cube import Cube, Points
from bohpo.optimizer.protocol import History
from bohpo.optimizer.surrogate import Surrogate, fit
from bohpo.trial import Observation

MOST_FITTED = 300
"""Hyperparameters are fitted to at most so many trials: the fit's cost grows with the cube of their number."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Between the objective's own unit and direction, and standardised values of which greater is better.

    Attributes:
        centre: Mean of the objective.
        spread: Standard deviation of the objective, 1 where it has none.
        sign: 1 to maximize, -1 to minimize.
    """

    centre: float
    spread: float
    sign: float

    def standardise(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the standardised values of an objective."""
        return self.sign * (values - self.centre) / self.spread

    def objective(self, mean: float) -> float:
        """Give the objective that a standardised value stands for."""
        return self.centre + self.sign * self.spread * mean


@dataclass(frozen=True, slots=True)
class Model:
    """What a history says.

    Attributes:
        surrogate: Posterior given completed and failed trials.
        scale: Of its values.
        best: Completed points, best by posterior mean first, shape (n, d).
    """

    surrogate: Surrogate
    scale: Scale
    best: Points


def learn(cube: Cube, history: History, cache: FitCache, *, maximize: bool) -> Model:
    """Fit a model to the completed and failed trials.

    Raises:
        RuntimeError: If the fit fails numerically.
    """
    configurations = [observation.configuration for observation in history.completed]
    points, active = cube.encode([*configurations, *history.failed])
    features = cube.features(points, active)
    objective = np.array([observation.value for observation in history.completed])
    worst = objective.min() if maximize else objective.max()
    objective = np.concatenate([objective, np.full(len(history.failed), worst)])
    scale = Scale(float(objective.mean()), float(objective.std()) or 1.0, 1.0 if maximize else -1.0)
    values = scale.standardise(objective)
    variances = _variances(history.completed, len(history.failed), scale.spread)
    surrogate = _fit_or_recall(cube, features, values, variances, cache)
    with torch.no_grad():
        mean = surrogate.moments(torch.from_numpy(features[: len(configurations)]))[0].numpy()
    return Model(surrogate, scale, points[np.argsort(-mean, kind="stable")])


def _variances(completed: tuple[Observation, ...], failed: int, spread: float) -> NDArray[np.float64]:
    """Give the measured variances of standardised values.

    A value that was not measured so gets the median of those that were. Variances that exceed on average that of the
    values themselves are scaled down to it: so much noise between the trials there cannot be, see the share in
    `bohpo.optimizer.surrogate`.
    """
    measured = [observation.variance for observation in completed if observation.variance is not None]
    usual = float(np.median(measured)) if measured else 0.0
    known = [usual if observation.variance is None else observation.variance for observation in completed]
    variances = np.array([*known, *[usual] * failed]) / spread**2
    return np.asarray(variances / max(float(variances.mean()), 1.0))


def _fit_or_recall(
    cube: Cube,
    features: Points,
    values: NDArray[np.float64],
    variances: NDArray[np.float64],
    cache: FitCache,
) -> Surrogate:
    key = b"".join(array.tobytes() for array in (cube.feature_axes, features, values, variances))
    if cache.surrogate is None or cache.key != key:
        chosen = _representatives(values)
        axes = torch.from_numpy(cube.feature_axes)
        everything = [torch.from_numpy(array) for array in (features, values, variances)]
        surrogate = fit(axes, *(array[chosen] for array in everything))
        if len(chosen) < len(values):
            surrogate = Surrogate(surrogate.kernel, surrogate.noise, *everything)
        cache.key, cache.surrogate = key, surrogate
    return cache.surrogate


def _representatives(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Give the positions to fit hyperparameters to: the best third of the most allowed, and random others."""
    if len(values) <= MOST_FITTED:
        return np.arange(len(values))
    order = np.argsort(-values, kind="stable")
    best, rest = order[: MOST_FITTED // 3], order[MOST_FITTED // 3 :]
    others = np.random.default_rng(len(values)).permutation(rest)[: MOST_FITTED - len(best)]
    return np.sort(np.concatenate([best, others]))
