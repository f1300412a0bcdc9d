"""Cubic patches out of cases: where they are taken and how they are varied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from trainers.cad.case import Case, Floats

Voxel: TypeAlias = NDArray[np.int64]
"""A voxel's indices (3,), z, y, x."""

UNKNOWN_DIAMETER_MM = 10.0

_MARGIN = 0.25
"""What is cut out beyond a patch's faces, over its edge, so that turning it leaves its corners filled."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Patches and the aneurysms in and around them.

    Attributes:
        images: (b, 1, e, e, e) signal.
        centres: (b, n, 3) aneurysms of the patch's case, z, y, x in voxels from the patch's centre.
        radii: (b, n) voxels; 0 fills up cases with fewer aneurysms.
    """

    images: Tensor
    centres: Tensor
    radii: Tensor

    def occupancy(self, stride: int) -> Tensor:
        """Give the target (b, 1, e / stride, ...): 1 in cells within an aneurysm, 0 outside, soft at the wall."""
        edge = self.images.shape[-1]
        along = torch.arange(stride / 2 - 0.5, edge, stride) - (edge - 1) / 2
        cells = torch.stack(torch.meshgrid(along, along, along, indexing="ij"), dim=-1)
        return self._within(cells).amax(dim=1, keepdim=True)

    def centre_is_aneurysm(self) -> Tensor:
        """Give the target (b,): 1 where the patch's centre lies within an aneurysm."""
        return (self._within(torch.zeros(1, 1, 1, 3)).amax(dim=1).flatten() > 0.5).float()

    def _within(self, cells: Tensor) -> Tensor:
        distance = torch.linalg.vector_norm(cells[None, None] - self.centres[:, :, None, None, None], dim=-1)
        radii = self.radii[:, :, None, None, None]
        return torch.where(radii > 0, torch.sigmoid((radii - distance) / 0.3), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How patches are drawn.

    Attributes:
        batch: Patches per batch.
        edge: Edge of a patch, voxels.
        positive_ratio: Share of the patches that are drawn around an aneurysm.
        jitter: Greatest displacement from an aneurysm's centre along each axis, in its radii or in edges, see
            `jitter_in_radii`.
        jitter_in_radii: Whether `jitter` counts in radii of the aneurysm; else in edges of the patch.
        augmentation: Strength of the variation, 0 for none.
    """

    batch: int
    edge: int
    positive_ratio: float
    jitter: float
    jitter_in_radii: bool
    augmentation: float


class PatchSampler:
    """Draws batches of patches from cases."""

    def __init__(self, cases: Sequence[Case], anchors: Sequence[Floats], sampling: Sampling) -> None:
        """Prepare the cases.

        Args:
            cases: Training cases, one of them with an aneurysm at least.
            anchors: For each case (k, 3) points, z, y, x in voxels, around which the other patches are drawn.
            sampling: How to draw.
        """
        self.sampling = sampling
        self._cut = sampling.edge + 2 * int(np.ceil(_MARGIN * sampling.edge / 2))
        self._padding = self._cut // 2
        self._volumes = [np.pad(case.volume, self._padding, mode="edge") for case in cases]
        self._anchors = anchors
        self._centres = [case.to_voxels(case.centres) for case in cases]
        diameters = [np.where(case.diameters > 0, case.diameters, UNKNOWN_DIAMETER_MM) for case in cases]
        self._radii = [each / case.spacing / 2 for each, case in zip(diameters, cases, strict=True)]
        self._lesions = [(number, lesion) for number, radii in enumerate(self._radii) for lesion in range(len(radii))]

    def draw(self, rng: Generator) -> Batch:
        """Draw a batch; the same generator state gives the same batch."""
        chosen = [self._choose(rng) for _ in range(self.sampling.batch)]
        cuts = np.stack([self._volumes[number][_cube(corner, self._cut)] for number, corner in chosen])
        centres, radii = self._lesions_around(chosen)
        return self._vary(rng, torch.from_numpy(cuts)[:, None], centres, radii)

    def _choose(self, rng: Generator) -> tuple[int, Voxel]:
        """Choose a case, and the first voxel of a cut in its padded volume."""
        if rng.random() < self.sampling.positive_ratio:
            number, lesion = self._lesions[rng.integers(len(self._lesions))]
            around = self._centres[number][lesion]
            unit = self._radii[number][lesion] if self.sampling.jitter_in_radii else self.sampling.edge
            around = around + rng.uniform(-1, 1, size=3) * self.sampling.jitter * unit
        else:
            number = int(rng.integers(len(self._volumes)))
            around = self._anchors[number][rng.integers(len(self._anchors[number]))]
        limits = np.array(self._volumes[number].shape) - self._cut
        corner = np.rint(around - (self._cut - 1) / 2).astype(np.int64) + self._padding
        return number, np.clip(corner, 0, limits)

    def _lesions_around(self, chosen: Sequence[tuple[int, Voxel]]) -> tuple[Tensor, Tensor]:
        most = max(1, *(len(self._radii[number]) for number, _ in chosen))
        centres, radii = np.zeros((len(chosen), most, 3), np.float32), np.zeros((len(chosen), most), np.float32)
        for row, (number, corner) in enumerate(chosen):
            lesions = len(self._radii[number])
            centres[row, :lesions] = self._centres[number] - (corner - self._padding + (self._cut - 1) / 2)
            radii[row, :lesions] = self._radii[number]
        return torch.from_numpy(centres), torch.from_numpy(radii)

    def _vary(self, rng: Generator, cuts: Tensor, centres: Tensor, radii: Tensor) -> Batch:
        edge, strength = self.sampling.edge, self.sampling.augmentation
        if strength == 0:
            margin = (self._cut - edge) // 2
            inner = slice(margin, margin + edge)
            return Batch(cuts[:, :, inner, inner, inner].contiguous(), centres, radii)
        turns, scales = _random_turns(rng, len(cuts), strength)
        images = _resample(cuts, turns * scales[:, None, None], edge)
        # The patch shows at u what the cut holds at (scale * turn) u.
        return Batch(
            images=_vary_signal(rng, images, strength),
            centres=(centres @ turns) / scales[:, None, None],
            radii=radii / scales[:, None],
        )


def _cube(corner: Voxel, edge: int) -> tuple[slice, slice, slice]:
    z, y, x = (slice(int(first), int(first) + edge) for first in corner)
    return z, y, x


def _random_turns(rng: Generator, count: int, strength: float) -> tuple[Tensor, Tensor]:
    """Draw orthogonal matrices (b, 3, 3), a rotation and flips, and scales (b,)."""
    axes = rng.normal(size=(count, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    angles = rng.uniform(-1, 1, size=count) * min(strength, 1) * np.pi / 4
    cross = np.zeros((count, 3, 3))
    cross[:, [2, 0, 1], [1, 2, 0]] = axes
    cross -= cross.transpose(0, 2, 1)
    # Rodrigues: R = I + sin(a) K + (1 - cos(a)) K^2.
    rotations = np.eye(3) + np.sin(angles)[:, None, None] * cross + (1 - np.cos(angles))[:, None, None] * cross @ cross
    flips = np.where(rng.random((count, 1, 3)) < 0.5 * min(strength, 1), -1.0, 1.0)
    scales = np.exp(rng.uniform(-0.2, 0.2, size=count) * strength)
    return torch.from_numpy((rotations * flips).astype(np.float32)), torch.from_numpy(scales.astype(np.float32))


def _resample(cuts: Tensor, matrices: Tensor, edge: int) -> Tensor:
    """Give patches (b, 1, e, e, e) that show at u what `cuts` (b, 1, c, c, c) hold at `matrices` (b, 3, 3) times u."""
    matrices_xyz = matrices.flip(1, 2) * ((edge - 1) / (cuts.shape[-1] - 1))
    theta = torch.cat([matrices_xyz, torch.zeros(len(cuts), 3, 1)], dim=2)
    grid = functional.affine_grid(theta, [len(cuts), 1, edge, edge, edge], align_corners=True)
    return functional.grid_sample(cuts, grid, padding_mode="border", align_corners=True)


def _vary_signal(rng: Generator, images: Tensor, strength: float) -> Tensor:
    contrast = np.exp(rng.normal(scale=0.2 * strength, size=(len(images), 1, 1, 1, 1)))
    offset = rng.normal(scale=0.1 * strength, size=contrast.shape)
    noise = rng.uniform(0, 0.1 * strength, size=contrast.shape) * rng.standard_normal(images.shape, np.float32)
    return images * torch.from_numpy(contrast.astype(np.float32)) + torch.from_numpy(
        (offset + noise).astype(np.float32)
    )
