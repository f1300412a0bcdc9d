"""The Gaussian process: equal to BoTorch's, and right about noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from botorch.models import SingleTaskGP
from botorch.settings import validate_input_scaling
from gpytorch.kernels import MaternKernel, ScaleKernel
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood
from gpytorch.means import ZeroMean

from bohpo.optimizer.surrogate import MeasuredNoise, SpaceKernel, Surrogate, fit, one_thread


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(shape))


def zeros(n: int) -> torch.Tensor:
    return torch.zeros(n, dtype=torch.float64)


def make_surrogate(n: int = 20, variances: torch.Tensor | None = None) -> Surrogate:
    features = random(n, 4)
    values = torch.sin(6.0 * features[:, 0]) + features[:, 1] ** 2
    values = (values - values.mean()) / values.std()
    kernel, noise = SpaceKernel(torch.tensor([0, 1, 2, 2])), MeasuredNoise(zeros(n))
    with torch.no_grad():
        kernel.log_w.copy_(torch.tensor([1.2, -0.4, 0.3]))
        kernel.log_signal.fill_(0.5)
        noise.log_noise.fill_(-3.0)
    for parameter in (*kernel.parameters(), *noise.parameters()):
        parameter.requires_grad_(False)
    return Surrogate(kernel, noise, features, values, zeros(n) if variances is None else variances)


def reference(surrogate: Surrogate, variances: torch.Tensor) -> SingleTaskGP:
    """BoTorch's own model with the same hyperparameters; columns 2 and 3 share a lengthscale."""
    features, values = surrogate._features, surrogate._values
    covariance = ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=4)).double()
    covariance.outputscale = surrogate.kernel.log_signal.exp()
    covariance.base_kernel.lengthscale = torch.exp(-0.5 * surrogate.kernel.log_w)[[0, 1, 2, 2]]
    likelihood = FixedNoiseGaussianLikelihood(noise=surrogate.noise.of(variances))
    with validate_input_scaling(False):
        model = SingleTaskGP(
            features,
            values[:, None],
            likelihood=likelihood,
            covar_module=covariance,
            mean_module=ZeroMean(),
            outcome_transform=None,
        )
    return model.eval()


@pytest.mark.parametrize("measured", [False, True])
def test_the_posterior_is_that_of_botorch(measured: bool) -> None:
    variances = random(20, seed=1) if measured else zeros(20)
    surrogate = make_surrogate(variances=variances)
    at = random(30, 4, seed=2)
    mean, sd = surrogate.moments(at)
    with torch.no_grad():
        expected = reference(surrogate, variances).posterior(at)
        torch.testing.assert_close(mean, expected.mean[:, 0], atol=1e-8, rtol=0.0)
        torch.testing.assert_close(sd.square(), expected.variance[:, 0], atol=1e-8, rtol=0.0)


def test_believing_pending_points_keeps_the_mean_and_shrinks_the_deviation() -> None:
    surrogate = make_surrogate()
    pending, at = random(5, 4, seed=3), random(40, 4, seed=4)
    believing = surrogate.believing(pending)
    mean, sd = surrogate.moments(at)
    believed_mean, believed_sd = believing.moments(at)
    torch.testing.assert_close(believed_mean, mean, atol=1e-8, rtol=0.0)
    assert bool((believed_sd < sd).all())
    assert bool((believing.moments(pending)[1] < 0.65 * surrogate.moments(pending)[1]).all())


def test_believing_nothing_changes_nothing() -> None:
    surrogate, at = make_surrogate(), random(6, 4, seed=4)
    believing = surrogate.believing(torch.empty((0, 4), dtype=torch.float64))
    for before, after in zip(surrogate.moments(at), believing.moments(at), strict=True):
        torch.testing.assert_close(before, after)


def test_the_kernel_has_the_right_gradient_even_at_distance_zero() -> None:
    kernel = SpaceKernel(torch.tensor([0, 1, 1]))
    kernel.requires_grad_(False)
    a = random(3, 3).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: kernel.forward(x, random(4, 3, seed=1)), (a,))
    (gradient,) = torch.autograd.grad(kernel.forward(a, a.detach()).diagonal().sum(), a)
    assert bool((gradient == 0.0).all())


def test_a_fit_finds_which_parameters_matter() -> None:
    features = random(40, 3)
    values = torch.sin(5.0 * features[:, 1])
    surrogate = fit(torch.arange(3), features, (values - values.mean()) / values.std(), zeros(40))
    w = surrogate.kernel.log_w.exp()
    assert w[1] > 5.0 * w[0]
    assert w[1] > 5.0 * w[2]


def test_a_fit_is_a_maximum_of_its_objective() -> None:
    features = random(25, 2)
    values = torch.cos(4.0 * features[:, 0]) + 0.3 * torch.from_numpy(np.random.default_rng(1).standard_normal(25))
    values = (values - values.mean()) / values.std()

    def log_posterior(surrogate: Surrogate, change: float) -> float:
        log_w, signal = surrogate.kernel.log_w + change, surrogate.kernel.log_signal.exp()
        noise, share = surrogate.noise.log_noise, surrogate.noise.log_share
        scaled = features * torch.exp(0.5 * log_w)
        distance = math.sqrt(5.0) * torch.cdist(scaled, scaled)
        covariance = signal * (1 + distance + distance**2 / 3) * torch.exp(-distance)
        covariance = covariance + (noise.exp() + 1e-6) * torch.eye(25, dtype=torch.float64)
        normal = torch.distributions.MultivariateNormal(zeros(25), covariance)
        likelihood = normal.log_prob(values)  # type: ignore[no-untyped-call]
        prior = -0.1 * (torch.exp(-log_w) + torch.exp(log_w)).sum() + signal.log() - signal
        return float(likelihood + prior - 0.5 * (noise + 4) ** 2 - 0.5 * (share - math.log(0.1)) ** 2)

    surrogate = fit(torch.arange(2), features, values, zeros(25))
    best = log_posterior(surrogate, 0.0)
    assert best > log_posterior(surrogate, 0.1)
    assert best > log_posterior(surrogate, -0.1)
    assert float(surrogate.noise.log_share) == pytest.approx(math.log(0.1), abs=1e-4)


def test_a_value_with_a_larger_measured_variance_counts_for_less() -> None:
    features = torch.tensor([[0.5], [0.5]], dtype=torch.float64)
    kernel, noise = SpaceKernel(torch.tensor([0])), MeasuredNoise(zeros(2))
    kernel.requires_grad_(False)
    noise.requires_grad_(False)
    values = torch.tensor([1.0, -1.0], dtype=torch.float64)
    mean, _ = Surrogate(kernel, noise, features, values, torch.tensor([0.1, 5.0])).moments(features[:1])
    equal, _ = Surrogate(kernel, noise, features, values, torch.tensor([5.0, 5.0])).moments(features[:1])
    assert float(equal) == pytest.approx(0.0, abs=1e-12)
    assert float(mean) > 0.5


def test_variance_that_all_trials_share_is_not_taken_for_noise_between_them() -> None:
    features = random(40, 2)
    values = torch.sin(5.0 * features[:, 0]) + features[:, 1]
    values = (values - values.mean()) / values.std()
    measured = fit(torch.arange(2), features, values, zeros(40) + 1.0)
    mean, _ = measured.moments(features)
    assert float((mean - values).abs().max()) < 0.2


def test_threads_are_given_back_even_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError), one_thread():
        assert torch.get_num_threads() == 1
        raise KeyError
    assert torch.get_num_threads() == before
