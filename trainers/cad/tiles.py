"""A fully convolutional network over whole volumes, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from trainers.cad.case import Image
from trainers.cad.crop import crop


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """How a volume goes through a network.

    Attributes:
        tile: Edge of a tile, voxels; divisible by `multiple`.
        halo: What is computed around a tile and thrown away, voxels; divisible by `multiple`. It covers the network's
            field of view, so that the seams do not show. Windows, a tile and its halo, end at the volume's border.
        multiple: What the edges of the network's input are divisible by.
        stride: Voxels per cell of its output; divides `multiple`.
        is_mirrored: Whether the output is the mean of those of the volume and of its mirror image. PyTorch convolves
            two volumes on a CPU several times faster than a single one, which misses oneDNN's threshold.
        batch: Windows at a time.
    """

    tile: int
    halo: int
    multiple: int = 1
    stride: int = 1
    is_mirrored: bool = False
    batch: int = 1


class _Window(NamedTuple):
    """A tile, and what goes through the network for it.

    Attributes:
        first: First voxel of the tile.
        last: First voxel after it, along each axis.
        begin: First voxel of the window.
        shape: Edges of the window, voxels.
    """

    first: tuple[int, ...]
    last: tuple[int, ...]
    begin: tuple[int, ...]
    shape: tuple[int, ...]


@torch.inference_mode()
def slide(network: Callable[[Tensor], Tensor], volume: Image, tiling: Tiling, device: torch.device) -> Image:
    """Put a volume through a network.

    Args:
        network: Turns (b, c, z, y, x) into (b, k, z / stride, y / stride, x / stride).
        volume: (c, z, y, x) signal.
        tiling: How.
        device: Where the network is.

    Returns:
        (k, z / stride, y / stride, x / stride), rounded up.
    """
    stride, output = tiling.stride, None
    for windows in _batches(_windows(volume.shape[1:], tiling), tiling.batch):
        inputs = np.stack([crop(volume, window.begin, window.shape) for window in windows])
        for window, cells in zip(windows, _apply(network, inputs, tiling, device), strict=True):
            if output is None:
                output = np.empty((len(cells), *(-(-edge // stride) for edge in volume.shape[1:])), np.float32)
            target = [slice(f // stride, -(-s // stride)) for f, s in zip(window.first, window.last, strict=True)]
            inner = [
                slice((f - b) // stride, -(-(s - b) // stride))
                for f, s, b in zip(window.first, window.last, window.begin, strict=True)
            ]
            output[:, *target] = cells[:, *inner]
    assert output is not None
    return output


def _apply(network: Callable[[Tensor], Tensor], inputs: Image, tiling: Tiling, device: torch.device) -> Image:
    if tiling.is_mirrored:
        inputs = np.concatenate([inputs, inputs[..., ::-1]])
    volumes = torch.from_numpy(inputs).to(device, torch.float32, memory_format=torch.channels_last_3d)
    cells = network(volumes).float().cpu()
    if tiling.is_mirrored:
        plain, mirrored = cells.chunk(2)
        cells = (plain + mirrored.flip(-1)) / 2
    output: Image = cells.numpy()
    return output


def _windows(shape: tuple[int, ...], tiling: Tiling) -> Iterator[_Window]:
    for first in product(*(range(0, edge, tiling.tile) for edge in shape)):
        last = tuple(min(f + tiling.tile, edge) for f, edge in zip(first, shape, strict=True))
        begin = tuple(max(0, f - tiling.halo) for f in first)
        end = tuple(min(s + tiling.halo, edge) for s, edge in zip(last, shape, strict=True))
        edges = (e - b for b, e in zip(begin, end, strict=True))
        yield _Window(first, last, begin, tuple(-(-edge // tiling.multiple) * tiling.multiple for edge in edges))


def _batches(windows: Iterator[_Window], count: int) -> Iterator[list[_Window]]:
    """Gather neighbouring windows of the same shape."""
    for _, group in groupby(windows, key=lambda window: window.shape):
        alike = list(group)
        yield from (alike[first : first + count] for first in range(0, len(alike), count))
