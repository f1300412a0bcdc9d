"""The most probable hyperparameters of the Gaussian process, given values; with the gradient in closed form.

| symbol      | meaning                                                                     | shape  |
| ----------- | --------------------------------------------------------------------------- | ------ |
| features    | see `bohpo.optimizer.cube`                                                  | (n, f) |
| values      | standardised objective, greater is better                                   | (n,)   |
| variances   | measured variance of each value in the same unit, 0 where there is none     | (n,)   |
| w, s, t     | see `bohpo.optimizer.covariance`                                            |        |
| curvature   | c of the prior mean                                                         |        |

    values = mean + process + noise
    mean(x) = -c * (mean over numeric parameters of (2 x_j - 1)^2, less 1/3)
    noise_i = noise + share * variances_i

Priors: log p(log w) = -u / w - u w for each (neither flat nor needle-sharp without evidence), u being the view's
strength; for a categorical parameter also log w ~ Normal(log 0.3, 1) in the view of trends; s ~ Gamma(2, 1),
log t ~ Normal(log 0.1, 1), c ~ Normal(1, 1), log noise ~ Normal(-4, 1), log share ~ Normal(log 0.1, 1). A view
without a trend has t = 0, one without a bowl c = 0; see `bohpo.optimizer.recipe`.

The prior mean is a shallow bowl: people choose ranges around what they expect, so that, until the data say
otherwise, the middle of a range is a better bet than its corners, which hold nearly all of a cube's volume.

The share: a variance that was measured by resampling cases counts the luck of the draw of these cases, most of which
all trials share that are scored on the same ones. It moves their values together, so it must not be taken for noise
between them in full; how much of it is, the data says.

Source:
    Rasmussen and Williams 2006, equations 5.8 and 5.9; the priors of w, s and noise, the additive part and the bowl:
    measured on tuning tasks, see the ablation in `tests/benchmarks`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack
from scipy.optimize import Bounds, minimize

from bohpo.optimizer.covariance import Array, Covariance, Layout, MainEffects, matern52
from bohpo.optimizer.recipe import View

SMALLEST_NOISE = 1e-6
"""Added to the noise, in units of the values' variance: keeps the covariance well conditioned."""

FIT_ITERATIONS = 40
"""The fit is nearly flat beyond; L-BFGS takes 20 to 40 where it converges."""

NO_TREND = -40.0
"""Logarithm of a trend variance that is none."""

UNFACTORISED = 1e10
"""Stands for the loss where the covariance has no Cholesky factor: L-BFGS turns back."""


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """What the Gaussian process learns beside its values.

    Attributes:
        log_w: Logarithms of the inverse squared lengthscales, shape (d,).
        log_signal: Logarithm of s.
        log_trend: Logarithm of t.
        curvature: c of the prior mean.
        log_noise: Logarithm of the noise, a variance.
        log_share: Logarithm of the share of measured variances that is noise between trials.
    """

    log_w: Array
    log_signal: float = 0.0
    log_trend: float = math.log(0.1)
    curvature: float = 1.0
    log_noise: float = -4.0
    log_share: float = math.log(0.1)

    def covariance(self, layout: Layout) -> Covariance:
        """Give the covariance that they stand for."""
        trend = 0.0 if self.log_trend <= NO_TREND else math.exp(self.log_trend)
        return Covariance(layout, np.exp(self.log_w), math.exp(self.log_signal), trend)

    def noise(self, variances: Array) -> Array:
        """Give the noise of values with these measured variances, shape (n,) in and out."""
        return np.asarray(math.exp(self.log_noise) + math.exp(self.log_share) * variances + SMALLEST_NOISE)

    def to_vector(self) -> Array:
        """Give them in one row, shape (d + 5,)."""
        return np.concatenate([self.log_w, [getattr(self, name) for name in SCALARS]])

    @classmethod
    def from_vector(cls, vector: Array) -> Hyperparameters:
        """Take them from one row."""
        scalars = dict(zip(SCALARS, vector[-len(SCALARS) :].tolist(), strict=True))
        return cls(vector[: -len(SCALARS)].copy(), **scalars)


SCALARS = ("log_signal", "log_trend", "curvature", "log_noise", "log_share")

W_BOUNDS = (-8.0, 6.0)
BOUNDS = {
    "log_signal": (-5.0, 4.0),
    "log_trend": (-9.0, 3.0),
    "curvature": (-20.0, 20.0),
    "log_noise": (-14.0, 1.0),
    "log_share": (-9.0, 0.0),
}
"""Of the fitted numbers: beyond them the posterior no longer changes."""

PRIORS = {
    "log_trend": (math.log(0.1), 1.0),
    "curvature": (1.0, 1.0),
    "log_noise": (-4.0, 1.0),
    "log_share": (math.log(0.1), 1.0),
}
"""Mean and standard deviation of those that are normal."""


def bowl(layout: Layout, features: Array) -> Array:
    """Give the prior mean at curvature -1: mean of (2 x - 1)^2 over the numeric parameters, less 1/3; shape (n,)."""
    if not layout.numeric:
        return np.zeros(len(features))
    return np.asarray(np.square(2.0 * features[:, : layout.numeric] - 1.0).sum(axis=1) / layout.numeric - 1.0 / 3.0)


def fit(
    layout: Layout,
    features: Array,
    values: Array,
    variances: Array,
    view: View,
    *,
    start: Hyperparameters | None = None,
) -> Hyperparameters:
    """Find the most probable hyperparameters.

    Args:
        layout: Of the features.
        features: Shape (n, f), n >= 1.
        values: Standardised, greater is better, shape (n,).
        variances: Measured, 0 where there is none, shape (n,).
        view: Which parts the model has, and its priors.
        start: Where L-BFGS starts; the middle of the priors where not given.

    Raises:
        ArithmeticError: If no covariance could be factorised, or a number is not finite.
    """
    loss = Loss(layout, features, values, variances, view)
    vector = (start or Hyperparameters(np.zeros(layout.dimension))).to_vector()
    absent = _absent(layout, view)
    limits = [W_BOUNDS] * layout.dimension
    limits += [(absent[name], absent[name]) if name in absent else BOUNDS[name] for name in SCALARS]
    bounds = Bounds(*np.transpose(limits))
    vector = np.clip(vector, bounds.lb, bounds.ub)
    options = {"maxiter": FIT_ITERATIONS, "ftol": 1e-6, "gtol": 1e-4}
    found = minimize(loss, vector, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    if not (np.isfinite(found.x).all() and found.fun < UNFACTORISED):
        raise ArithmeticError("the fit of the Gaussian process left the numbers")
    return Hyperparameters.from_vector(found.x)


def _absent(layout: Layout, view: View) -> dict[str, float]:
    """Give the hyperparameters of the parts that are not there, each with the value at which it is not."""
    absent = {} if view.trend else {"log_trend": NO_TREND}
    return absent if view.bowl and layout.numeric else {**absent, "curvature": 0.0}


class Loss:
    """Minus the log posterior density of hyperparameters, up to a constant, with its gradient."""

    def __init__(self, layout: Layout, features: Array, values: Array, variances: Array, view: View) -> None:
        """Prepare what does not depend on the hyperparameters; see `fit`."""
        n = len(features)
        self._size = n
        self._left, self._right = np.triu_indices(n, 1)
        self._above = self._left * n + self._right
        self._squared = layout.pairs(features, self._left, self._right)
        effects = MainEffects(layout, 1.0)(features)
        trend = effects @ effects.T
        self._trend, self._trend_diagonal = trend[self._left, self._right], trend.diagonal().copy()
        self._bowl = bowl(layout, features)
        self._prior = _Prior(layout, view)
        self._values, self._variances = values, variances

    def __call__(self, vector: Array) -> tuple[float, Array]:
        """Evaluate at hyperparameters in one row, shape (d + 5,): the loss and its gradient, shape (d + 5,)."""
        theta = Hyperparameters.from_vector(vector)
        w, signal, trend = np.exp(theta.log_w), math.exp(theta.log_signal), math.exp(theta.log_trend)
        correlation, slope = matern52(w @ self._squared)
        factored = self._factorise(signal * correlation + trend * self._trend, theta)
        if factored is None:
            return UNFACTORISED, np.zeros_like(vector)
        residual_fit, weights, pull, pull_diagonal = factored
        scalars = {
            "log_signal": signal * (pull @ correlation + pull_diagonal.sum()),
            "log_trend": trend * (pull @ self._trend + pull_diagonal @ self._trend_diagonal),
            "curvature": weights @ self._bowl,
            "log_noise": math.exp(theta.log_noise) * pull_diagonal.sum(),
            "log_share": math.exp(theta.log_share) * (pull_diagonal @ self._variances),
        }
        along_w = signal * w * (self._squared @ (pull * slope))
        gradient = np.concatenate([along_w, [scalars[name] for name in SCALARS]])
        prior, prior_gradient = self._prior(theta)
        return residual_fit + prior, gradient + prior_gradient

    def _factorise(self, above: Array, theta: Hyperparameters) -> tuple[float, Array, Array, Array] | None:
        """Factorise the covariance, given its entries above the diagonal.

        Returns:
            Minus the log likelihood, K^-1 residual, and the derivatives by K above and on its diagonal; or None.
        """
        size = self._size
        covariance = np.zeros((size, size))
        covariance.ravel()[self._above] = above
        diagonal = math.exp(theta.log_signal) + math.exp(theta.log_trend) * self._trend_diagonal
        covariance.flat[:: size + 1] = diagonal + theta.noise(self._variances)
        factor, failed = lapack.dpotrf(covariance.T, lower=1, clean=0, overwrite_a=1)
        if failed:
            return None
        residual = self._values + theta.curvature * self._bowl
        weights = lapack.dpotrs(factor, residual, lower=1)[0]
        loss = 0.5 * residual @ weights + np.log(factor.diagonal()).sum()
        inverse = lapack.dpotri(factor, lower=1)[0].T
        pull = inverse.ravel()[self._above] - weights[self._left] * weights[self._right]
        return float(loss), weights, pull, 0.5 * (inverse.diagonal() - np.square(weights))


class _Prior:
    """Minus the log prior density, up to a constant."""

    def __init__(self, layout: Layout, view: View) -> None:
        self._strength = view.w_strength
        self._choices = layout.categorical() if view.choice_w is not None else np.zeros(layout.dimension, dtype=bool)
        self._choice_log_w = 0.0 if view.choice_w is None else math.log(view.choice_w)

    def __call__(self, theta: Hyperparameters) -> tuple[float, Array]:
        """Give it and its gradient, shape (d + 5,)."""
        w, signal = np.exp(theta.log_w), math.exp(theta.log_signal)
        choices = np.where(self._choices, theta.log_w - self._choice_log_w, 0.0)
        loss = float((self._strength * (1.0 / w + w) + 0.5 * np.square(choices)).sum()) + signal - theta.log_signal
        slopes = {"log_signal": signal - 1.0}
        for name, (mean, sd) in PRIORS.items():
            z = (getattr(theta, name) - mean) / sd
            loss += 0.5 * z * z
            slopes[name] = z / sd
        along_w = self._strength * (w - 1.0 / w) + choices
        return loss, np.concatenate([along_w, [slopes[name] for name in SCALARS]])
