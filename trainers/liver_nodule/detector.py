"""The detector: where patches are drawn, what the loss is, and which marks it sets on a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional

from bohpo.evaluation import Case as MarkedCase
from trainers.cad.candidates import heat_map_peaks
from trainers.cad.case import Case, Floats, Image
from trainers.cad.marks import mark
from trainers.cad.patches import Batch, PatchSampler, Sampling, half_within
from trainers.cad.tiles import Tiling, slide
from trainers.liver_nodule.contrast import PHASES
from trainers.liver_nodule.focal import focal_loss
from trainers.liver_nodule.networks import STRIDE, UNet4d
from trainers.liver_nodule.settings import Settings

MARKS_PER_CASE = 40
MARKS_APART_MM = 4.0
"""Half the edge of the cube in which a mark is the highest one."""

ANCHORS = 500
BRIGHT = 0.2
"""Normalised signal of the hepatobiliary phase above which most is liver."""

TILING = Tiling(tile=128, halo=64, stride=STRIDE)
"""The halo covers the field of view of four levels, and is divisible by what five of them need."""

BETA2 = 0.999
PRIOR = 0.02
"""Probability of a nodule that the untrained network gives."""


class NoduleDetector:
    """A 4D U-Net over the whole volume; the marks are the heat map's local maxima."""

    def __init__(self, settings: Settings, device: torch.device) -> None:
        """Make the network; its weights are drawn from torch's generator."""
        network = UNet4d(
            width=settings.width,
            levels=settings.levels,
            phase_kernel=settings.phase_kernel,
            dropout=settings.dropout,
        )
        network.set_prior(PRIOR)
        self.network = network.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self._settings = settings
        self._device = device

    def optimizer(self) -> torch.optim.Optimizer:
        """Make AdamW, whose steps do not depend on the scale of the loss, which the focus changes a hundredfold."""
        return torch.optim.AdamW(
            self.network.parameters(),
            lr=self._settings.learning_rate,
            betas=(self._settings.beta1, BETA2),
            weight_decay=self._settings.weight_decay,
            fused=self._device.type == "cuda",
        )

    def patches(self, cases: Sequence[Case], rng: Generator) -> PatchSampler:
        """Draw patches around nodules, in the liver, and anywhere."""
        settings = self._settings
        vary = self._shift_phases if settings.phase_shift > 0 else None
        sampling = Sampling.of(settings, positive_ratio=settings.positive_ratio, vary=vary)
        return PatchSampler(cases, [anchors(case, rng) for case in cases], sampling)

    def loss(self, batch: Batch) -> Tensor:
        """Give the focal loss of the cells."""
        logits = self.network(batch.images).float()
        targets = batch.occupancy(STRIDE)
        return focal_loss(logits, targets, gamma=self._settings.focal_gamma, alpha=self._settings.focal_alpha)

    def examine(self, case: Case) -> MarkedCase:
        """Mark the local maxima of the heat map."""
        heat = self.heat_map(case.volume)
        spacing, apart_mm = case.spacing, MARKS_APART_MM
        return mark(case, heat_map_peaks(heat, stride=STRIDE, spacing=spacing, apart_mm=apart_mm, count=MARKS_PER_CASE))

    def heat_map(self, volume: Image) -> Image:
        """Give the logits (z / 2, y / 2, x / 2), rounded up, of a volume (5, z, y, x)."""
        tiling = replace(TILING, multiple=2**self._settings.levels)
        heat: Image = slide(self.network, volume, tiling, self._device)[0]
        return heat

    def _shift_phases(self, rng: Generator, images: Tensor) -> Tensor:
        return shift_phases(rng, images, self._settings.phase_shift)


def anchors(case: Case, rng: Generator) -> Floats:
    """Give points (k, 3), z, y, x in voxels, half of them in what is bright in the hepatobiliary phase."""
    return half_within(case.volume[-1] > BRIGHT, rng, ANCHORS)


def shift_phases(rng: Generator, images: Tensor, greatest: float) -> Tensor:
    """Shift each phase but the last, as breathing does; lesions are where the last phase shows them.

    Args:
        rng: Source of chance.
        images: (b, 5, e, e, e) patches.
        greatest: Greatest shift along each axis, voxels.

    Returns:
        (b, 5, e, e, e) shifted patches; what comes in at a border repeats it.
    """
    count, edge = len(images), images.shape[-1]
    shifts = rng.uniform(-greatest, greatest, size=(count, len(PHASES), 3))
    shifts[:, -1] = 0
    theta = torch.eye(3, 4).repeat(count * len(PHASES), 1, 1)
    # grid_sample measures from -1 to 1 between the centres of the border's voxels.
    theta[:, :, 3] = torch.from_numpy(shifts.reshape(-1, 3)).float() * (2 / (edge - 1))
    each = images.flatten(0, 1)[:, None]
    grid = functional.affine_grid(theta, list(each.shape), align_corners=True)
    shifted = functional.grid_sample(each, grid, padding_mode="border", align_corners=True)
    return shifted.view_as(images)
