"""The autoencoder keeps a patch's shape, and what passes through it is bounded by its bottleneck."""

from __future__ import annotations

import pytest
import torch

from trainers.head_ct_anomaly.network import Autoencoder3D


@pytest.mark.parametrize(("levels", "edge"), [(1, 8), (2, 8), (3, 16)])
def test_a_reconstruction_has_the_shape_of_its_patch(levels: int, edge: int) -> None:
    network = Autoencoder3D(levels, 4, 3, 0.2)
    patches = torch.randn(2, 1, edge, edge, edge)
    assert network(patches).shape == patches.shape
    codes = next(network.bottleneck.children())(network.encoder(patches))
    assert codes.shape == (2, 3, *(3 * (edge // 2**levels,)))


def test_all_weights_learn() -> None:
    network = Autoencoder3D(2, 4, 2, 0.0)
    network(torch.randn(3, 1, 8, 8, 8)).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())


def test_what_the_bottleneck_does_not_let_through_does_not_come_out() -> None:
    """Patches with the same code have the same reconstruction: nothing goes around the bottleneck."""
    torch.manual_seed(0)
    network = Autoencoder3D(2, 4, 1, 0.0).eval()
    with torch.no_grad():
        next(network.bottleneck.parameters()).zero_()
        first, second = network(torch.randn(2, 1, 8, 8, 8))
    assert torch.equal(first, second)
