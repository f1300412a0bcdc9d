"""What learns normal heads and tells how unlike them a patch is.

    score of a patch  mean squared error of its reconstruction over the voxels inside the skull
    score of a case   that of its worst patch
    anomaly map       mean score of the patches that a voxel lies in

Source:
    JHPCN report 2018, 2-b: 3D convolutional autoencoder on normal patches, MSE, maximum over a case's patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from trainers.cad.case import Case, Floats, Image
from trainers.cad.crop import crop
from trainers.cad.patches import Batch, PatchSampler, Sampling
from trainers.head_ct_anomaly.attenuation import HU_PER_UNIT, is_inside, windowed
from trainers.head_ct_anomaly.intracranial import Mask
from trainers.head_ct_anomaly.network import Autoencoder3D
from trainers.head_ct_anomaly.settings import Settings

LEAST_INSIDE_SHARE = 0.75
"""Patches with less of their voxels inside the skull are not scored: few voxels vary more, and along the bone they vary
by how much of it they hold, in healthy heads more than by most findings."""

SCORE_STEPS, MAP_STEPS = 2, 4
"""Patches per edge, along each axis: overlapping by half where a case is scored, and more densely for a map."""

ANCHORS_PER_CASE = 2000
VOXELS_AT_ONCE = 2**19


class Patches(NamedTuple):
    """Overlapping patches of a case, and their scores.

    Attributes:
        corners: (n, 3) first voxel of each, z, y, x; some lie partly beyond the volume.
        edge: Their edge, voxels.
        scores: (n,) square root of the mean squared error, HU.
    """

    corners: NDArray[np.int64]
    edge: int
    scores: Floats

    @property
    def worst(self) -> int:
        """Number of the patch with the highest score."""
        return int(np.argmax(self.scores))

    def mean_score_map(self, shape: tuple[int, int, int]) -> Image:
        """Give the mean score, HU, of the patches that each voxel (z, y, x) lies in; 0 where there is none."""
        total, count = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for corner, score in zip(self.corners, self.scores, strict=True):
            box = tuple(slice(max(0, int(first)), max(0, int(first) + self.edge)) for first in corner)
            total[box] += np.float32(score)
            count[box] += 1
        mean: Image = (total / np.maximum(count, 1)).astype(np.float32)
        return mean


@dataclass(frozen=True, slots=True)
class Examined:
    """What the autoencoder makes of a case.

    Attributes:
        name: Name of the case.
        score: Score of its worst patch, HU.
        is_abnormal: What the case is in truth.
        is_on_finding: Whether the worst patch touches a finding; None where it is not known where they are.
        patient: Whose case it is, see `Case`.
    """

    name: str
    score: float
    is_abnormal: bool
    is_on_finding: bool | None
    patient: str | None = None


class AnomalyLearner:
    """An autoencoder of patches of normal heads."""

    network: nn.Module

    def __init__(self, settings: Settings, device: torch.device) -> None:
        """Make the network."""
        network = Autoencoder3D(settings.levels, settings.width, settings.latent, settings.dropout)
        self.network = network.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.settings = settings
        self._device = device

    def optimizer(self) -> torch.optim.Optimizer:
        """Make AdamW."""
        settings, is_gpu = self.settings, self._device.type == "cuda"
        return torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=is_gpu
        )

    def patches(self, cases: Sequence[Case], rng: Generator) -> PatchSampler:
        """Draw patches around voxels inside the skull."""
        settings = self.settings
        sampling = Sampling.of(settings, positive_ratio=0.0, jitter=0.0)
        return PatchSampler(cases, [_anchors(case, rng) for case in cases], sampling)

    def loss(self, batch: Batch) -> Tensor:
        """Give the mean squared error of the patches, each of which the encoder sees through noise."""
        targets, counts = windowed(batch.images, self.settings.window_hu)
        noise = torch.randn_like(targets) * (self.settings.corruption_hu / HU_PER_UNIT)
        return self._errors(targets + noise, targets, counts).mean()

    def examine(self, case: Case) -> Examined:
        """Score a case by its worst patch."""
        patches = self.score_patches(case)
        worst = patches.corners[patches.worst] + (patches.edge - 1) / 2
        is_on_finding = _touches(case, worst, patches.edge)
        return Examined(case.name, float(patches.scores.max()), case.is_abnormal, is_on_finding, case.patient)

    def anomaly_map(self, case: Case) -> Image:
        """Give the mean score, HU, of the patches that each voxel (z, y, x) inside the skull lies in; 0 elsewhere."""
        mean = self.score_patches(case, MAP_STEPS).mean_score_map(case.shape)
        return np.where(is_inside(case.volume), mean, np.float32(0))

    @torch.inference_mode()
    def score_patches(self, case: Case, steps: int = SCORE_STEPS) -> Patches:
        """Score all patches of a case that lie inside the skull with enough of their voxels.

        Args:
            case: The case.
            steps: Patches per edge, along each axis.
        """
        edge = self.settings.patch_edge
        corners = _corners(case.volume, edge, max(1, edge // steps))
        at_once = max(2, VOXELS_AT_ONCE // edge**3)
        errors = [
            self._score(case.volume, corners[first : first + at_once]) for first in range(0, len(corners), at_once)
        ]
        return Patches(corners, edge, HU_PER_UNIT * np.sqrt(np.concatenate(errors)))

    def _score(self, volume: Image, corners: NDArray[np.int64]) -> Floats:
        edges = 3 * (self.settings.patch_edge,)
        cubes = np.stack([crop(volume[None], corner.tolist(), edges) for corner in corners])
        signals = torch.from_numpy(cubes).to(self._device, torch.float32, memory_format=torch.channels_last_3d)
        targets, counts = windowed(signals, self.settings.window_hu)
        errors: Floats = self._errors(targets, targets, counts).double().cpu().numpy()
        return errors

    def _errors(self, seen: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
        """Give the mean squared error (b,) of each patch over the voxels that count."""
        reconstructed: Tensor = self.network(seen)
        squared = (reconstructed.float() - targets) ** 2 * counts
        return squared.sum(dim=(1, 2, 3, 4)) / counts.sum(dim=(1, 2, 3, 4)).clamp(min=1)


def _anchors(case: Case, rng: Generator) -> Floats:
    inside = np.argwhere(is_inside(case.volume))
    return inside[rng.integers(len(inside), size=ANCHORS_PER_CASE)].astype(np.float64)


def _corners(volume: Image, edge: int, step: int) -> NDArray[np.int64]:
    """Give the first voxels (n, 3) of the patches to score: on a grid of so many voxels over the inside of the skull.

    Where no patch has enough inside, the one that has most is given.
    """
    inside = is_inside(volume)
    seen = [np.flatnonzero(inside.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    starts = [np.arange(along[0] - edge // 2, along[-1] + 1, step) for along in seen]
    counts = _box_sums(inside, starts, edge)
    enough = counts >= min(LEAST_INSIDE_SHARE * edge**3, counts.max())
    return np.stack([along[at] for along, at in zip(starts, np.nonzero(enough), strict=True)], axis=-1)


def _box_sums(inside: Mask, starts: Sequence[NDArray[np.int64]], edge: int) -> NDArray[np.int64]:
    """Count the voxels inside in the boxes at all combinations of first voxels, axis by axis out of running sums."""
    sums = inside.astype(np.int64)
    for axis, firsts in enumerate(starts):
        before = np.insert(sums.cumsum(axis), 0, 0, axis)
        first, last = (np.clip(ends, 0, inside.shape[axis]) for ends in (firsts, firsts + edge))
        sums = before.take(last, axis) - before.take(first, axis)
    return sums


def _touches(case: Case, centre: Floats, edge: int) -> bool | None:
    """Tell whether the ball of a finding reaches into the cube of a patch."""
    if not len(case.centres):
        return None
    beyond = np.maximum(np.abs(case.to_voxels(case.centres) - centre) - edge / 2, 0)
    distance_mm = np.linalg.norm(beyond, axis=1) * case.spacing
    return bool((distance_mm < np.maximum(case.diameters, 0) / 2 + case.spacing).any())
