"""Smooth fields have the variance they promise, and displaced volumes show what they held elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.cad.phantoms.fields import coil_bias, displaced, displacement, rician, smooth_field


@pytest.mark.parametrize("scale", [0.7, 3.0, 40.0])
def test_every_voxel_has_mean_0_and_variance_1(scale: float) -> None:
    rng = np.random.default_rng(0)
    fields = np.array([smooth_field(rng, (3, 5, 8), scale) for _ in range(2000)])
    # Standard errors of 2000 draws: 0.022 of the mean, 0.032 of the variance; six of them are allowed.
    assert fields.mean(axis=0) == pytest.approx(np.zeros((3, 5, 8)), abs=0.14)
    assert fields.var(axis=0) == pytest.approx(np.ones((3, 5, 8)), abs=0.2)


def test_neighbours_agree_and_distant_voxels_do_not() -> None:
    rng = np.random.default_rng(1)
    rows = np.array([smooth_field(rng, (1, 1, 60), 6.0)[0, 0] for _ in range(1000)])
    correlation = np.corrcoef(rows.T)[20]
    assert correlation[21] > 0.98
    assert abs(correlation[20 + 4 * 6 + 1 :]).max() < 0.2


def test_a_field_is_a_function_of_the_generator() -> None:
    first, second = (smooth_field(np.random.default_rng(3), (6, 7, 8), 2.5) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert first.dtype == np.float32
    assert first.shape == (6, 7, 8)


def test_coils_change_the_signal_by_a_smooth_factor_around_1() -> None:
    bias = coil_bias(np.random.default_rng(4), (20, 24, 28), 0.2)
    assert (bias > 0).all()
    assert abs(np.log(bias)).max() < 1.0
    assert max(abs(np.diff(bias, axis=axis)).max() for axis in range(3)) < 0.1


def test_noise_lifts_the_dark_and_keeps_the_bright() -> None:
    rng = np.random.default_rng(5)
    dark = rician(rng, np.zeros((2, 40, 40, 40), np.float32), 0.1)
    bright = rician(rng, np.ones((40, 40, 40), np.float32), 0.1)
    assert dark.mean() == pytest.approx(0.1 * np.sqrt(np.pi / 2), abs=1e-3), "the mean of Rayleigh's distribution"
    assert bright.mean() == pytest.approx(1.005, abs=2e-3)
    assert bright.std() == pytest.approx(0.1, abs=2e-3)


def test_a_displaced_volume_shows_at_u_what_was_at_u_plus_the_displacement() -> None:
    image = np.random.default_rng(6).random((8, 9, 10), np.float32)
    moved = np.zeros((3, 8, 9, 10), np.float32)
    moved[0], moved[2] = 1.0, -2.0
    seen = displaced(image, moved)
    assert seen[:7, :, 2:] == pytest.approx(image[1:, :, :8], abs=1e-6)
    assert (seen[7, 0, 2:] == image[7, 0, :8]).all(), "beyond the border its own voxels go on"


def test_displacements_have_the_amplitude_that_was_asked_for() -> None:
    rng = np.random.default_rng(7)
    drawn = np.array([displacement(rng, (6, 6, 6), 1.5, 3.0) for _ in range(300)])
    assert drawn.shape == (300, 3, 6, 6, 6)
    assert drawn.std() == pytest.approx(1.5, rel=0.1)
