"""A volume goes through a network in tiles as it does whole."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trainers.cad.case import Image
from trainers.cad.crop import crop
from trainers.cad.tiles import Tiling, slide

CPU = torch.device("cpu")


def _noise(*shape: int) -> Image:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _blur(volumes: Tensor) -> Tensor:
    """Average 5 x 5 x 5 voxels; two channels out of one."""
    kernel = torch.ones(1, 1, 5, 5, 5) / 125
    padded = functional.pad(volumes, 6 * [2], mode="replicate")
    blurred = functional.conv3d(padded, kernel)
    return torch.cat([blurred, -blurred], dim=1)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("shape", [(8, 8, 8), (13, 20, 9)])
def test_tiles_leave_no_seams(shape: tuple[int, int, int], batch: int) -> None:
    volume = _noise(1, *shape)
    whole = _blur(torch.from_numpy(volume[None]))[0].numpy()
    tiling = Tiling(tile=8, halo=2, batch=batch)
    assert slide(_blur, volume, tiling, CPU) == pytest.approx(whole, abs=1e-5)


def test_coarse_cells_lie_where_their_voxels_are() -> None:
    def halve(volumes: Tensor) -> Tensor:
        return functional.avg_pool3d(volumes, 2)

    volume = _noise(3, 11, 16, 10)
    cells = slide(halve, volume, Tiling(tile=4, halo=2, multiple=2, stride=2), CPU)
    assert cells.shape == (3, 6, 8, 5)
    assert cells[:, :5] == pytest.approx(halve(torch.from_numpy(volume[None, :, :10]))[0].numpy(), abs=1e-6)


def test_windows_of_one_shape_come_in_batches() -> None:
    seen = []

    def look(volumes: Tensor) -> Tensor:
        seen.append(tuple(volumes.shape))
        return volumes

    slide(look, _noise(1, 8, 8, 32), Tiling(tile=8, halo=1, batch=5), CPU)
    assert seen == [(1, 1, 8, 8, 9), (2, 1, 8, 8, 10), (1, 1, 8, 8, 9)]


def test_the_mirror_image_counts_as_much() -> None:
    def to_the_right(volumes: Tensor) -> Tensor:
        return torch.roll(volumes, 1, dims=-1)

    volume, tiling = _noise(1, 4, 4, 6), Tiling(tile=8, halo=0, is_mirrored=True)
    expected = (np.roll(volume, 1, axis=-1) + np.roll(volume, -1, axis=-1)) / 2
    assert slide(to_the_right, volume, tiling, CPU) == pytest.approx(expected)
    assert slide(to_the_right, volume, dataclasses.replace(tiling, is_mirrored=False), CPU) == pytest.approx(
        np.roll(volume, 1, axis=-1)
    )


@pytest.mark.parametrize("first", [(-2, 1, 3), (4, 5, 6), (1, 1, 1), (-9, 0, 20)])
def test_beyond_the_border_the_border_is_repeated(first: tuple[int, int, int]) -> None:
    volume = _noise(2, 6, 7, 8)
    padded = np.pad(volume, [(0, 0), *3 * [(30, 30)]], mode="edge")
    z, y, x = (slice(start + 30, start + 34) for start in first)
    assert np.array_equal(crop(volume, first, (4, 4, 4)), padded[:, z, y, x])
