"""The metastasis detector: a network's heat map of the volume, whose local maxima in the brain are the marks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from bohpo.evaluation import Case as MarkedCase
from trainers.cad.candidates import Peaks, heat_map_peaks
from trainers.cad.case import Case, Floats, Image
from trainers.cad.marks import mark
from trainers.cad.patches import Batch, PatchSampler, Sampling
from trainers.cad.tiles import Tiling, slide
from trainers.metastasis.intensity import brain_box, is_brain
from trainers.metastasis.network import DetectionNetwork
from trainers.metastasis.settings import MOMENTUM, Settings
from trainers.metastasis.structure import STRIDE, Structure

MARKS_PER_CASE = 60
ANCHORS_PER_CASE = 500
ENHANCING = 0.7
"""Normalised signal of what takes up contrast medium: vessels as well as metastases."""

TILE = 160
GREATEST_HALO = 48


class MetastasisDetector:
    """A fully convolutional network over the whole volume."""

    network: nn.Module

    def __init__(self, settings: Settings, device: torch.device) -> None:
        """Make the network."""
        network = DetectionNetwork(settings.structure, settings.dropout)
        self.network = network.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self._settings = settings
        self._tiling = tiling(settings.structure)
        self._device = device

    def optimizer(self) -> torch.optim.Optimizer:
        """Make the optimizer that the settings name."""
        settings, weights, is_fused = self._settings, self.network.parameters(), self._device.type == "cuda"
        rate, decay = settings.learning_rate, settings.weight_decay
        if settings.optimizer == "adamw":
            return torch.optim.AdamW(weights, rate, (MOMENTUM, 0.999), weight_decay=decay, fused=is_fused)
        return torch.optim.SGD(weights, rate, MOMENTUM, weight_decay=decay, nesterov=True, fused=is_fused)

    def patches(self, cases: Sequence[Case], rng: Generator) -> PatchSampler:
        """Draw patches around metastases, around what else enhances, and anywhere in the brain."""
        settings = self._settings
        sampling = Sampling.of(settings, positive_ratio=settings.positive_ratio)
        return PatchSampler(cases, [anchors(case.volume, rng) for case in cases], sampling)

    def loss(self, batch: Batch) -> Tensor:
        """Give the cross-entropy of the cells, those of metastases weighted."""
        logits = self.network(batch.images).float()
        weight = logits.new_tensor(self._settings.positive_weight)
        return functional.binary_cross_entropy_with_logits(logits, batch.occupancy(STRIDE), pos_weight=weight)

    def examine(self, case: Case) -> MarkedCase:
        """Mark the local maxima of the heat map that lie in the brain."""
        box = brain_box(case.volume)
        volume = case.volume[box]
        heat = self.heat_map(volume)
        inside = functional.max_pool3d(torch.from_numpy(is_brain(volume))[None].float(), STRIDE, ceil_mode=True)
        heat = np.where(inside[0].numpy() > 0, heat, heat.min())
        found = heat_map_peaks(heat, stride=STRIDE, spacing=case.spacing, apart_mm=2.0, count=MARKS_PER_CASE)
        corner = np.array([part.start for part in box])
        return mark(case, Peaks(corner + found.points, found.heights))

    def heat_map(self, volume: Image) -> Image:
        """Give the logits (z / 2, y / 2, x / 2), rounded up, of a volume (z, y, x)."""
        heat: Image = slide(self.network, volume[None], self._tiling, self._device)[0]
        return heat


def anchors(volume: Image, rng: Generator) -> Floats:
    """Give as many enhancing voxels as others of the brain, so that half of the patches have a vessel.

    Args:
        volume: (z, y, x) normalised signal.
        rng: Source of chance.

    Returns:
        (k, 3) z, y, x in voxels.
    """
    pools = [np.argwhere(volume > ENHANCING), np.argwhere(is_brain(volume))]
    drawn = [pool[rng.integers(len(pool), size=ANCHORS_PER_CASE)] for pool in pools if len(pool)]
    return np.concatenate(drawn or [rng.integers(volume.shape, size=(ANCHORS_PER_CASE, 3))]).astype(np.float64)


def tiling(structure: Structure) -> Tiling:
    """Say how volumes go through a network: in tiles with halos that cover its field of view, or most of it."""
    reach = min(structure.reach, GREATEST_HALO)
    halo, tile = (-(-edge // structure.multiple) * structure.multiple for edge in (reach, TILE))
    return Tiling(tile=tile, halo=halo, multiple=structure.multiple, stride=STRIDE, is_mirrored=True)
