"""Smooth deformations move picture and lesions together, never fold, and a share of a batch is a share of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from trainers.cad.augment import GREATEST_SHIFT, Deformation, Waves
from trainers.cad.case import Case
from trainers.cad.patches import PatchSampler, Sampling

EDGE = 24
SAMPLING = Sampling(
    batch=6, edge=EDGE, positive_ratio=1.0, jitter=0.1, jitter_in_radii=False, augmentation=0.0, elastic=1.0
)


def _case() -> Case:
    """A volume with a soft ball."""
    distance = np.linalg.norm(np.moveaxis(np.indices((40, 44, 48)), 0, -1) - [20, 22, 24], axis=-1)
    ball = 1 / (1 + np.exp((distance - 4) / 0.5))
    return Case("ball", ball.astype(np.float32), 1.0, np.array([[24.0, 22.0, 20.0]]), np.array([8.0]))


def _sampler(sampling: Sampling = SAMPLING) -> PatchSampler:
    return PatchSampler([_case()], [np.array([[8.0, 8.0, 8.0]])], sampling)


def _points(count: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).uniform(-12, 12, size=(count, 500, 3)).astype(np.float32))


def test_no_voxel_moves_further_than_promised() -> None:
    waves = Waves.draw(np.random.default_rng(0), 50, EDGE, strength=0.7)
    moved = torch.linalg.vector_norm(waves.at(_points(50)), dim=-1)
    assert 0.2 * GREATEST_SHIFT * EDGE < moved.max() <= 0.7 * GREATEST_SHIFT * EDGE


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_deformations_never_fold(strength: float) -> None:
    waves, points = Waves.draw(np.random.default_rng(0), 30, EDGE, strength), _points(30)
    step = 1e-2
    axes = torch.eye(3)[:, None, None]
    columns = [(waves.at(points + step * axis) - waves.at(points - step * axis)) / (2 * step) for axis in axes]
    jacobians = torch.stack(columns, dim=-1) + torch.eye(3)
    assert torch.linalg.det(jacobians).min() > 0


def test_points_are_found_where_the_patch_shows_them() -> None:
    deformation = Deformation.draw(np.random.default_rng(0), 8, EDGE, strength=1.0, elastic=1.0)
    there = _points(8)[:, :40] / 2
    shown = deformation.points(there)
    assert deformation.waves is not None
    back = (shown + deformation.waves.at(shown)) @ deformation.turns.mT * deformation.scales[:, None, None]
    assert back == pytest.approx(there, abs=0.02)


@pytest.mark.parametrize("augmentation", [0.0, 0.6])
def test_the_target_lies_on_the_deformed_ball(augmentation: float) -> None:
    batch = _sampler(replace(SAMPLING, augmentation=augmentation)).draw(np.random.default_rng(0))
    for image, target in zip(batch.images, batch.occupancy(1), strict=True):
        alike = torch.corrcoef(torch.stack([image.flatten(), target.flatten()]))[0, 1]
        assert alike > (0.9 if augmentation == 0 else 0.6)


def test_deformed_patches_are_not_those_that_were_cut() -> None:
    plain = _sampler(replace(SAMPLING, elastic=0.0)).draw(np.random.default_rng(0)).images
    assert (_sampler().draw(np.random.default_rng(0)).images - plain).abs().max() > 0.2


@pytest.mark.parametrize("share", [slice(0, 2), slice(2, 5), slice(5, 6)])
def test_a_share_of_a_batch_is_the_same_patches(share: slice) -> None:
    sampler = _sampler(replace(SAMPLING, augmentation=0.5, positive_ratio=0.5))
    whole = sampler.draw(np.random.default_rng(3)).part(share)
    part = sampler.draw(np.random.default_rng(3), share)
    assert torch.equal(part.images, whole.images)
    assert torch.equal(part.centres, whole.centres[:, : part.centres.shape[1]])
    assert torch.equal(part.radii, whole.radii[:, : part.radii.shape[1]])


def test_an_applications_own_variation_sees_the_whole_batch() -> None:
    seen = []

    def brighten(rng: np.random.Generator, images: torch.Tensor) -> torch.Tensor:
        seen.append(len(images))
        return images + float(rng.uniform())

    sampler = _sampler(replace(SAMPLING, vary=brighten))
    whole, part = sampler.draw(np.random.default_rng(3)), sampler.draw(np.random.default_rng(3), slice(1, 3))
    assert torch.equal(part.images, whole.images[1:3])
    assert seen == [6, 6]


def test_channels_are_varied_together() -> None:
    case = _case()
    phases = replace(case, volume=np.stack([case.volume, 2 * case.volume]))
    sampling = replace(SAMPLING, elastic=1.0)
    batch = PatchSampler([phases], [np.array([[8.0, 8.0, 8.0]])], sampling).draw(np.random.default_rng(0))
    assert batch.images.shape == (6, 2, EDGE, EDGE, EDGE)
    assert batch.images[:, 1] == pytest.approx(2 * batch.images[:, 0], abs=1e-5)
