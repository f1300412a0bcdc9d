"""Arterial trees enter at the bottom and thin out."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.aneurysm.vessels import grow_tree


def test_a_tree_enters_at_the_bottom_and_thins_out() -> None:
    extent = np.array([60.0, 60.0, 60.0])
    tree = grow_tree(np.random.default_rng(3), extent, 1.8, 3, (8, 14))
    assert tree.blood.centres[0, 0] == 0
    assert tree.blood.radii.max() == pytest.approx(1.8, rel=0.05)
    assert tree.blood.radii.min() < 0.7
    assert tree.blood.signal[0] > tree.blood.signal.min()
    for site in tree.sites:
        assert ((site.wall_centre > 0) & (site.wall_centre < extent)).all()
        assert np.linalg.norm(site.outward) == pytest.approx(1)
