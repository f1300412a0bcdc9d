"""The Gaussian process: priors, maximum a posteriori fit, posterior. Imports torch, gpytorch and botorch.

| symbol      | meaning                                                                     | shape  |
| ----------- | --------------------------------------------------------------------------- | ------ |
| features    | see `bohpo.optimizer.cube`                                                  | (n, f) |
| values      | standardised objective, greater is better                                   | (n,)   |
| variances   | measured variance of each value in the same unit, 0 where there is none     | (n,)   |
| w           | inverse squared lengthscale of each parameter                               | (d,)   |

k(x, x') = signal * Matern52(sum_j w_j * distance_j(x, x')^2), one w_j for all columns of a categorical parameter.
noise_i  = noise + share * variances_i.

Priors: log p = -0.1 / w - 0.1 w for each w (neither flat nor needle-sharp without evidence), signal ~ Gamma(2, 1),
log noise ~ Normal(-4, 1), log share ~ Normal(log 0.1, 1).

The share: a variance that was measured by resampling cases counts the luck of the draw of these cases, most of which
all trials share that are scored on the same ones. It moves their values together, so it must not be taken for noise
between them in full; how much of it is, the data says.

Source:
    Priors of w, signal and noise: measured on tuning tasks against dimension-scaled, sparse and Gamma priors.
"""

from __future__ import annotations

import contextlib
import math
import threading
import warnings
from collections.abc import Iterator
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # linear_operator compiles with torch.jit, which torch calls deprecated
    import torch
    from botorch.models import SingleTaskGP
    from botorch.optim.closures import get_loss_closure_with_grads
    from botorch.optim.core import scipy_minimize
    from botorch.settings import validate_input_scaling
    from gpytorch.kernels import Kernel
    from gpytorch.likelihoods.gaussian_likelihood import _GaussianLikelihoodBase
    from gpytorch.likelihoods.noise_models import Noise
    from gpytorch.means import ZeroMean
    from gpytorch.mlls import ExactMarginalLogLikelihood
    from gpytorch.priors import GammaPrior, NormalPrior, Prior
    from linear_operator.operators import DiagLinearOperator
    from linear_operator.utils.cholesky import psd_safe_cholesky
    from linear_operator.utils.errors import NanError, NotPSDError

from torch import Tensor

NUMERICAL_ERRORS = (ArithmeticError, NanError, NotPSDError, RuntimeError, ValueError)
"""What torch, linear_operator and scipy raise where numbers run out of hand."""

SMALLEST_NOISE = 1e-6
"""Added to the noise, in units of the values' variance: keeps the covariance well conditioned."""

FIT_ITERATIONS = 40
"""The fit is nearly flat beyond; L-BFGS takes 20 to 40 where it converges."""

BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "log_w": (-8.0, 6.0),
    "log_signal": (-5.0, 4.0),
    "log_noise": (-14.0, 1.0),
    "log_share": (-9.0, 0.0),
}
"""Of the fitted logarithms: beyond them the posterior no longer changes."""


_ONE_AT_A_TIME = threading.RLock()


class _Matern52(torch.autograd.Function):
    """Matern-5/2 of a squared distance, with the derivative that stays finite at 0."""

    @staticmethod
    def forward(ctx: Any, squared: Tensor) -> Tensor:
        """Give the correlation."""
        scaled = (5.0 * squared).sqrt()
        decay = torch.exp(-scaled)
        ctx.save_for_backward(-(5.0 / 6.0) * (1.0 + scaled) * decay)
        return (1.0 + scaled + scaled.square() / 3.0) * decay

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Give the gradient with respect to the squared distance."""
        (derivative,) = ctx.saved_tensors
        gradient: Tensor = gradients[0] * derivative
        return gradient


class _InverseSquaredLengthscalePrior(Prior):  # type: ignore[misc]
    """Log density -0.1 / w - 0.1 w at log w, up to a constant."""

    arg_constraints: dict[str, Any] = {}  # noqa: RUF012  torch.distributions declares it so

    def __init__(self) -> None:
        super().__init__(validate_args=False)

    def log_prob(self, x: Tensor) -> Tensor:
        """Evaluate at x = log w."""
        return -0.1 * (torch.exp(-x) + torch.exp(x))


class SpaceKernel(Kernel):  # type: ignore[misc]
    """Product Matern-5/2 over the parameters of a space, each with a lengthscale of its own."""

    def __init__(self, feature_axes: Tensor) -> None:
        """Learn one lengthscale per axis.

        Args:
            feature_axes: Axis of every feature, shape (f,), of integers.
        """
        super().__init__()
        axes = int(feature_axes.max()) + 1 if len(feature_axes) else 0
        self.register_buffer("feature_axes", feature_axes)
        self.register_parameter("log_w", torch.nn.Parameter(torch.zeros(axes, dtype=torch.float64)))
        self.register_parameter("log_signal", torch.nn.Parameter(torch.zeros((), dtype=torch.float64)))
        self.register_prior("w_prior", _InverseSquaredLengthscalePrior(), lambda kernel: kernel.log_w)
        self.register_prior("signal_prior", GammaPrior(2.0, 1.0), lambda kernel: kernel.log_signal.exp())

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **_: Any) -> Tensor:
        """Give the covariance of features (..., n, f) and (..., m, f): (..., n, m), or its diagonal."""
        signal: Tensor = self.log_signal.exp()
        if diag:
            return signal * torch.ones(x1.shape[:-1], dtype=x1.dtype)
        root = (0.5 * self.log_w).exp()[self.feature_axes]
        a, b = x1 * root, x2 * root
        squared = a.square().sum(-1)[..., :, None] + b.square().sum(-1)[..., None, :] - 2.0 * a @ b.mT
        correlation: Tensor = _Matern52.apply(squared.clamp_min(0.0))  # type: ignore[no-untyped-call]
        return signal * correlation


class MeasuredNoise(Noise):  # type: ignore[misc]
    """Noise of each value: a learned constant and a learned share of the measured variance."""

    def __init__(self, variances: Tensor) -> None:
        """Keep the measured variances, shape (n,)."""
        super().__init__()
        self.register_buffer("variances", variances)
        self.register_parameter("log_noise", torch.nn.Parameter(torch.tensor(-4.0, dtype=torch.float64)))
        self.register_parameter("log_share", torch.nn.Parameter(torch.tensor(math.log(0.1), dtype=torch.float64)))
        self.register_prior("noise_prior", NormalPrior(-4.0, 1.0), lambda noise: noise.log_noise)
        self.register_prior("share_prior", NormalPrior(math.log(0.1), 1.0), lambda noise: noise.log_share)

    def of(self, variances: Tensor) -> Tensor:
        """Give the noise of values with these measured variances, shape (n,) in and out."""
        noise: Tensor = self.log_noise.exp() + self.log_share.exp() * variances + SMALLEST_NOISE
        return noise

    def forward(self, *_: Any, **__: Any) -> DiagLinearOperator:
        """Give the noise of the values that the model is trained on."""
        return DiagLinearOperator(self.of(self.variances))


class Surrogate:
    """The posterior of the objective, given values and hyperparameters."""

    def __init__(
        self, kernel: SpaceKernel, noise: MeasuredNoise, features: Tensor, values: Tensor, variances: Tensor
    ) -> None:
        """Condition on values.

        Args:
            kernel: Fitted covariance.
            noise: Fitted noise.
            features: Shape (n, f).
            values: Standardised, greater is better, shape (n,).
            variances: Measured, 0 where there is none, shape (n,).
        """
        self.kernel, self.noise = kernel, noise
        self._features, self._values, self._variances = features, values, variances
        with torch.no_grad():
            covariance = kernel.forward(features, features) + torch.diag(noise.of(variances))
            self._cholesky = psd_safe_cholesky(covariance)
            self._weights = torch.cholesky_solve(values[:, None], self._cholesky)[:, 0]

    def moments(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Give mean and standard deviation of the noise-free objective at features (m, f): (m,) and (m,)."""
        cross = self.kernel.forward(features, self._features)
        explained = torch.linalg.solve_triangular(self._cholesky, cross.mT, upper=False).square().sum(0)
        variance = self.kernel.forward(features, features, diag=True) - explained
        return cross @ self._weights, variance.clamp_min(1e-10).sqrt()

    def believing(self, features: Tensor) -> Surrogate:
        """Condition further on points where a trial is running, shape (p, f).

        Each is taken to end at its posterior mean. That leaves the mean as it is everywhere and shrinks the standard
        deviation as any outcome would.

        Source:
            Ginsbourger, Le Riche, Carraro 2010 (Kriging believer); Desautels, Krause, Burdick 2014 (GP-BUCB).
        """
        with torch.no_grad():
            believed, _ = self.moments(features)
        return Surrogate(
            self.kernel,
            self.noise,
            torch.cat([self._features, features]),
            torch.cat([self._values, believed]),
            torch.cat([self._variances, torch.zeros(len(features), dtype=torch.float64)]),
        )


def fit(feature_axes: Tensor, features: Tensor, values: Tensor, variances: Tensor) -> Surrogate:
    """Find the most probable hyperparameters, from a fixed start, and condition on the values.

    Args:
        feature_axes: Axis of every feature, shape (f,).
        features: Shape (n, f), n >= 1.
        values: Standardised, greater is better, shape (n,).
        variances: Measured, 0 where there is none, shape (n,).

    Raises:
        RuntimeError: If the covariance cannot be factorised, or a hyperparameter is not finite.
    """
    kernel, noise = SpaceKernel(feature_axes), MeasuredNoise(variances)
    with validate_input_scaling(False):
        model = SingleTaskGP(
            features,
            values[:, None],
            likelihood=_GaussianLikelihoodBase(noise),
            covar_module=kernel,
            mean_module=ZeroMean(),
            outcome_transform=None,
        )
    mll = ExactMarginalLogLikelihood(model.likelihood, model).train()
    parameters: dict[str, Tensor] = dict(mll.named_parameters())
    bounds = {name: BOUNDS[name.rpartition(".")[2]] for name in parameters}
    closure = get_loss_closure_with_grads(mll, parameters)
    scipy_minimize(closure, parameters, bounds=bounds, options={"maxiter": FIT_ITERATIONS})
    if not all(bool(torch.isfinite(parameter).all()) for parameter in parameters.values()):
        raise RuntimeError("the fit of the Gaussian process left the numbers; the optimizer falls back on Sobol points")
    for parameter in parameters.values():
        parameter.requires_grad_(False)
    return Surrogate(kernel, noise, features, values, variances)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread meanwhile: quicker at these sizes, and the same to the last bit however many there are.

    One caller at a time has it, or one would take the other's setting for the one to restore.
    """
    with _ONE_AT_A_TIME:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
