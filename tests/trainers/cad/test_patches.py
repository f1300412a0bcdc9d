"""Patches are drawn where they should be, and picture and target are varied together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from trainers.cad.case import Case, Floats
from trainers.cad.patches import Batch, PatchSampler, Sampling
from trainers.cad.phantoms.tubes import Spheres, draw

SAMPLING = Sampling(batch=16, edge=16, positive_ratio=1.0, jitter=0.2, jitter_in_radii=False, augmentation=0.0)


def _case(centres: list[list[float]], radius: float = 3.0) -> Case:
    """A volume (40, 44, 48) with balls at `centres`, z, y, x in voxels of 0.5 mm."""
    spacing, voxels = 0.5, np.array(centres, dtype=np.float64).reshape(-1, 3)
    volume = np.zeros((40, 44, 48), np.float32)
    radii = np.full(len(voxels), radius * spacing)
    draw(volume, Spheres(voxels * spacing, radii, np.ones(len(voxels))), spacing)
    return Case("balls", volume, spacing, voxels[:, ::-1] * spacing, 2 * radii)


def _sampler(
    cases: list[Case], sampling: Sampling = SAMPLING, anchor: tuple[int, int, int] = (8, 8, 8)
) -> PatchSampler:
    anchors: list[Floats] = [np.array([anchor], dtype=np.float64) for _ in cases]
    return PatchSampler(cases, anchors, sampling)


def _draw(sampler: PatchSampler, seed: int = 0) -> Batch:
    return sampler.draw(np.random.default_rng(seed))


@pytest.mark.parametrize("augmentation", [0.0, 0.4, 1.0])
def test_the_target_lies_on_the_ball_however_the_patch_is_turned(augmentation: float) -> None:
    sampler = _sampler([_case([[20, 22, 24], [30, 12, 14]])], replace(SAMPLING, augmentation=augmentation, edge=24))
    batch = _draw(sampler)
    target = batch.occupancy(stride=1)
    assert target.max(dim=-1).values.flatten(1).max(dim=1).values.min() > 0.9, "each patch shows an aneurysm"
    within = [image[cells > 0.9].mean().item() for image, cells in zip(batch.images, target, strict=True)]
    beside = [image[cells < 0.01].mean().item() for image, cells in zip(batch.images, target, strict=True)]
    assert np.array(within) - np.array(beside) == pytest.approx(1, abs=0.55)
    pairs = zip(batch.images, target, strict=True)
    alike = [torch.corrcoef(torch.stack([image.flatten(), cells.flatten()]))[0, 1].item() for image, cells in pairs]
    assert np.mean(alike) > (0.99 if augmentation == 0 else 0.6)


def test_cells_of_the_target_lie_between_the_voxels_they_stand_for() -> None:
    batch = _draw(_sampler([_case([[20, 22, 24]])]))
    pooled = torch.nn.functional.avg_pool3d(batch.occupancy(stride=1), 2)
    assert (batch.occupancy(stride=2) - pooled).abs().max() < 0.25
    assert (batch.occupancy(stride=2) - pooled).abs().mean() < 0.01


def test_scaling_scales_the_target() -> None:
    sampler = _sampler([_case([[20, 22, 24]])], replace(SAMPLING, augmentation=1.0, batch=64))
    radii = _draw(sampler).radii
    assert radii.min() == pytest.approx(3 * np.exp(-0.2), rel=0.05)
    assert radii.max() == pytest.approx(3 * np.exp(0.2), rel=0.05)


@pytest.mark.parametrize(("ratio", "share"), [(0.0, 0.0), (0.3, 0.3), (1.0, 1.0)])
def test_the_positive_ratio_is_the_share_of_patches_at_an_aneurysm(ratio: float, share: float) -> None:
    sampler = _sampler([_case([[28, 30, 32]])], replace(SAMPLING, positive_ratio=ratio, batch=400))
    shows = _draw(sampler).occupancy(stride=2).flatten(1).amax(dim=1) > 0.5
    assert shows.float().mean().item() == pytest.approx(share, abs=0.07)


def test_other_patches_are_drawn_around_the_anchors() -> None:
    sampler = _sampler([_case([[20, 22, 24]])], replace(SAMPLING, positive_ratio=0.0), anchor=(20, 22, 24))
    assert _draw(sampler).centre_is_lesion().tolist() == [1.0] * 16


def test_patches_at_the_border_are_filled_up() -> None:
    case = _case([[3, 3, 3], [36, 40, 44]])
    batch = _draw(_sampler([case], replace(SAMPLING, batch=64)))
    assert batch.images.shape == (64, 1, 16, 16, 16)
    flat = torch.stack([batch.images.flatten(), batch.occupancy(stride=1).flatten()])
    assert torch.corrcoef(flat)[0, 1] > 0.9


def test_a_case_without_aneurysm_gives_an_empty_target() -> None:
    sampler = _sampler([_case([]), _case([[20, 22, 24]])], replace(SAMPLING, positive_ratio=0.0))
    assert _draw(sampler).occupancy(stride=2).max() < 0.5


def test_the_same_generator_draws_the_same_batch() -> None:
    sampler = _sampler([_case([[20, 22, 24]])], replace(SAMPLING, augmentation=1.0, positive_ratio=0.5))
    assert torch.equal(_draw(sampler, 5).images, _draw(sampler, 5).images)
    assert not torch.equal(_draw(sampler, 5).images, _draw(sampler, 6).images)


def test_an_unknown_diameter_counts_as_ten_millimetres() -> None:
    case = _case([[20, 22, 24]])
    unknown = Case(case.name, case.volume, case.spacing, case.centres, np.array([-1.0]))
    assert _draw(_sampler([unknown])).radii.flatten().tolist() == [10.0] * 16
