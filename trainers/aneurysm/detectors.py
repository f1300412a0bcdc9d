"""The two detectors: a heat map over the volume, and a classifier of candidates.

A detector says where patches are drawn, what its loss is, and which marks it sets on a case; the training loop knows
nothing else of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Protocol

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from trainers.aneurysm.blobs import blobs
from trainers.aneurysm.networks import MULTIPLE, STRIDE, NineProjectionNet, UNet3D
from trainers.aneurysm.settings import Settings
from trainers.cad.candidates import Peaks, local_maxima
from trainers.cad.case import Case, Floats, Image
from trainers.cad.patches import Batch, Sampling

MARKS_PER_CASE = 30
CANDIDATES_PER_CASE = 60
TILE, HALO = 160, 48
"""Voxels: large volumes go through the U-Net in tiles, each with a halo that is computed and thrown away. The halo
covers the network's field of view, so the seams do not show; both are divisible by 8, so the tiles pool alike."""


class Detector(Protocol):
    """What the training loop asks of a detector."""

    network: nn.Module
    sampling: Sampling

    def anchors(self, case: Case, rng: Generator) -> Floats:
        """Give points (k, 3), z, y, x in voxels, around which patches without an aneurysm are drawn."""
        ...

    def loss(self, batch: Batch) -> Tensor:
        """Give the loss () of a batch."""
        ...

    def detect(self, case: Case) -> Peaks:
        """Give the marks on a case, in voxels, and their scores as logits; the network is in evaluation mode."""
        ...


def make_detector(settings: Settings, device: torch.device) -> Detector:
    """Make the detector that the settings name; its weights are drawn from torch's generator."""
    makers: dict[str, type[HeatMapDetector] | type[CandidateDetector]] = {
        "unet3d": HeatMapDetector,
        "nine_projection": CandidateDetector,
    }
    return makers[settings.network](settings, device)


class HeatMapDetector:
    """A 3D U-Net over the whole volume; the marks are the heat map's local maxima."""

    network: nn.Module

    def __init__(self, settings: Settings, device: torch.device) -> None:
        """Make the network."""
        network = UNet3D(settings.width, settings.dropout)
        self.network = network.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.sampling = _sampling(settings, jitter=0.3, jitter_in_radii=False)
        self._device = device
        self._positive_weight = settings.positive_weight

    def anchors(self, case: Case, rng: Generator) -> Floats:
        """Give as many bright voxels as random ones, so that half of the patches have a vessel."""
        bright = np.argwhere(case.volume > 0.5)
        uniform = rng.integers(case.volume.shape, size=(500, 3))
        if not len(bright):
            return uniform.astype(np.float64)
        return np.concatenate([bright[rng.integers(len(bright), size=500)], uniform]).astype(np.float64)

    def loss(self, batch: Batch) -> Tensor:
        """Give the cross-entropy of the cells, those of aneurysms weighted."""
        targets = batch.occupancy(STRIDE).to(self._device)
        logits = self.network(_to_network(batch.images, self._device))
        weight = logits.new_tensor(self._positive_weight)
        return functional.binary_cross_entropy_with_logits(logits.float(), targets, pos_weight=weight)

    def detect(self, case: Case) -> Peaks:
        """Mark the local maxima of the heat map."""
        heat = self.heat_map(case.volume)
        radius = max(1, round(2.0 / (STRIDE * case.spacing)))
        cells, logits = local_maxima(heat, radius, MARKS_PER_CASE)
        return Peaks(cells * STRIDE + (STRIDE - 1) / 2, logits)

    @torch.inference_mode()
    def heat_map(self, volume: Image) -> Image:
        """Give the logits (z / 2, y / 2, x / 2), rounded up, of a volume (z, y, x).

        They are the mean of those of the volume and of its mirror image: arteries have no preferred side, and PyTorch
        convolves two such volumes several times faster than a single one, which misses oneDNN's threshold.
        """
        heat = np.empty([-(-edge // STRIDE) for edge in volume.shape], np.float32)
        for core in _tiles(volume.shape):
            outer = tuple(slice(max(0, part.start - HALO), part.stop + HALO) for part in core)
            block = volume[outer]
            padded = np.pad(block, [(0, -edge % MULTIPLE) for edge in block.shape], mode="edge")
            volumes = torch.from_numpy(np.stack([padded, padded[..., ::-1]]))[:, None]
            plain, mirrored = self.network(_to_network(volumes, self._device))[:, 0].float().cpu()
            logits = (plain + mirrored.flip(-1)) / 2
            target = tuple(slice(part.start // STRIDE, -(-part.stop // STRIDE)) for part in core)
            inner = tuple(
                slice((part.start - wide.start) // STRIDE, -(-(part.stop - wide.start) // STRIDE))
                for part, wide in zip(core, outer, strict=True)
            )
            heat[target] = logits.numpy()[inner]
        return heat


class CandidateDetector:
    """Bright blobs, each classified by the nine-projection CNN."""

    network: nn.Module

    def __init__(self, settings: Settings, device: torch.device) -> None:
        """Make the network."""
        self.network = NineProjectionNet(settings.patch_edge, settings.width, settings.dropout).to(device)
        self.sampling = _sampling(settings, jitter=0.4, jitter_in_radii=True)
        self._device = device
        self._positive_weight = settings.positive_weight

    def anchors(self, case: Case, rng: Generator) -> Floats:
        """Give the candidates, which the classifier will have to tell apart."""
        return blobs(case.volume, case.spacing, CANDIDATES_PER_CASE).points

    def loss(self, batch: Batch) -> Tensor:
        """Give the cross-entropy of the patches' centres, aneurysms weighted."""
        targets = batch.centre_is_aneurysm().to(self._device)
        logits = self.network(batch.images.to(self._device)).float()
        weight = logits.new_tensor(self._positive_weight)
        return functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=weight)

    @torch.inference_mode()
    def detect(self, case: Case) -> Peaks:
        """Classify the candidates of a case."""
        points = blobs(case.volume, case.spacing, CANDIDATES_PER_CASE).points
        if not len(points):
            return Peaks(points, np.empty(0))
        edge = self.sampling.edge
        padded = np.pad(case.volume, edge, mode="edge")
        corners = np.rint(points - (edge - 1) / 2).astype(int) + edge
        cubes = np.stack([padded[tuple(slice(first, first + edge) for first in corner)] for corner in corners])
        logits = self.network(torch.from_numpy(cubes)[:, None].to(self._device)).float().cpu().numpy()
        best = np.argsort(-logits, kind="stable")[:MARKS_PER_CASE]
        return Peaks(points[best], logits[best].astype(np.float64))


def _sampling(settings: Settings, jitter: float, *, jitter_in_radii: bool) -> Sampling:
    return Sampling(
        batch=settings.batch,
        edge=settings.patch_edge,
        positive_ratio=settings.positive_ratio,
        jitter=jitter,
        jitter_in_radii=jitter_in_radii,
        augmentation=settings.augmentation,
    )


def _to_network(volumes: Tensor, device: torch.device) -> Tensor:
    return volumes.to(device, memory_format=torch.channels_last_3d)


def _tiles(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    ranges = [[slice(first, min(first + TILE, edge)) for first in range(0, edge, TILE)] for edge in shape]
    return product(*ranges)
