"""The model as BoTorch has it. Imports torch, gpytorch and botorch.

The optimizer computes its own posterior, since that is what a proposal's time goes into. This is the same model in
BoTorch's words: to be checked against, and for whoever wants to go on from a campaign's model with BoTorch's tools.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # linear_operator compiles with torch.jit, which torch calls deprecated
    import torch
    from botorch.models import SingleTaskGP
    from botorch.settings import validate_input_scaling
    from gpytorch.kernels import Kernel, LinearKernel, MaternKernel, ScaleKernel
    from gpytorch.likelihoods import FixedNoiseGaussianLikelihood
    from gpytorch.means import Mean

from torch import Tensor

from bohpo.optimizer.covariance import Layout, MainEffects
from bohpo.optimizer.fit import Hyperparameters, bowl
from bohpo.optimizer.posterior import Posterior


def as_botorch(posterior: Posterior) -> SingleTaskGP:
    """Give the BoTorch model of the same values and hyperparameters, ready for `.posterior(features)`.

    Args:
        posterior: Given values; points that it believes are left out.
    """
    layout, theta = posterior.layout, posterior.hyperparameters
    noise = torch.from_numpy(theta.noise(posterior.variances))
    with validate_input_scaling(False):
        model = SingleTaskGP(
            torch.from_numpy(posterior.features[: len(posterior.values)]),
            torch.from_numpy(posterior.values)[:, None],
            likelihood=FixedNoiseGaussianLikelihood(noise=noise),
            covar_module=_covariance(layout, theta),
            mean_module=_Bowl(layout, theta.curvature),
            outcome_transform=None,
        )
    return model.eval()


def _covariance(layout: Layout, theta: Hyperparameters) -> Kernel:
    matern = ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=len(layout.axes))).double()
    matern.outputscale = math.exp(theta.log_signal)
    matern.base_kernel.lengthscale = torch.exp(torch.from_numpy(-0.5 * theta.log_w[layout.axes]))
    trend = theta.covariance(layout).trend
    return matern + _Trend(layout, trend) if trend else matern


class _Bowl(Mean):  # type: ignore[misc]
    def __init__(self, layout: Layout, curvature: float) -> None:
        super().__init__()
        self._layout, self._curvature = layout, curvature

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1]).detach().numpy()
        return torch.from_numpy(-self._curvature * bowl(self._layout, flat)).reshape(x.shape[:-1])


class _Trend(LinearKernel):  # type: ignore[misc]
    """gpytorch's linear kernel over the main effects."""

    def __init__(self, layout: Layout, variance: float) -> None:
        super().__init__()
        self.double()
        self.variance = variance
        self._effects = MainEffects(layout, 1.0)

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **_: Any) -> Tensor:
        covariance: Tensor = super().forward(self._of(x1), self._of(x2), diag=diag)
        return covariance

    def _of(self, x: Tensor) -> Tensor:
        flat = self._effects(x.reshape(-1, x.shape[-1]).detach().numpy())
        return torch.from_numpy(flat).reshape(*x.shape[:-1], -1)
