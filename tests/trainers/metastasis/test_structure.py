"""What is said of a structure without torch is true of the network that torch makes of it."""

from __future__ import annotations

import itertools
import re

import pytest
import torch
from torch import Tensor, nn

from trainers.metastasis.network import DetectionNetwork
from trainers.metastasis.structure import ACTIVATIONS, NORMALISATIONS, STRIDE, Activation, Normalisation, Structure

BASE = Structure(
    levels=3,
    base_width=4,
    convolutions=2,
    kernel=3,
    width_growth=1.5,
    normalisation="batch",
    activation="relu",
    residual=True,
)


def _structure(
    levels: int = 3,
    convolutions: int = 2,
    kernel: int = 3,
    normalisation: Normalisation = "batch",
    activation: Activation = "relu",
    *,
    residual: bool = True,
) -> Structure:
    return Structure(
        levels=levels,
        base_width=4,
        convolutions=convolutions,
        kernel=kernel,
        width_growth=1.5,
        normalisation=normalisation,
        activation=activation,
        residual=residual,
    )


STRUCTURES = [
    BASE,
    _structure(levels=2, convolutions=1, residual=False),
    _structure(levels=4, convolutions=3, normalisation="group", activation="elu"),
    _structure(kernel=5, convolutions=1, normalisation="instance", activation="leaky_relu"),
]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_network_gives_one_logit_for_eight_voxels(structure: Structure) -> None:
    logits = DetectionNetwork(structure, dropout=0.1)(torch.randn(2, 1, 16, 24, 32))
    assert logits.shape == (2, 1, 8, 12, 16)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_weights_are_those_that_torch_counts(structure: Structure) -> None:
    assert structure.weights == sum(each.numel() for each in DetectionNetwork(structure, 0.1).parameters())


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_memory_of_a_step_is_what_torch_keeps_for_the_backward_pass(structure: Structure) -> None:
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    network = DetectionNetwork(structure, dropout=0.1)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(torch.randn(2, 1, 32, 32, 32))
    widest = structure.base_width * 2 * 32**3 * 4
    beyond = 2 * widest + 3 * 4 * structure.weights  # gradients under way; gradients and moments of the weights
    assert structure.training_bytes(32, 2) - beyond == pytest.approx(sum(kept.values()), rel=0.02)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_operations_are_those_of_the_convolutions_and_of_each_value_they_give(structure: Structure) -> None:
    counted = 0.0

    def count(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal counted
        if isinstance(layer, nn.Conv3d) and layer.out_channels > 1:
            counted += output.numel() * layer.weight[0].numel()
            counted += 400 * output.numel() * (layer.bias is None and layer.kernel_size[0] > 1)
        if isinstance(layer, nn.ConvTranspose3d):
            counted += output.numel() * layer.in_channels

    network = DetectionNetwork(structure, dropout=0.1)
    for layer in network.modules():
        layer.register_forward_hook(count)
    network(torch.randn(1, 1, 32, 32, 32))
    assert structure.operations * 32**3 == pytest.approx(counted)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_nothing_beyond_the_reach_changes_a_cell(structure: Structure) -> None:
    torch.manual_seed(0)
    network = DetectionNetwork(structure, dropout=0.1).eval()
    if structure.normalisation != "batch":
        pytest.skip("it is normalised over the whole volume")
    edge = 2 * structure.multiple * (structure.reach // structure.multiple + 1)
    volume = torch.randn(1, 1, 16, 16, edge, requires_grad=True)
    network(volume)[0, 0, :, :, edge // 2 // STRIDE].square().sum().backward()
    assert volume.grad is not None
    touched = volume.grad[0, 0].abs().amax(dim=(0, 1)).nonzero()[:, 0]
    assert touched.min() >= edge // 2 - structure.reach
    assert touched.max() <= edge // 2 + 1 + structure.reach
    assert len(touched) > structure.reach / 3


def test_widths_grow_and_are_multiples_of_a_group() -> None:
    assert BASE.widths == (4, 8, 8)
    assert _structure(levels=5).widths == (4, 8, 8, 12, 20)


CHOICES = list(itertools.product((2, 3, 4, 5), (3, 5), NORMALISATIONS))


@pytest.mark.parametrize(("levels", "kernel", "normalisation"), CHOICES)
@pytest.mark.parametrize(("edge", "batch"), [(8, 1), (16, 1), (16, 4), (24, 2)])
def test_what_is_not_refused_can_be_trained_and_no_weight_of_it_stays_idle(
    levels: int, kernel: int, normalisation: Normalisation, edge: int, batch: int
) -> None:
    structure = _structure(levels, 1, kernel, normalisation)
    if list(structure.problems(edge, batch)):
        return
    network = DetectionNetwork(structure, dropout=0.0)
    network(torch.randn(batch, 1, edge, edge, edge)).square().sum().backward()
    for name, weights in network.named_parameters():
        assert weights.grad is not None
        if name.endswith("layers.0.weight"):
            assert (weights.grad.abs().amax(dim=(0, 1)) > 0).all(), "a kernel's rim met nothing but padding"


@pytest.mark.parametrize(
    ("structure", "edge", "batch", "problem"),
    [
        (_structure(levels=4), 20, 8, r"patch_edge: 4 levels need a multiple of 8, not 20; write 16, or fewer levels"),
        (_structure(levels=5), 16, 8, r"kernel: 3 reaches beyond the 1 cells that 5 levels leave of a patch's edge of"),
        (_structure(levels=4, kernel=5), 16, 8, r"kernel: 5 reaches beyond the 2 cells"),
        (_structure(levels=4, normalisation="instance"), 16, 8, r"normalisation: instance has 8 values to go by"),
        (_structure(levels=4), 16, 1, r"normalisation: batch has 8 values to go by .*; write fewer levels"),
        (_structure(kernel=4), 16, 8, r"kernel: 4 has no middle; write 5"),
    ],
)
def test_what_the_patch_cannot_hold_is_refused_with_a_remedy(
    structure: Structure, edge: int, batch: int, problem: str
) -> None:
    found = structure.problems(edge, batch)
    assert any(re.match(problem, line) for line in found)


def test_what_the_patch_can_hold_is_not_refused() -> None:
    assert not list(_structure(levels=4, normalisation="group").problems(16, 1))
    assert not list(_structure(levels=5, normalisation="instance", kernel=5).problems(48, 1))
    assert not list(_structure(levels=4).problems(16, 2))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_the_layers_are_those_that_were_asked_for(normalisation: Normalisation, activation: Activation) -> None:
    kinds = {type(layer) for layer in DetectionNetwork(_structure(2, 1, 3, normalisation, activation), 0.0).modules()}
    assert {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU}[activation] in kinds
    assert (nn.BatchNorm3d if normalisation == "batch" else nn.GroupNorm) in kinds


def test_instance_normalisation_is_torchs_own() -> None:
    network = DetectionNetwork(_structure(2, 1, 3, "instance"), 0.0)
    [layer] = [layer for layer in network.down[0].modules() if isinstance(layer, nn.GroupNorm)]
    features = torch.randn(2, 4, 5, 6, 7)
    assert torch.allclose(layer(features), nn.InstanceNorm3d(4)(features), atol=1e-5)
