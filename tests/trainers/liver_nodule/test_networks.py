"""The factorised 4D convolution is what it says, and the U-Net gives logits of the shape it promises."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trainers.liver_nodule.networks import FactorisedConvolution4d, UNet4d, from_phases, to_phases


def _naive(layer: FactorisedConvolution4d, features: Tensor) -> Tensor:
    """Convolve with the full 4D kernels that the two parts make, one cell of the output at a time.

    The two are the same where no ReLU lies between, which holds for weights and features that are not negative.
    """
    kernel = torch.einsum("ompqr,mcijk->ocpijk", layer.over_phases.weight, layer.over_space.weight)
    batch, _, phases, *space = features.shape
    reach = kernel.shape[2] // 2
    padded = torch.nn.functional.pad(features, (1, 1, 1, 1, 1, 1, reach, reach))
    out = torch.zeros(batch, kernel.shape[0], phases, *space)
    for p in range(phases):
        for z in range(space[0]):
            for y in range(space[1]):
                for x in range(space[2]):
                    part = padded[:, :, p : p + 2 * reach + 1, z : z + 3, y : y + 3, x : x + 3]
                    out[:, :, p, z, y, x] = torch.einsum("bcpijk,ocpijk->bo", part, kernel)
    return out


@pytest.mark.parametrize("phase_kernel", [1, 3, 5])
def test_the_factorised_convolution_is_a_4d_convolution_of_low_rank(phase_kernel: int) -> None:
    torch.manual_seed(0)
    layer = FactorisedConvolution4d(2, 3, phase_kernel).eval()
    for part in (layer.over_space, layer.over_phases):
        torch.nn.init.uniform_(part.weight)
    features = torch.rand(2, 2, 5, 3, 4, 2)  # b, c, p, z, y, x
    ours = layer(features.transpose(1, 2).flatten(0, 1))
    theirs = _naive(layer, features) / (1 + layer.normalisation.eps) ** 0.5
    assert torch.allclose(ours, theirs.transpose(1, 2).flatten(0, 1), rtol=1e-4)


def test_phases_of_other_patients_are_never_mixed_in() -> None:
    torch.manual_seed(1)
    network = UNet4d(width=2, levels=2, phase_kernel=5, dropout=0.0).eval()
    volumes = torch.randn(3, 5, 8, 8, 8)
    together = network(volumes)
    alone = torch.cat([network(volume[None]) for volume in volumes])
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize(("phase_kernel", "touched"), [(1, [2]), (3, [1, 2, 3]), (5, [0, 1, 2, 3, 4])])
def test_the_phase_kernel_says_how_far_a_phase_is_seen(phase_kernel: int, touched: list[int]) -> None:
    torch.manual_seed(2)
    layer = FactorisedConvolution4d(2, 4, phase_kernel).eval()
    features = torch.rand(5, 2, 4, 4, 4)
    other = features.clone()
    other[2] += 1.0
    changed = (layer(features) != layer(other)).flatten(1).any(dim=1)
    assert changed.nonzero().flatten().tolist() == touched


def test_the_two_views_are_inverse_and_copy_nothing_where_the_feature_maps_are_last() -> None:
    features = torch.randn(10, 4, 2, 3, 6).contiguous(memory_format=torch.channels_last_3d)
    view = to_phases(features)
    assert view.shape == (2, 4, 5, 6, 6)
    assert view.data_ptr() == features.data_ptr()
    assert torch.equal(view[1, :, 3].reshape(4, 2, 3, 6), features[8])
    assert torch.equal(from_phases(view, features.shape), features)


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("shape", [(16, 16, 16), (8, 24, 16)])
def test_the_network_gives_one_logit_for_eight_voxels(levels: int, shape: tuple[int, int, int]) -> None:
    network = UNet4d(width=2, levels=levels, phase_kernel=3, dropout=0.1)
    assert network(torch.randn(2, 5, *shape)).shape == (2, 1, *(edge // 2 for edge in shape))


def test_every_weight_learns() -> None:
    torch.manual_seed(3)
    network = UNet4d(width=2, levels=3, phase_kernel=3, dropout=0.0)
    network(torch.randn(4, 5, 16, 16, 16)).square().sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def test_the_prior_is_what_an_untrained_network_says() -> None:
    network = UNet4d(width=2, levels=2, phase_kernel=1, dropout=0.0)
    network.set_prior(0.01)
    assert torch.sigmoid(network(torch.randn(1, 5, 8, 8, 8))).detach().numpy() == pytest.approx(0.01, rel=0.3)
