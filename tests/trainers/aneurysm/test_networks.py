"""The networks give logits of the shapes they promise, and project along nine directions."""

from __future__ import annotations

import pytest
import torch

from trainers.aneurysm.networks import NineProjectionNet, UNet3D, projection_lines


@pytest.mark.parametrize("shape", [(16, 16, 16), (24, 32, 8)])
def test_the_unet_gives_one_logit_for_eight_voxels(shape: tuple[int, int, int]) -> None:
    logits = UNet3D(width=4, dropout=0.1)(torch.randn(2, 1, *shape))
    assert logits.shape == (2, 1, *(edge // 2 for edge in shape))


@pytest.mark.parametrize("edge", [16, 24, 32])
def test_the_nine_projection_net_gives_one_logit_for_a_cube(edge: int) -> None:
    assert NineProjectionNet(edge, width=2, dropout=0.1)(torch.randn(3, 1, edge, edge, edge)).shape == (3,)


def test_three_of_the_projections_run_along_the_axes() -> None:
    cubes = torch.randn(2, 1, 8, 8, 8)
    projected = NineProjectionNet(8, width=1, dropout=0.0).project(cubes)
    for projection, axis in ((0, 4), (3, 2), (6, 3)):
        ours = projected[:, projection].sort(dim=1).values.sort(dim=2).values.flatten(1).sort().values
        assert torch.equal(ours, cubes.amax(dim=axis)[:, 0].flatten(1).sort().values)


def test_six_of_the_projections_run_along_the_face_diagonals() -> None:
    edge = 9
    lines = projection_lines(edge)
    middle = lines[:, edge // 2, edge // 2]
    voxels = torch.stack([middle // edge**2, middle // edge % edge, middle % edge], dim=-1)
    directions = {tuple((end - start).sign().tolist()) for start, end in zip(voxels[:, 2], voxels[:, -3], strict=True)}
    as_lines = {max(direction, tuple(-part for part in direction)) for direction in directions}
    assert as_lines == {
        (1, 0, 0),
        (0, 1, 0),
        (0, 0, 1),
        (0, 1, 1),
        (0, 1, -1),
        (1, 0, 1),
        (1, 0, -1),
        (1, 1, 0),
        (1, -1, 0),
    }


def test_every_projection_sees_the_centre() -> None:
    cube = torch.zeros(1, 1, 9, 9, 9)
    cube[..., 4, 4, 4] = 1
    projected = NineProjectionNet(9, width=1, dropout=0.0).project(cube)
    assert projected[0, :, 4, 4].tolist() == [1.0] * 9
