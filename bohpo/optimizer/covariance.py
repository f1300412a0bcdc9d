"""The covariance of the Gaussian process between points of a space, and its derivatives.

| symbol   | meaning                                                                       | shape  |
| -------- | ----------------------------------------------------------------------------- | ------ |
| features | see `bohpo.optimizer.cube`: q numeric ones, then one column per choice        | (n, f) |
| w        | inverse squared lengthscale of each parameter                                 | (d,)   |
| r_j^2    | squared distance along parameter j; 1 between two choices                     | (m, n) |
| s        | signal variance                                                               |        |
| t        | trend variance                                                                |        |
| phi(x)   | main effects of every parameter, see `MainEffects`                            | (n, e) |

    k(x, x') = s * Matern52(sum_j w_j r_j^2) + t * phi(x) . phi(x')

The first part lets parameters interact; the second, a Bayesian linear regression, says what each does whatever the
others do, which a few trials show already. The data weigh them.

Source:
    Rasmussen and Williams 2006, sections 4.2 and 2.7 (explicit basis functions with a prior on their coefficients).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Columns = NDArray[np.intp]

SLOPE = math.sqrt(3.0)
"""Scales 2 x - 1 to variance 1 over the unit interval."""

BEND = math.sqrt(45.0 / 8.0)
"""Scales (2 x - 1)^2 - 1/3 to variance 1/2: curvature is expected to matter half as much as slope."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns of the features belong to which parameter.

    Attributes:
        axes: Parameter of every feature, shape (f,); the numeric ones come first, one column each.
        numeric: How many numeric features there are: q.
        dimension: How many parameters there are: d.
    """

    axes: Columns
    numeric: int
    dimension: int

    def choices(self) -> list[Columns]:
        """Give the columns of every categorical parameter."""
        axes = self.axes[self.numeric :]
        return [self.numeric + np.flatnonzero(axes == axis) for axis in dict.fromkeys(axes.tolist())]

    def categorical(self) -> NDArray[np.bool_]:
        """Say which parameters are categorical, shape (d,)."""
        mask = np.ones(self.dimension, dtype=bool)
        mask[self.axes[: self.numeric]] = False
        return mask

    def pairs(self, features: Array, left: Columns, right: Columns) -> Array:
        """Give the squared distances along each parameter between rows of features: shape (d, pairs)."""
        squared = np.zeros((self.dimension, len(left)))
        columns = np.square(features.T[:, left] - features.T[:, right])
        for column, axis in enumerate(self.axes):
            squared[axis] += columns[column]
        return squared


@dataclass(frozen=True, slots=True)
class Rows:
    """Features, and what covariances with them are made of.

    Attributes:
        features: Shape (n, f).
        scaled: Features over lengthscales, shape (n, f).
        norms: Squared norm of each scaled row, shape (n,).
        effects: Slopes, choices and bends times the standard deviation of the trend, shape (n, e); e = 0 without one.
    """

    features: Array
    scaled: Array
    norms: Array
    effects: Array

    def first(self, n: int) -> Rows:
        """Give the first n rows."""
        return Rows(self.features[:n], self.scaled[:n], self.norms[:n], self.effects[:n])

    def followed_by(self, other: Rows) -> Rows:
        """Give these rows and then others."""
        parts = zip((self.scaled, self.effects), (other.scaled, other.effects), strict=True)
        scaled, effects = (np.vstack(part) for part in parts)
        features = np.vstack([self.features, other.features])
        return Rows(features, scaled, np.concatenate([self.norms, other.norms]), effects)


class Covariance:
    """The covariance, given its hyperparameters."""

    def __init__(self, layout: Layout, w: Array, signal: float, trend: float) -> None:
        """Fix the hyperparameters.

        Args:
            layout: Of the features.
            w: Inverse squared lengthscales, shape (d,).
            signal: s, the variance of the process.
            trend: t, the variance of the trend; 0 for none.
        """
        self.layout, self.signal, self.trend = layout, signal, trend
        self._root = np.sqrt(w[layout.axes])
        self._effects = MainEffects(layout, trend) if trend else None

    def rows(self, features: Array) -> Rows:
        """Prepare features, shape (n, f)."""
        scaled = features * self._root
        effects = self._effects(features) if self._effects else features[:, :0]
        return Rows(features, scaled, np.square(scaled).sum(axis=1), effects)

    def __call__(self, a: Rows, b: Rows) -> Array:
        """Give the covariance between m and n rows: (m, n)."""
        return self.with_slope(a, b)[0]

    def with_slope(self, a: Rows, b: Rows) -> tuple[Array, Array]:
        """Give the covariance between m and n rows, and what `gradient` needs of it: (m, n) and (m, n)."""
        correlation, slope = matern52(_squared(a, b))
        covariance = np.multiply(correlation, self.signal, out=correlation)
        if self._effects:
            covariance += a.effects @ b.effects.T
        return covariance, slope

    def diagonal(self, a: Rows) -> Array:
        """Give the variance at m rows: (m,)."""
        return np.asarray(self.signal + np.square(a.effects).sum(axis=1))

    def gradient(self, a: Rows, b: Rows, slope: Array, weights: Array) -> Array:
        """Differentiate sum_j weights_ij k(a_i, b_j) with respect to the numeric features of a.

        Args:
            a: m rows.
            b: n rows.
            slope: As `with_slope` gave it, shape (m, n).
            weights: Shape (m, n).

        Returns:
            Shape (m, q).
        """
        q = self.layout.numeric
        pull = weights * slope * (2.0 * self.signal)
        gradient = self._root[:q] * (a.scaled[:, :q] * pull.sum(axis=1)[:, None] - pull @ b.scaled[:, :q])
        if self._effects:
            gradient += self._effects.gradient(a.features, weights @ b.effects)
        return np.asarray(gradient)

    def diagonal_gradient(self, a: Rows) -> Array:
        """Differentiate the variance at m rows with respect to the numeric features: (m, q)."""
        if not self._effects:
            return np.zeros((len(a.features), self.layout.numeric))
        return 2.0 * self._effects.gradient(a.features, a.effects)


class MainEffects:
    """What a trend is made of: slope and bend of each numeric parameter, and the choices of the others, centred.

    Each parameter has the same variance over the space, all together about that of the trend.
    """

    def __init__(self, layout: Layout, trend: float) -> None:
        """Scale the effects.

        Args:
            layout: Of the features.
            trend: Variance of the trend.
        """
        q = self._numeric = layout.numeric
        scale = math.sqrt(trend / max(layout.dimension, 1))
        self._linear = np.zeros((len(layout.axes), len(layout.axes)))
        self._linear[:q, :q] = 2.0 * SLOPE * scale * np.eye(q)
        self._constant = np.where(np.arange(len(layout.axes)) < q, -SLOPE * scale, 0.0)
        for columns in layout.choices():
            count = len(columns)
            centring = np.eye(count) - 1.0 / count
            self._linear[np.ix_(columns, columns)] = scale * math.sqrt(2.0 * count / max(count - 1, 1)) * centring
        self._slope, self._bend = 2.0 * SLOPE * scale, BEND * scale

    def __call__(self, features: Array) -> Array:
        """Give the effects at features (n, f): (n, f + q)."""
        signed = 2.0 * features[:, : self._numeric] - 1.0
        bends = self._bend * np.square(signed) - self._bend / 3.0
        return np.hstack([features @ self._linear + self._constant, bends])

    def gradient(self, features: Array, weights: Array) -> Array:
        """Differentiate sum_k weights_ik effect_k(features_i) with respect to the numeric features: (n, q)."""
        q = self._numeric
        bends = weights[:, weights.shape[1] - q :]
        signed = 2.0 * features[:, :q] - 1.0
        return np.asarray(self._slope * weights[:, :q] + 4.0 * self._bend * signed * bends)


def matern52(squared: Array) -> tuple[Array, Array]:
    """Give Matern-5/2 of squared distances, and its derivative with respect to them."""
    scaled = np.sqrt(5.0 * squared)
    decay = np.exp(-scaled)
    linear = (1.0 + scaled) * decay
    value = (5.0 / 3.0) * squared
    value *= decay
    value += linear
    linear *= -5.0 / 6.0
    return value, linear


def _squared(a: Rows, b: Rows) -> Array:
    """Give the squared distances between m and n rows: (m, n)."""
    squared = a.scaled @ (-2.0 * b.scaled.T)
    squared += a.norms[:, None]
    squared += b.norms
    return np.maximum(squared, 0.0, out=squared)
