"""What a history says of the space: which parameters matter, and which configuration is expected to be the best.

| symbol    | meaning                                                                        | shape    |
| --------- | ------------------------------------------------------------------------------ | -------- |
| A, B      | quasi-random points of the cube, before they are moved to configurations       | (m, d)   |
| C_j       | A with the value of parameter j from B                                         | (m, d)   |
| f_k       | sample k of the score from the posterior, jointly at A and C_j                 | (2 m,)   |
| share_jk  | mean of (f_k(A) - f_k(C_j))^2 over 2, divided by the variance of f_k(A)        |          |

share_jk is parameter j's total effect: the part of the score's variance over the space that is left where all other
parameters are known. What two parameters do together counts for both, so the shares may add up to more than 1. Their
spread over k is what the trials leave open, given the fitted hyperparameters.

Points move to configurations after the exchange, so a conditional parameter counts only where it is active, and where
a parent's exchange wakes or silences its children, that is the parent's effect.

The score is the objective as the model learns it (`bohpo.optimizer.scale`): below the median it is drawn together, so
that a few runs which diverged do not hide what makes the others differ. The model is the one that expects every
parameter to have an effect of its own; a prior bowl would hold all parameters alike.

Source:
    Jansen 1999, Computer Physics Communications 117 (the estimator of total effects); Marrel, Iooss, Laurent,
    Roustant 2009, Reliability Engineering and System Safety 94 (indices of a Gaussian process as random variables).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, lapack

from bohpo.optimizer.covariance import Array
from bohpo.optimizer.cube import Cube
from bohpo.optimizer.memory import Memory
from bohpo.optimizer.model import Model, learn
from bohpo.optimizer.posterior import Posterior
from bohpo.optimizer.protocol import History
from bohpo.optimizer.recipe import TRENDS, Recipe
from bohpo.optimizer.startup import sobol
from bohpo.space import Space

POINTS = 256
"""m: the shares of known functions are then right to 0.01; with half as many to 0.03."""

SAMPLES = 256
"""Samples of the score: the ends of a 90% interval then rest on a dozen of them each."""

LOW, HIGH = 5.0, 95.0
"""Percentiles that a 90% interval lies between."""

JITTER = 1e-6
"""Variance added to samples of standardised scores: equal points would leave no Cholesky factor."""

MOST_RATED = 512
"""The configuration of the best mean is looked for among so many, the best by value."""


@dataclass(frozen=True, slots=True)
class Importance:
    """How much a parameter matters.

    Attributes:
        name: Of the parameter.
        share: Part of the score's variance over the space that changes with this parameter, in [0, 1] up to chance.
        low: Where the 90% interval of the share begins.
        high: Where it ends.
    """

    name: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Expected:
    """A completed configuration, and what the model expects of it.

    Attributes:
        index: In the history's completed trials.
        value: What it scored, in the objective's unit.
        mean: Posterior mean of its objective without noise, in the same unit.
        sd: Posterior standard deviation of the same.
    """

    index: int
    value: float
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class PredictedBest:
    """The best configuration by what the model expects, beside the best by what was observed.

    Attributes:
        expected: Best posterior mean.
        observed: Best value; the earlier one of equals.
    """

    expected: Expected
    observed: Expected


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a history says.

    Attributes:
        importance: Of every parameter, the most important first.
        best: The configuration that is expected to be the best.
    """

    importance: tuple[Importance, ...]
    best: PredictedBest


def explain(
    space: Space, history: History, *, maximize: bool, seed: int = 0, memory: Memory | None = None
) -> Explanation:
    """Explain what completed and failed trials say; its cost is bounded, however many they are.

    Args:
        space: What was searched.
        history: With one completed trial at least.
        maximize: Whether greater values are better.
        seed: Of the points and samples.
        memory: Of the optimizer; it changes speed only.

    Raises:
        ArithmeticError: If a hyperparameter is not finite.
        LinAlgError: If a covariance has no Cholesky factor.
    """
    memory = memory or Memory()
    cube = memory.cube_of(space)
    model = learn(history, memory, Recipe(refit_always=True), TRENDS, maximize=maximize)
    nothing = np.empty((0, len(cube.feature_axes)))
    shares = total_effects(cube, model.whole(nothing) or model.sketch(nothing), seed)
    low, middle, high = np.percentile(shares, (LOW, 50.0, HIGH), axis=0)
    importance = [Importance(*row) for row in zip(space.names, *(a.tolist() for a in (middle, low, high)), strict=True)]
    best = _best(history, memory, model, model.exact or model.sketch(nothing))
    return Explanation(tuple(sorted(importance, key=lambda one: -one.share)), best)


def total_effects(cube: Cube, posterior: Posterior, seed: int) -> Array:
    """Sample the total effect of every parameter.

    Args:
        cube: Of the space.
        posterior: Of the score.
        seed: Of the points and samples.

    Returns:
        Shares of the score's variance, shape (samples, d).
    """
    dimension = len(cube)
    pairs = sobol(2 * dimension, POINTS, seed)
    points, others = pairs[:, :dimension], pairs[:, dimension:]
    features = cube.features(cube.snap(points))
    normals = np.random.default_rng(seed).standard_normal((2 * POINTS, SAMPLES))
    shares = np.empty((SAMPLES, dimension))
    for column in range(dimension):
        exchanged = points.copy()
        exchanged[:, column] = others[:, column]
        both = np.vstack([features, cube.features(cube.snap(exchanged))])
        # The same normal numbers make the same scores at A for every parameter, hence the same variance.
        before, after = np.split(_samples(posterior, both, normals), 2)
        changed = 0.5 * np.square(before - after).mean(axis=0)
        shares[:, column] = changed / np.maximum(before.var(axis=0), JITTER)
    return shares


def _samples(posterior: Posterior, features: Array, normals: Array) -> Array:
    """Sample the score jointly at features (m, f), from independent normal numbers (m, samples): (m, samples)."""
    mean, covariance = posterior.joint(features)
    covariance.flat[:: len(mean) + 1] += JITTER
    factor, failed = lapack.dpotrf(covariance.T, lower=1, clean=1, overwrite_a=1)
    if failed:
        raise LinAlgError("the posterior covariance has no Cholesky factor")
    return np.asarray(mean[:, None] + factor @ normals)


def _best(history: History, memory: Memory, model: Model, posterior: Posterior) -> PredictedBest:
    """Find the completed trial of the best posterior mean, among the best by value."""
    assert memory.cube is not None
    values = np.array([observation.value for observation in history.completed])
    rated = np.argsort(-model.scale.sign * values, kind="stable")[:MOST_RATED]
    points, active = memory.encode([history.completed[index].configuration for index in rated])
    means, sds = posterior.moments(memory.cube.features(points, active))

    def expected(row: int) -> Expected:
        mean, sd = float(means[row]), float(sds[row])
        at, scale = int(rated[row]), model.scale
        return Expected(at, float(values[at]), scale.objective(mean), scale.objective_sd(mean, sd))

    return PredictedBest(expected(int(np.argmax(means))), expected(0))
