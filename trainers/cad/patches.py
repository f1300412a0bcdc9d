"""Cubic patches out of cases: where they are taken, and what is to be found in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from trainers.cad.augment import MARGIN, Deformation, SignalVariation
from trainers.cad.case import Case, Floats
from trainers.cad.crop import crop
from trainers.cad.settings import TrainingSettings

Voxel: TypeAlias = NDArray[np.int64]
"""A voxel's indices (3,), z, y, x; outside the volume, too."""

UNKNOWN_DIAMETER_MM = 10.0

ALL = slice(None)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Patches and the lesions in and around them.

    Attributes:
        images: (b, c, e, e, e) signal.
        centres: (b, n, 3) lesions of the patch's case, z, y, x in voxels from the patch's centre.
        radii: (b, n) voxels; 0 fills up cases with fewer lesions.
    """

    images: Tensor
    centres: Tensor
    radii: Tensor

    def __len__(self) -> int:
        """Count the patches."""
        return len(self.images)

    def part(self, patches: slice) -> Batch:
        """Give some of the patches."""
        return Batch(self.images[patches], self.centres[patches], self.radii[patches])

    def to(self, device: torch.device) -> Batch:
        """Move the patches to where the network is, laid out as convolutions like them."""
        images = self.images.to(device, memory_format=torch.channels_last_3d, non_blocking=True)
        return Batch(images, *(each.to(device, non_blocking=True) for each in (self.centres, self.radii)))

    def pinned(self) -> Batch:
        """Put the patches where a GPU fetches them from without waiting."""
        return Batch(self.images.pin_memory(), self.centres.pin_memory(), self.radii.pin_memory())

    def occupancy(self, stride: int) -> Tensor:
        """Give the target (b, 1, e / stride, ...): 1 in cells within a lesion, 0 outside, soft at the wall."""
        edge = self.images.shape[-1]
        along = torch.arange(stride / 2 - 0.5, edge, stride, device=self.centres.device) - (edge - 1) / 2
        cells = torch.stack(torch.meshgrid(along, along, along, indexing="ij"), dim=-1)
        return self._within(cells).amax(dim=1, keepdim=True)

    def centre_is_lesion(self) -> Tensor:
        """Give the target (b,): 1 where the patch's centre lies within a lesion."""
        return (self._within(self.centres.new_zeros(1, 1, 1, 3)).amax(dim=1).flatten() > 0.5).float()

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
        positive_ratio: Share of the patches that are drawn around a lesion.
        jitter: Greatest displacement from a lesion's centre along each axis, in its radii or in edges, see
            `jitter_in_radii`.
        jitter_in_radii: Whether `jitter` counts in radii of the lesion; else in edges of the patch.
        augmentation: Strength of the variation, 0 for none.
        elastic: Strength of smooth deformations, 0 for none.
        vary: Further variation, the application's own: called with the generator and images (b, c, e, e, e), always
            those of the whole batch.
    """

    batch: int
    edge: int
    positive_ratio: float
    jitter: float
    jitter_in_radii: bool
    augmentation: float
    elastic: float = 0.0
    vary: Callable[[Generator, Tensor], Tensor] | None = None

    @classmethod
    def of(
        cls,
        settings: TrainingSettings,
        *,
        positive_ratio: float,
        jitter: float = 0.3,
        jitter_in_radii: bool = False,
        vary: Callable[[Generator, Tensor], Tensor] | None = None,
    ) -> Sampling:
        """Draw patches as the settings say, and what they do not say as given here."""
        return cls(
            batch=settings.batch,
            edge=settings.patch_edge,
            positive_ratio=positive_ratio,
            jitter=jitter,
            jitter_in_radii=jitter_in_radii,
            augmentation=settings.augmentation,
            elastic=settings.elastic,
            vary=vary,
        )


def half_within(wanted: NDArray[np.bool_], rng: Generator, count: int) -> Floats:
    """Draw points to put patches around: as many within a mask as anywhere.

    Args:
        wanted: (z, y, x) mask; where it is empty, all points are anywhere.
        rng: Source of chance.
        count: Points of each kind.

    Returns:
        (k, 3) z, y, x in voxels.
    """
    within = np.argwhere(wanted)
    anywhere = rng.integers(wanted.shape, size=(count, 3))
    if not len(within):
        return anywhere.astype(np.float64)
    return np.concatenate([within[rng.integers(len(within), size=count)], anywhere]).astype(np.float64)


class PatchSampler:
    """Draws batches of patches from cases."""

    def __init__(self, cases: Sequence[Case], anchors: Sequence[Floats], sampling: Sampling) -> None:
        """Prepare the cases.

        Args:
            cases: Training cases; one of them with a lesion at least, unless `positive_ratio` is 0.
            anchors: For each case (k, 3) points, z, y, x in voxels, around which the other patches are drawn.
            sampling: How to draw.
        """
        self.sampling = sampling
        self._cut = sampling.edge + 2 * int(np.ceil(MARGIN * sampling.edge / 2))
        self._volumes = [case.volume.reshape(-1, *case.shape) for case in cases]
        self._anchors = anchors
        self._centres = [case.to_voxels(case.centres) for case in cases]
        diameters = [np.where(case.diameters > 0, case.diameters, UNKNOWN_DIAMETER_MM) for case in cases]
        self._radii = [each / case.spacing / 2 for each, case in zip(diameters, cases, strict=True)]
        self._lesions = [(number, lesion) for number, radii in enumerate(self._radii) for lesion in range(len(radii))]

    def draw(self, rng: Generator, share: slice = ALL) -> Batch:
        """Draw a batch, and cut out the patches of one share of it.

        Args:
            rng: Source of chance; the same state gives the same batch, whichever share of it is asked for.
            share: Which patches to give.
        """
        chosen = [self._choose(rng) for _ in range(self.sampling.batch)]
        vary = self.sampling.vary
        batch = self._vary(rng, chosen, ALL if vary else share)
        return replace(batch, images=vary(rng, batch.images)).part(share) if vary else batch

    def _choose(self, rng: Generator) -> tuple[int, Voxel]:
        """Choose a case, and the first voxel of a cut."""
        if rng.random() < self.sampling.positive_ratio:
            number, lesion = self._lesions[rng.integers(len(self._lesions))]
            around = self._centres[number][lesion]
            unit = self._radii[number][lesion] if self.sampling.jitter_in_radii else self.sampling.edge
            around = around + rng.uniform(-1, 1, size=3) * self.sampling.jitter * unit
        else:
            number = int(rng.integers(len(self._volumes)))
            around = self._anchors[number][rng.integers(len(self._anchors[number]))]
        # At least half a cut lies within the volume.
        beyond = self._cut // 2
        limits = np.array(self._volumes[number].shape[1:]) + beyond - self._cut
        corner = np.rint(around - (self._cut - 1) / 2).astype(np.int64)
        return number, np.clip(corner, -beyond, limits)

    def _vary(self, rng: Generator, chosen: Sequence[tuple[int, Voxel]], share: slice) -> Batch:
        edge, sampling = self.sampling.edge, self.sampling
        centres, radii = self._lesions_around(chosen[share])
        if sampling.augmentation == 0 and sampling.elastic == 0:
            margin = (self._cut - edge) // 2
            return Batch(self._cut_out([(n, corner + margin) for n, corner in chosen[share]], edge), centres, radii)
        deformation = Deformation.draw(rng, len(chosen), edge, sampling.augmentation, sampling.elastic)
        shape = (len(chosen), len(self._volumes[0]), edge, edge, edge)
        signal = SignalVariation.draw(rng, shape, sampling.augmentation)
        deformation = deformation.part(share)
        images = deformation.resample(self._cut_out(chosen[share], self._cut), edge)
        return Batch(signal.apply(images, share), deformation.points(centres), deformation.lengths(radii))

    def _cut_out(self, chosen: Sequence[tuple[int, Voxel]], edge: int) -> Tensor:
        """Give the cubes (b, c, f, f, f) at these first voxels; beyond a volume its border is repeated."""
        return torch.from_numpy(
            np.stack([crop(self._volumes[number], corner.tolist(), 3 * (edge,)) for number, corner in chosen])
        )

    def _lesions_around(self, chosen: Sequence[tuple[int, Voxel]]) -> tuple[Tensor, Tensor]:
        most = max([1, *(len(self._radii[number]) for number, _ in chosen)])
        centres, radii = np.zeros((len(chosen), most, 3), np.float32), np.zeros((len(chosen), most), np.float32)
        for row, (number, corner) in enumerate(chosen):
            lesions = len(self._radii[number])
            centres[row, :lesions] = self._centres[number] - (corner + (self._cut - 1) / 2)
            radii[row, :lesions] = self._radii[number]
        return torch.from_numpy(centres), torch.from_numpy(radii)
