"""Vessels bifurcate as Murray says, and are drawn where they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.cad.phantoms.tubes import EDGE_SOFTNESS_VOXELS, Spheres, centre_line, draw, murray, perpendicular


@given(radius=st.floats(0.3, 3), share=st.floats(0.1, 0.9))
def test_the_cubes_of_the_radii_add_up(radius: float, share: float) -> None:
    radii, angles = murray(radius, share)
    assert (radii**3).sum() == pytest.approx(radius**3)
    assert np.sign(radii[1] - radii[0]) == np.sign(angles[0] - angles[1]), "the smaller branch turns off more"


def test_equal_branches_leave_at_murrays_angle() -> None:
    # r1 / r0 = 2^(-1/3), so cos(theta) = r0^2 / (2 r1^2) = 2^(-1/3): 37.5 degrees.
    _, angles = murray(2.0, 0.5)
    assert np.degrees(angles) == pytest.approx([37.467, 37.467], abs=1e-3)


@pytest.mark.parametrize("spacing", [0.5, 1.0])
@pytest.mark.parametrize("radius", [1.5, 3.0])
def test_a_ball_is_drawn_with_its_volume_and_centre(spacing: float, radius: float) -> None:
    image = np.zeros((20, 22, 24), np.float32)
    centre = np.array([9.3, 10.6, 11.1]) * spacing
    draw(image, Spheres(centre[None], np.array([radius * spacing]), np.array([0.5])), spacing)
    # A soft edge of scale s lies outside as much as inside, but a shell's volume grows: 4/3 pi r (r^2 + pi^2 s^2).
    volume = 4 / 3 * np.pi * radius * (radius**2 + np.pi**2 * EDGE_SOFTNESS_VOXELS**2)
    assert image.sum() / 0.5 == pytest.approx(volume, rel=0.03)
    mean_place = (np.indices(image.shape) * image).sum(axis=(1, 2, 3)) / image.sum()
    assert mean_place * spacing == pytest.approx(centre, abs=0.05)


def test_what_lies_outside_is_cut_off_without_wrapping_around() -> None:
    image = np.zeros((10, 10, 10), np.float32)
    draw(image, Spheres(np.array([[5.0, 5.0, -1.0], [40.0, 5.0, 5.0]]), np.full(2, 3.0), np.ones(2)), 1.0)
    assert image[5, 5, 0] > 0.5
    assert image[..., 6:].max() < 1e-3


def test_where_vessels_cross_the_brighter_one_counts() -> None:
    image = np.zeros((9, 9, 9), np.float32)
    draw(image, Spheres(np.full((2, 3), 4.0), np.full(2, 3.0), np.array([0.4, 0.9])), 1.0)
    assert image[4, 4, 4] == pytest.approx(0.9, abs=1e-3)


def test_a_line_without_tortuosity_runs_straight_on_for_its_length() -> None:
    heading = np.array([0.6, 0.0, 0.8])
    line = centre_line(np.random.default_rng(0), np.ones(3), heading, 12.0, tortuosity=0.0)
    assert line[0] == pytest.approx(np.ones(3))
    assert line[-1] == pytest.approx(1 + 12.0 * heading)
    assert np.linalg.norm(np.diff(line, axis=0), axis=1) == pytest.approx(12.0 / (len(line) - 1))


def test_what_is_perpendicular_has_length_one_and_no_part_along_the_direction() -> None:
    rng, direction = np.random.default_rng(0), np.array([3.0, -1.0, 2.0])
    across = perpendicular(rng, direction)
    assert np.linalg.norm(across) == pytest.approx(1)
    assert across @ direction == pytest.approx(0, abs=1e-12)
