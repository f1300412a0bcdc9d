"""The procedural brain has the tissues of a brain where a brain has them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from trainers.cad.phantoms.brain import Tissue, Tissues, grow_brain, pose

SHAPE, SPACING, SCALE = (64, 72, 64), 1.5, 0.6


def _brain(seed: int) -> Tissues:
    rng = np.random.default_rng(seed)
    return grow_brain(rng, pose(rng, SHAPE, SPACING, SCALE), SPACING)


def test_the_same_seed_grows_the_same_brain_and_another_seed_another() -> None:
    assert np.array_equal(_brain(3), _brain(3))
    assert not np.array_equal(_brain(3), _brain(4))


def test_grey_and_white_matter_fill_most_of_it_and_all_of_it_hangs_together() -> None:
    for seed in range(4):
        tissue = _brain(seed)
        inside = tissue > Tissue.OUTSIDE
        shares = np.bincount(tissue[inside], minlength=5) / inside.sum()
        assert shares[Tissue.GREY] > 0.3
        assert shares[Tissue.WHITE] > 0.2
        assert 0.002 < shares[Tissue.VENTRICLE] < 0.05
        parts, _ = ndimage.label(inside)
        assert np.bincount(parts[inside]).max() > 0.99 * inside.sum()


def test_it_is_as_large_as_an_adults_brain_times_the_scale() -> None:
    litres = [(_brain(seed) > Tissue.OUTSIDE).sum() * SPACING**3 * 1e-6 / SCALE**3 for seed in range(4)]
    # Adults' brains with the fluid in their sulci: 1.1 to 1.7 litres.
    assert 1.1 < np.mean(litres) < 1.7


def test_ventricles_lie_deep_and_the_cortex_at_the_surface() -> None:
    tissue = _brain(1)
    depth = ndimage.distance_transform_edt(tissue > Tissue.OUTSIDE) * SPACING
    assert depth[tissue == Tissue.VENTRICLE].min() > 3
    assert np.median(depth[tissue == Tissue.GREY]) < np.median(depth[tissue == Tissue.WHITE])


def test_the_pose_puts_the_head_up_and_the_back_at_the_back() -> None:
    points = pose(np.random.default_rng(0), SHAPE, SPACING, SCALE)
    for axis, along in enumerate((points.z, points.y, points.x)):
        assert (np.diff(along, axis=axis) > 0).mean() > 0.99
        # One voxel is so many mm of the adult's brain, on the whole.
        assert np.diff(along, axis=axis).mean() == pytest.approx(SPACING / points.mm_per_mm, rel=0.1)
