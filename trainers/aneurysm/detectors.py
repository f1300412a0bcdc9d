"""The two detectors: a heat map over the volume, and a classifier of candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from bohpo.evaluation import Case as MarkedCase
from trainers.aneurysm.blobs import blobs
from trainers.aneurysm.networks import MULTIPLE, STRIDE, NineProjectionNet, UNet3D
from trainers.aneurysm.settings import Settings
from trainers.cad.application import Learner
from trainers.cad.candidates import Peaks, heat_map_peaks
from trainers.cad.case import Case, Floats, Image
from trainers.cad.crop import crop
from trainers.cad.marks import mark
from trainers.cad.patches import Batch, PatchSampler, Sampling, half_within
from trainers.cad.tiles import Tiling, slide

MARKS_PER_CASE = 30
CANDIDATES_PER_CASE = 60

TILING = Tiling(tile=160, halo=48, multiple=MULTIPLE, stride=STRIDE, is_mirrored=True)
"""The halo covers the U-Net's field of view. Arteries have no preferred side, so the mirror image is as good."""

Detector: TypeAlias = Learner[Batch, MarkedCase]


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
        self.sampling = Sampling.of(settings, positive_ratio=settings.positive_ratio)
        self._settings = settings
        self._device = device

    def optimizer(self) -> torch.optim.Optimizer:
        """Make the optimizer: SGD with Nesterov momentum."""
        return _optimizer(self.network, self._settings, self._device)

    def patches(self, cases: Sequence[Case], rng: Generator) -> PatchSampler:
        """Draw patches around aneurysms, vessels and anything."""
        return PatchSampler(cases, [self.anchors(case, rng) for case in cases], self.sampling)

    def anchors(self, case: Case, rng: Generator) -> Floats:
        """Give as many bright voxels as random ones, so that half of the patches have a vessel."""
        return half_within(case.volume > 0.5, rng, 500)

    def loss(self, batch: Batch) -> Tensor:
        """Give the cross-entropy of the cells, those of aneurysms weighted."""
        logits = self.network(batch.images).float()
        weight = logits.new_tensor(self._settings.positive_weight)
        return functional.binary_cross_entropy_with_logits(logits, batch.occupancy(STRIDE), pos_weight=weight)

    def examine(self, case: Case) -> MarkedCase:
        """Mark the local maxima of the heat map."""
        heat = self.heat_map(case.volume)
        peaks = heat_map_peaks(heat, stride=STRIDE, spacing=case.spacing, apart_mm=2.0, count=MARKS_PER_CASE)
        return mark(case, peaks)

    def heat_map(self, volume: Image) -> Image:
        """Give the logits (z / 2, y / 2, x / 2), rounded up, of a volume (z, y, x)."""
        heat: Image = slide(self.network, volume[None], TILING, self._device)[0]
        return heat


class CandidateDetector:
    """Bright blobs, each classified by the nine-projection CNN."""

    network: nn.Module

    def __init__(self, settings: Settings, device: torch.device) -> None:
        """Make the network."""
        self.network = NineProjectionNet(settings.patch_edge, settings.width, settings.dropout).to(device)
        self.sampling = Sampling.of(settings, positive_ratio=settings.positive_ratio, jitter=0.4, jitter_in_radii=True)
        self._settings = settings
        self._device = device

    def optimizer(self) -> torch.optim.Optimizer:
        """Make the optimizer: SGD with Nesterov momentum."""
        return _optimizer(self.network, self._settings, self._device)

    def patches(self, cases: Sequence[Case], rng: Generator) -> PatchSampler:
        """Draw patches around aneurysms and around the candidates, which the classifier will have to tell apart."""
        return PatchSampler(cases, [_candidates(case) for case in cases], self.sampling)

    def loss(self, batch: Batch) -> Tensor:
        """Give the cross-entropy of the patches' centres, aneurysms weighted."""
        logits = self.network(batch.images).float()
        weight = logits.new_tensor(self._settings.positive_weight)
        return functional.binary_cross_entropy_with_logits(logits, batch.centre_is_lesion(), pos_weight=weight)

    @torch.inference_mode()
    def examine(self, case: Case) -> MarkedCase:
        """Classify the candidates of a case."""
        points = _candidates(case)
        if not len(points):
            return mark(case, Peaks(points, np.empty(0)))
        edge = self.sampling.edge
        corners = np.rint(points - (edge - 1) / 2).astype(int)
        cubes = np.stack([crop(case.volume[None], corner, 3 * (edge,)) for corner in corners])
        logits = self.network(torch.from_numpy(cubes).to(self._device)).float().cpu().numpy()
        best = np.argsort(-logits, kind="stable")[:MARKS_PER_CASE]
        return mark(case, Peaks(points[best], logits[best].astype(np.float64)))


def _candidates(case: Case) -> Floats:
    return blobs(case.volume, case.spacing, CANDIDATES_PER_CASE).points


def _optimizer(network: nn.Module, settings: Settings, device: torch.device) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        network.parameters(),
        lr=settings.learning_rate,
        momentum=settings.momentum,
        nesterov=True,
        weight_decay=settings.weight_decay,
        fused=device.type == "cuda",
    )
