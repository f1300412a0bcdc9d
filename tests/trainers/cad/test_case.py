"""A case knows where its voxels lie, and its signal has a common scale."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.cad.case import Case, normalise


def _oblique_case() -> Case:
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    volume = np.zeros((4, 5, 6), np.float32)
    return Case("oblique", volume, 0.7, np.empty((0, 3)), np.empty(0), origin=np.array([10.0, -20.0, 5.0]), axes=turn)


def test_world_coordinates_survive_the_way_to_voxels_and_back() -> None:
    case, points = _oblique_case(), np.random.default_rng(1).normal(scale=50, size=(20, 3))
    assert case.to_world(case.to_voxels(points)) == pytest.approx(points)


def test_the_third_array_axis_is_x() -> None:
    case = Case("upright", np.zeros((4, 5, 6), np.float32), 2.0, np.empty((0, 3)), np.empty(0))
    assert case.to_world(np.array([[1.0, 2.0, 3.0]])).tolist() == [[6.0, 4.0, 2.0]]


def test_the_units_of_the_scanner_do_not_matter() -> None:
    signal = np.random.default_rng(0).gamma(2.0, size=(8, 9, 10)).astype(np.float32)
    assert normalise(700 * signal + 40) == pytest.approx(normalise(signal), abs=1e-4)
    assert np.median(normalise(signal)) == pytest.approx(0, abs=1e-6)


def test_a_constant_volume_becomes_zero() -> None:
    assert not normalise(np.full((3, 3, 3), 7.0, np.float32)).any()
