"""Blobs lie where they are said to, and are painted over all channels alike."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.cad.phantoms.blobs import draw_blob, paint


def test_a_smooth_blob_is_an_ellipsoid() -> None:
    centre, radii = np.array([20.0, 23.0, 26.0]), np.array([8.0, 10.0, 12.0])
    blob = draw_blob(np.random.default_rng(0), (40, 44, 48), 1.0, centre, radii, roughness=0.0)
    volume = np.zeros((1, 40, 44, 48), np.float32)
    paint(volume, blob, blob.coverage(), np.ones(1))
    assert volume.sum() == pytest.approx(4 / 3 * np.pi * radii.prod(), rel=0.03)
    cells = np.argwhere(volume[0] > 0.5)
    assert cells.mean(axis=0) == pytest.approx(centre, abs=0.1)
    assert (np.ptp(cells, axis=0) + 1) / 2 == pytest.approx(radii, abs=1.0)


def test_depth_is_the_distance_from_the_surface_of_a_ball() -> None:
    blob = draw_blob(np.random.default_rng(0), (30, 30, 30), 2.0, np.full(3, 30.0), np.full(3, 20.0), roughness=0.0)
    voxels = np.stack(np.meshgrid(*(np.arange(part.start, part.stop) * 2.0 for part in blob.window), indexing="ij"), -1)
    assert blob.depth == pytest.approx(20 - np.linalg.norm(voxels - 30, axis=-1), abs=1e-4)
    assert blob.coverage(deeper_than=15.0).sum() < blob.coverage().sum() < blob.coverage(deeper_than=-3.0).sum()


def test_rough_blobs_differ_in_shape_but_not_in_place() -> None:
    rng = np.random.default_rng(1)
    blobs = [draw_blob(rng, (40, 40, 40), 1.0, np.full(3, 20.0), np.full(3, 9.0), roughness=0.1) for _ in range(2)]
    first, second = (blob.coverage() for blob in blobs)
    assert first.shape == second.shape
    assert 0.05 < abs(first - second).mean() / first.mean() < 0.6
    for blob in blobs:
        inside = np.argwhere(blob.depth > 0) + [part.start for part in blob.window]
        assert inside.mean(axis=0) == pytest.approx([20, 20, 20], abs=1.5)


@pytest.mark.parametrize("centre", [(-40.0, 5.0, 5.0), (5.0, 5.0, 90.0)])
def test_a_blob_outside_the_volume_paints_nothing(centre: tuple[float, ...]) -> None:
    blob = draw_blob(np.random.default_rng(2), (10, 10, 10), 1.0, np.array(centre), np.full(3, 6.0), roughness=0.1)
    volume = np.zeros((2, 10, 10, 10), np.float32)
    paint(volume, blob, blob.coverage(), np.ones(2))
    assert not volume.any()


def test_a_blob_at_the_border_is_cut_off() -> None:
    centre, radius = np.array([0.0, 5.0, 5.0]), 3.0
    blob = draw_blob(np.random.default_rng(3), (10, 10, 10), 1.0, centre, np.full(3, radius), roughness=0.0)
    volume = np.zeros((1, 10, 10, 10), np.float32)
    paint(volume, blob, blob.coverage(), np.ones(1))
    half_a_ball_and_half_a_slice = 2 / 3 * np.pi * radius**3 + np.pi * radius**2 / 2
    assert volume.sum() == pytest.approx(half_a_ball_and_half_a_slice, rel=0.1)


def test_paint_mixes_by_coverage_in_each_channel() -> None:
    blob = draw_blob(np.random.default_rng(4), (12, 12, 12), 1.0, np.full(3, 6.0), np.full(3, 4.0), roughness=0.0)
    volume = np.full((2, 12, 12, 12), 0.5, np.float32)
    paint(volume, blob, 0.25 * blob.coverage(), np.array([1.0, 0.0]))
    assert volume[:, 6, 6, 6] == pytest.approx([0.625, 0.375])
    assert volume[:, 0, 0, 0] == pytest.approx([0.5, 0.5])
