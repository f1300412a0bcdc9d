"""Blobs are found by their size."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.aneurysm.blobs import blobs
from trainers.cad.phantoms.tubes import Spheres, draw


def test_blobs_of_an_aneurysms_size_are_found() -> None:
    spacing, centres = 0.8, np.array([[12.0, 14.0, 10.0], [24.0, 20.0, 26.0]])
    image = np.zeros((48, 48, 48), np.float32)
    draw(image, Spheres(centres, np.array([1.5, 2.5]), np.ones(2)), spacing)
    found = blobs(image, spacing, count=2).points * spacing
    assert found[np.argsort(found[:, 0])] == pytest.approx(centres, abs=0.3)
