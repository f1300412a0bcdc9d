"""The posterior of the objective, given values and hyperparameters.

| symbol   | meaning                                                             | shape      |
| -------- | ------------------------------------------------------------------- | ---------- |
| features | of the points with values, then of the points believed              | (n + p, f) |
| L        | Cholesky factor of the covariance of all these, with noise          |            |
| weights  | K^-1 (values - prior mean), over the points with values             | (n,)       |

A point where a trial is running is believed to end at its posterior mean. That leaves the mean as it is everywhere
and shrinks the standard deviation as any outcome would, so the mean needs the first n points alone.

Source:
    Rasmussen and Williams 2006, algorithm 2.1; Ginsbourger, Le Riche, Carraro 2010 (Kriging believer);
    Desautels, Krause, Burdick 2014 (GP-BUCB).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, lapack

from bohpo.optimizer.covariance import Array, Layout, Rows
from bohpo.optimizer.fit import Hyperparameters, bowl

SMALLEST_VARIANCE = 1e-10
"""Rounding leaves no variance below this at a point that is known exactly."""

BLOCK = 128
"""Rows by which a Cholesky factor grows: the same blocks whether it grew or was made at once, so the same bits."""


class Posterior:
    """Mean and standard deviation of the noise-free objective anywhere in the space."""

    def __init__(
        self,
        layout: Layout,
        hyperparameters: Hyperparameters,
        features: Array,
        values: Array,
        variances: Array,
        *,
        grown_from: Posterior | None = None,
    ) -> None:
        """Condition on values.

        Args:
            layout: Of the features.
            hyperparameters: Fitted.
            features: Shape (n, f).
            values: Standardised, greater is better, shape (n,).
            variances: Measured, 0 where there is none, shape (n,).
            grown_from: A posterior whose Cholesky factor is used where it is the beginning of this one's.

        Raises:
            LinAlgError: If the covariance has no Cholesky factor.
        """
        self.layout, self.hyperparameters = layout, hyperparameters
        self.covariance = hyperparameters.covariance(layout)
        self.values, self.variances = values, variances
        self._rows = self.covariance.rows(features)
        self._factor = self._grow(hyperparameters.noise(variances), grown_from)
        residual = values + hyperparameters.curvature * bowl(layout, features)
        self._weights = lapack.dpotrs(self._factor, residual, lower=1)[0]
        self._inverse_factor: Array | None = None

    @property
    def features(self) -> Array:
        """Features of the points with values, then of those believed, shape (n + p, f)."""
        return self._rows.features

    def moments(self, features: Array) -> tuple[Array, Array]:
        """Give mean and standard deviation at features (m, f): (m,) and (m,)."""
        at = self.covariance.rows(features)
        cross = self.covariance(at, self._rows)
        return self._mean(at, cross), np.sqrt(self._variance(at, self._explain(cross)))

    def mean_of_values(self) -> Array:
        """Give the mean at the points with values, shape (n,): K (K + noise)^-1 r = r - noise (K + noise)^-1 r."""
        return np.asarray(self.values - self.hyperparameters.noise(self.variances) * self._weights)

    def joint(self, features: Array) -> tuple[Array, Array]:
        """Give the mean at features (m, f) and the covariance between them: (m,) and (m, m)."""
        at = self.covariance.rows(features)
        cross = self.covariance(at, self._rows)
        explained = self._explain(cross)
        return self._mean(at, cross), self.covariance(at, at) - explained @ explained.T

    def bound(self, features: Array, sd_weight: float) -> tuple[Array, Array]:
        """Give mean + sd_weight * sd at features (m, f), and its gradient by the numeric ones: (m,) and (m, q)."""
        at = self.covariance.rows(features)
        cross, slope = self.covariance.with_slope(at, self._rows)
        explained = self._explain(cross)
        sd = np.sqrt(self._variance(at, explained))
        pull = (-sd_weight / sd)[:, None] * (explained @ self._inverse())
        pull[:, : len(self._weights)] += self._weights
        gradient = self.covariance.gradient(at, self._rows, slope, pull)
        gradient += (0.5 * sd_weight / sd)[:, None] * self.covariance.diagonal_gradient(at)
        numeric, curvature = self.layout.numeric, self.hyperparameters.curvature
        if curvature:
            steepness = 4.0 * curvature / numeric
            gradient -= steepness * (2.0 * features[:, :numeric] - 1.0)
        return self._mean(at, cross) + sd_weight * sd, gradient

    def believing(self, features: Array) -> Posterior:
        """Condition further on points where a trial is running, shape (p, f)."""
        if not len(features):
            return self
        believing = object.__new__(Posterior)
        believing.__dict__.update(self.__dict__)
        running = self.covariance.rows(features)
        noise = self.hyperparameters.noise(np.zeros(len(features)))
        believing._factor = self._append(self._factor, self._rows, running, noise)
        believing._rows = self._rows.followed_by(running)
        believing._inverse_factor = None
        return believing

    def _mean(self, at: Rows, cross: Array) -> Array:
        mean = np.asarray(cross[:, : len(self._weights)] @ self._weights)
        curvature = self.hyperparameters.curvature
        return mean - curvature * bowl(self.layout, at.features) if curvature else mean

    def _variance(self, at: Rows, explained: Array) -> Array:
        left = self.covariance.diagonal(at) - np.einsum("ij,ij->i", explained, explained)
        return np.asarray(np.maximum(left, SMALLEST_VARIANCE))

    def _explain(self, cross: Array) -> Array:
        """Give the rows of cross L^-T, whose squares sum to the variance that the points explain."""
        if self._inverse_factor is None and len(cross) < len(self._factor) // 4:
            return np.asarray(lapack.dtrtrs(self._factor, cross.T, lower=1)[0].T)
        return np.asarray(cross @ self._inverse().T)

    def _inverse(self) -> Array:
        inverse = self._inverse_factor
        if inverse is None:
            inverse = self._inverse_factor = np.asarray(lapack.dtrtri(self._factor, lower=1)[0])
        return np.asarray(inverse)

    def _grow(self, noise: Array, grown_from: Posterior | None) -> Array:
        """Factorise the covariance block by block, from the whole blocks that another factor shares."""
        done, rows = 0, self._rows
        factor = np.empty((0, 0))
        if grown_from is not None and self._shares_hyperparameters(grown_from):
            done = BLOCK * (self._common_rows(grown_from) // BLOCK)
            factor = grown_from._factor[:done, :done]
        while done < len(noise):
            end = min(done + BLOCK, len(noise))
            block = Rows(*(getattr(rows, name)[done:end] for name in Rows.__slots__))
            factor = self._append(factor, rows.first(done), block, noise[done:end])
            done = end
        return factor

    def _shares_hyperparameters(self, other: Posterior) -> bool:
        return np.array_equal(self.hyperparameters.to_vector(), other.hyperparameters.to_vector())

    def _common_rows(self, other: Posterior) -> int:
        """Count the rows at the beginning that another posterior has just so."""
        n = min(len(self.values), len(other.values))
        same = (self._rows.features[:n] == other._rows.features[:n]).all(axis=1)
        same &= self.variances[:n] == other.variances[:n]
        return n if same.all() else int(np.argmin(same))

    def _append(self, factor: Array, before: Rows, new: Rows, noise: Array) -> Array:
        """Append rows to a Cholesky factor of those before."""
        among = self.covariance(new, new)
        among.flat[:: len(noise) + 1] += noise
        return _append(factor, self.covariance(new, before), among)


def _append(factor: Array, cross: Array, among: Array) -> Array:
    """Append k rows to a Cholesky factor (m, m), given the covariance with the rows before and among themselves.

    Raises:
        LinAlgError: If the covariance has no Cholesky factor.
    """
    m, k = len(factor), len(among)
    grown = np.zeros((m + k, m + k))
    grown[:m, :m] = factor
    if m:
        below = lapack.dtrtrs(factor, cross.T, lower=1)[0].T
        grown[m:, :m] = below
        among = among - below @ below.T
    corner, failed = lapack.dpotrf(among, lower=1, clean=1)
    if failed:
        raise LinAlgError("the covariance of the Gaussian process has no Cholesky factor")
    grown[m:, m:] = corner
    return grown
