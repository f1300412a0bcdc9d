"""Local maxima are found once, between voxels."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.cad.candidates import local_maxima
from trainers.cad.case import Floats, Image


def _gaussians(shape: tuple[int, int, int], centres: Floats, heights: Floats) -> Image:
    grid = np.indices(shape).reshape(3, -1).T
    squared = ((grid[:, None] - centres) ** 2).sum(axis=2)
    image: Image = (heights * np.exp(-squared / 8)).sum(axis=1).reshape(shape).astype(np.float32)
    return image


def test_maxima_come_highest_first_and_between_voxels() -> None:
    centres = np.array([[5.3, 6.0, 6.8], [14.6, 12.2, 7.0]])
    peaks = local_maxima(_gaussians((20, 20, 16), centres, np.array([1.0, 2.0])), radius=2, count=10)
    assert len(peaks.points) == 2
    assert peaks.points == pytest.approx(centres[::-1], abs=0.1)
    assert peaks.heights[0] > peaks.heights[1]


def test_no_more_maxima_are_given_than_asked_for() -> None:
    noise = np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32)
    everything = local_maxima(noise, radius=1, count=10_000)
    assert len(everything.heights) > 50
    assert local_maxima(noise, radius=1, count=5).heights == pytest.approx(everything.heights[:5])


def test_maxima_keep_their_distance() -> None:
    noise = np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32)
    points = np.rint(local_maxima(noise, radius=3, count=100).points)
    apart = np.abs(points[:, None] - points).max(axis=2) + 100 * np.eye(len(points))
    assert apart.min() > 2


def test_a_constant_map_has_no_maximum() -> None:
    assert len(local_maxima(np.ones((8, 8, 8), np.float32), radius=1, count=5).heights) == 0


@pytest.mark.parametrize("corner", [[0, 0, 0], [7, 7, 7]])
def test_a_maximum_at_the_border_stays_in_the_volume(corner: list[int]) -> None:
    heat = np.zeros((8, 8, 8), np.float32)
    heat[tuple(corner)] = 1
    assert local_maxima(heat, radius=1, count=5).points.tolist() == [corner]
