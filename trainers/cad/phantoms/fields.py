"""Smooth chance over a volume: textures, coil sensitivities, displacements; and the noise of magnitude images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

Floats: TypeAlias = NDArray[np.float64]
Image: TypeAlias = NDArray[np.float32]


def smooth_field(rng: Generator, shape: Sequence[int], scale: float) -> Image:
    """Draw a smooth Gaussian random field.

    Independent normal numbers on a coarse grid are joined by cubic B-splines, axis by axis, which takes a tenth of the
    time of a Gaussian filter.

    Args:
        rng: Source of chance.
        shape: Voxels along z, y, x.
        scale: Spacing of the coarse grid, voxels; values further apart than four times that are independent.

    Returns:
        (z, y, x) field; every voxel has mean 0 and variance 1.
    """
    weights = [_spline_weights(edge, scale, rng.random()) for edge in shape]
    field = rng.standard_normal([axis.shape[1] for axis in weights], np.float32)
    for axis in weights:
        # Contracts the first axis and appends its fine one, so three rounds bring the axes back into their order.
        field = np.tensordot(field, axis, axes=(0, 1))
    return field


def _spline_weights(edge: int, scale: float, offset: float) -> Image:
    """Give what each of k coarse points adds to each voxel, (edge, k); the squares of a row sum to 1."""
    position = np.arange(edge) / scale + offset + 1
    distance = np.abs(position[:, None] - np.arange(int(position[-1]) + 3))
    near, far = 2 / 3 - distance**2 + distance**3 / 2, np.clip(2 - distance, 0, None) ** 3 / 6
    weights = np.where(distance < 1, near, far)
    scaled: Image = (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def coil_bias(rng: Generator, shape: Sequence[int], strength: float) -> Image:
    """Draw the sensitivity (z, y, x) of receiver coils, a smooth factor around 1.

    Args:
        rng: Source of chance.
        shape: Voxels along z, y, x.
        strength: Standard deviation of its logarithm.
    """
    bias: Image = np.exp(strength * smooth_field(rng, shape, scale=max(shape) / 2))
    return bias


def rician(rng: Generator, image: Image, noise: float) -> Image:
    """Give the magnitude of a signal with noise in both channels.

    Args:
        rng: Source of chance.
        image: (...) signal.
        noise: Standard deviation of the noise in either channel, in the signal's unit.
    """
    real, imaginary = (noise * rng.standard_normal(image.shape, np.float32) for _ in range(2))
    magnitude: Image = np.hypot(image + real, imaginary)
    return magnitude


def displacement(rng: Generator, shape: Sequence[int], amplitude: float, scale: float) -> Image:
    """Draw a smooth displacement (3, z, y, x) of z, y and x, in voxels.

    Args:
        rng: Source of chance.
        shape: Voxels along z, y, x.
        amplitude: Standard deviation along each axis, voxels.
        scale: As for `smooth_field`; below three times the amplitude the displacement may fold.
    """
    return amplitude * np.stack([smooth_field(rng, shape, scale) for _ in range(3)])


def displaced(image: Image, moved: Image) -> Image:
    """Give the image (z, y, x) whose voxel u shows what `image` holds at u + `moved` (3, z, y, x); linear."""
    grid: tuple[Image, ...] = np.indices(image.shape, np.float32, sparse=True)
    points = [along + shift for along, shift in zip(grid, moved, strict=True)]
    found: Image = ndimage.map_coordinates(image, points, np.float32, order=1, mode="nearest")
    return found
