"""How patches are varied: turned, scaled, flipped and deformed, and in their signal.

Everything is drawn for a whole batch before any voxel is touched, so a share of a batch is the same whoever makes it.
Coordinates u are z, y, x in voxels from the patch's centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional

MARGIN = 0.25
"""What is cut out beyond a patch's faces, over its edge, so that turning it leaves its corners filled."""

WAVES = 4
WAVES_PER_EDGE = (0.3, 1.0)
GREATEST_SHIFT = 0.1
"""Of the edge, at strength 1. With at most one wave per edge the deformation then stretches by at most 2 pi / 10, so
it never folds and can be inverted by iteration."""

_INVERSIONS = 12
"""0.63^12 of the greatest shift remains: less than a hundredth of a voxel."""


@dataclass(frozen=True, slots=True, eq=False)
class Waves:
    """Smooth deformations d(u), sums of a few plane waves.

    Attributes:
        shifts: (b, w, 3) amplitude of each wave, z, y, x in voxels.
        frequencies: (b, w, 3) radians per voxel.
        phases: (b, w) radians.
    """

    shifts: Tensor
    frequencies: Tensor
    phases: Tensor

    @classmethod
    def draw(cls, rng: Generator, count: int, edge: int, strength: float) -> Waves:
        """Draw deformations that move no voxel by more than `strength` * `GREATEST_SHIFT` * `edge`."""
        directions, ways = _unit_vectors(rng, (count, WAVES)), _unit_vectors(rng, (count, WAVES))
        lengths = rng.uniform(0, strength * GREATEST_SHIFT * edge / WAVES, size=(count, WAVES, 1))
        per_voxel = 2 * np.pi * rng.uniform(*WAVES_PER_EDGE, size=(count, WAVES, 1)) / edge
        phases = rng.uniform(0, 2 * np.pi, size=(count, WAVES))
        shifts, frequencies = (array.astype(np.float32) for array in (lengths * directions, per_voxel * ways))
        return cls(*map(torch.from_numpy, (shifts, frequencies, phases.astype(np.float32))))

    def at(self, points: Tensor) -> Tensor:
        """Give d(u) (b, n, 3) at points u (b, n, 3)."""
        angles = points @ self.frequencies.mT + self.phases[:, None]
        return angles.sin() @ self.shifts

    def part(self, patches: slice) -> Waves:
        """Give the deformations of some of the patches."""
        return Waves(self.shifts[patches], self.frequencies[patches], self.phases[patches])


@dataclass(frozen=True, slots=True, eq=False)
class Deformation:
    """What a patch shows at u, the cut holds at scale * turn (u + d(u)).

    Attributes:
        turns: (b, 3, 3) orthogonal matrices, rotations and flips.
        scales: (b,) scales.
        waves: The smooth deformations d, or None.
    """

    turns: Tensor
    scales: Tensor
    waves: Waves | None

    @classmethod
    def draw(cls, rng: Generator, count: int, edge: int, strength: float, elastic: float) -> Deformation:
        """Draw deformations: `strength` of turns, flips and scales, `elastic` of smooth deformations."""
        turns, scales = _random_turns(rng, count, strength)
        return cls(turns, scales, Waves.draw(rng, count, edge, elastic) if elastic else None)

    def part(self, patches: slice) -> Deformation:
        """Give the deformations of some of the patches."""
        waves = None if self.waves is None else self.waves.part(patches)
        return Deformation(self.turns[patches], self.scales[patches], waves)

    def resample(self, cuts: Tensor, edge: int) -> Tensor:
        """Give patches (b, c, e, e, e) out of cuts (b, c, f, f, f) that are larger; linear, borders repeated."""
        matrices_xyz = (self.turns * self.scales[:, None, None]).flip(1, 2) * ((edge - 1) / (cuts.shape[-1] - 1))
        if self.waves is None:
            theta = torch.cat([matrices_xyz, torch.zeros(len(cuts), 3, 1)], dim=2)
            grid = functional.affine_grid(theta, [len(cuts), 1, edge, edge, edge], align_corners=True)
        else:
            points = _patch_points(edge)
            moved = (points + self.waves.at(points.expand(len(cuts), -1, -1))) * (2 / (edge - 1))
            grid = (moved.flip(-1) @ matrices_xyz.mT).view(len(cuts), edge, edge, edge, 3)
        return functional.grid_sample(cuts, grid, padding_mode="border", align_corners=True)

    def points(self, points: Tensor) -> Tensor:
        """Tell where in the patches points (b, n, 3) of the cuts are shown."""
        turned = (points @ self.turns) / self.scales[:, None, None]
        if self.waves is None:
            return turned
        shown = turned
        for _ in range(_INVERSIONS):
            shown = turned - self.waves.at(shown)
        return shown

    def lengths(self, lengths: Tensor) -> Tensor:
        """Tell how long lengths (b, n) of the cuts are in the patches; smooth deformations leave them."""
        return lengths / self.scales[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class SignalVariation:
    """Contrast, offset and noise.

    Attributes:
        contrast: (b, 1, 1, 1, 1) factors.
        addition: (b, c, e, e, e) offset and noise.
    """

    contrast: Tensor
    addition: Tensor

    @classmethod
    def draw(cls, rng: Generator, shape: tuple[int, ...], strength: float) -> SignalVariation:
        """Draw variations of patches of this shape."""
        contrast = np.exp(rng.normal(scale=0.2 * strength, size=(shape[0], 1, 1, 1, 1)))
        offset = rng.normal(scale=0.1 * strength, size=contrast.shape)
        noise = rng.uniform(0, 0.1 * strength, size=contrast.shape) * rng.standard_normal(shape, np.float32)
        addition = (offset + noise).astype(np.float32)
        return cls(torch.from_numpy(contrast.astype(np.float32)), torch.from_numpy(addition))

    def apply(self, images: Tensor, patches: slice) -> Tensor:
        """Vary `images`, which are the `patches` of the batch."""
        return images * self.contrast[patches] + self.addition[patches]


def _random_turns(rng: Generator, count: int, strength: float) -> tuple[Tensor, Tensor]:
    """Draw orthogonal matrices (b, 3, 3), a rotation and flips, and scales (b,)."""
    axes = _unit_vectors(rng, (count,))
    angles = rng.uniform(-1, 1, size=count) * min(strength, 1) * np.pi / 4
    cross = np.zeros((count, 3, 3))
    cross[:, [2, 0, 1], [1, 2, 0]] = axes
    cross -= cross.transpose(0, 2, 1)
    # Rodrigues: R = I + sin(a) K + (1 - cos(a)) K^2.
    rotations = np.eye(3) + np.sin(angles)[:, None, None] * cross + (1 - np.cos(angles))[:, None, None] * cross @ cross
    flips = np.where(rng.random((count, 1, 3)) < 0.5 * min(strength, 1), -1.0, 1.0)
    scales = np.exp(rng.uniform(-0.2, 0.2, size=count) * strength)
    return torch.from_numpy((rotations * flips).astype(np.float32)), torch.from_numpy(scales.astype(np.float32))


def _unit_vectors(rng: Generator, shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    vectors = rng.normal(size=(*shape, 3))
    unit: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit


def _patch_points(edge: int) -> Tensor:
    """List the voxels of a patch (e^3, 3), z, y, x from its centre."""
    along = torch.arange(edge) - (edge - 1) / 2
    return torch.stack(torch.meshgrid(along, along, along, indexing="ij"), dim=-1).view(-1, 3)
