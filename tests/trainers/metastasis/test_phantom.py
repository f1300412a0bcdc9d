"""Phantoms are a pure function of their number, and their metastases are where they are said to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from trainers.cad.phantoms.brain import Tissue, grow_brain, pose
from trainers.cad.phantoms.labels import find_label_maps
from trainers.metastasis.enhancement import draw_enhancement
from trainers.metastasis.nodules import LEAST_GAP_MM, Spread, seed_nodules
from trainers.metastasis.phantom import PRESETS, Phantom, make_phantom

TINY = PRESETS["tiny"]


def test_the_same_number_gives_the_same_phantom(phantom: Phantom) -> None:
    first, second = phantom, make_phantom(TINY, 0, 1)
    assert first.volume.tobytes() == second.volume.tobytes()
    assert first.centres.tobytes() == second.centres.tobytes()


@pytest.mark.parametrize(("seed", "index"), [(0, 2), (1, 1)])
def test_another_number_or_seed_gives_another_phantom(phantom: Phantom, seed: int, index: int) -> None:
    assert not np.array_equal(phantom.volume, make_phantom(TINY, seed, index).volume)


def test_metastases_lie_in_the_brain_and_enhance() -> None:
    excess = []
    for index in range(5):
        phantom = make_phantom(TINY, 0, index)
        brain = phantom.volume > 0
        for centre, diameter in zip(phantom.centres, phantom.diameters, strict=True):
            assert brain[tuple(np.rint(centre / TINY.spacing).astype(int))]
            assert TINY.spread.diameter_mm[0] <= diameter <= TINY.spread.diameter_mm[2]
            places = np.moveaxis(np.indices(brain.shape), 0, -1) * TINY.spacing
            inside = np.linalg.norm(places - centre, axis=-1) < diameter / 2
            excess.append(np.percentile(phantom.volume[inside & brain], 75) / np.median(phantom.volume[brain]))
    assert len(excess) >= 5
    assert np.median(excess) > 1.3


def test_the_skull_is_stripped_and_the_brain_is_not(phantom: Phantom) -> None:
    outside, _ = ndimage.label(phantom.volume == 0)
    assert (phantom.volume == 0).sum() > 0.4 * phantom.volume.size
    assert np.bincount(outside[outside > 0]).max() > 0.99 * (phantom.volume == 0).sum()
    assert np.median(phantom.volume[phantom.volume > 0]) > 0.3


def test_what_enhances_besides_lies_mostly_at_the_surface_and_is_thin() -> None:
    rng = np.random.default_rng(2)
    points = pose(rng, TINY.shape, TINY.spacing, TINY.scale)
    tissues = grow_brain(rng, points, TINY.spacing)
    share = draw_enhancement(rng, tissues, points, TINY.spacing)
    inside = tissues > Tissue.OUTSIDE
    assert share.min() >= 0
    assert share.max() <= 1
    assert 0.002 < share[inside].mean() < 0.06
    depth = ndimage.distance_transform_edt(inside) * TINY.spacing
    assert np.average(depth[inside], weights=share[inside]) < depth[inside].mean()
    thickness = ndimage.distance_transform_edt((share > 0.5) & inside) * TINY.spacing
    assert thickness.max() < 6


def test_nodules_keep_apart_and_settle_where_grey_meets_white_matter() -> None:
    rng = np.random.default_rng(1)
    tissues = grow_brain(rng, pose(rng, TINY.shape, TINY.spacing, TINY.scale), TINY.spacing)
    spread = Spread(lesion_free=0.0, further=30, diameter_mm=(3, 4, 5), signal=(1.0, 1.2))
    nodules = seed_nodules(rng, tissues, TINY.spacing, spread)
    assert len(nodules) > 15
    centres = np.array([nodule.centre for nodule in nodules])
    distances = np.linalg.norm(centres[:, None] - centres, axis=-1) + 1e3 * np.eye(len(nodules))
    assert distances.min() > LEAST_GAP_MM
    near_grey = ndimage.binary_dilation(tissues == Tissue.GREY, iterations=2) & (tissues == Tissue.WHITE)
    at_junction = near_grey[tuple(np.rint(centres / TINY.spacing).astype(int).T)].mean()
    assert at_junction > 1.5 * near_grey[tissues >= Tissue.GREY].mean()


def test_a_share_of_the_cases_is_free_of_metastases() -> None:
    rng = np.random.default_rng(0)
    tissues = np.full((8, 8, 8), Tissue.WHITE, np.uint8)
    spread = Spread(lesion_free=0.25, further=1.0, diameter_mm=(1, 2, 3), signal=(1.0, 1.2))
    counts = np.array([len(seed_nodules(rng, tissues, 10.0, spread)) for _ in range(400)])
    assert (counts == 0).mean() == pytest.approx(0.25, abs=0.07)
    assert counts[counts > 0].mean() == pytest.approx(2.0, abs=0.2)


def test_larger_presets_make_whole_brains_of_their_size() -> None:
    small = PRESETS["small"]
    phantom = make_phantom(small, 0, 1)
    assert phantom.volume.shape == small.shape
    assert phantom.volume.dtype == np.float32
    litres = (phantom.volume > 0).sum() * small.spacing**3 * 1e-6 / small.scale**3
    assert 1.0 < litres < 1.8
    assert not (phantom.volume[[0, -1]] > 0).any(), "the brain leaves the field of view"


def test_real_label_maps_give_the_anatomy_when_there_are_some(phantom: Phantom, real_data: Path) -> None:
    maps = find_label_maps(real_data / "synthseg")
    real = make_phantom(TINY, 0, 1, maps[:1])
    assert real.volume.shape == TINY.shape
    assert not np.array_equal(real.volume, phantom.volume)
    assert len(real.centres) == len(real.diameters) > 0
    brain = real.volume > 0
    assert 0.2 < brain.mean() < 0.5
    assert all(brain[tuple(np.rint(centre / TINY.spacing).astype(int))] for centre in real.centres)
