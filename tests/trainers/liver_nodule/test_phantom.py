"""Phantoms are a pure function of their number, and their nodules are where, and look as, they are said to."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.liver_nodule.anatomy import Anatomy, draw_anatomy
from trainers.liver_nodule.contrast import PHASES, Phase, Uptake
from trainers.liver_nodule.lesions import EXCLUDED, RADIUS_MM, TARGETS, Kind, grow_lesions
from trainers.liver_nodule.phantom import DISEASES, MOST_NODULES, PRESETS, make_phantom

TINY = PRESETS["tiny"]
HEALTHY = Uptake(np.arange(5.0), liver_function=1.0)


@pytest.fixture(scope="module")
def counts() -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Numbers of nodules of 24 cases."""
    return np.array([len(make_phantom(TINY, 0, index).centres) for index in range(24)])


def _patient(seed: int) -> Anatomy:
    return draw_anatomy(np.random.default_rng(seed), TINY.grid, HEALTHY, nodular=0.0)


def test_the_same_number_gives_the_same_phantom() -> None:
    first, second = make_phantom(TINY, 4, 7), make_phantom(TINY, 4, 7)
    assert first.volume.tobytes() == second.volume.tobytes()
    assert first.centres.tobytes() == second.centres.tobytes()
    assert first.excluded.tobytes() == second.excluded.tobytes()


@pytest.mark.parametrize(("seed", "index"), [(4, 8), (5, 7)])
def test_another_number_or_seed_gives_another_phantom(seed: int, index: int) -> None:
    assert not np.array_equal(make_phantom(TINY, 4, 7).volume, make_phantom(TINY, seed, index).volume)


def test_a_phantom_has_five_phases_of_finite_signal() -> None:
    phantom = make_phantom(TINY, 0, 3)
    assert phantom.volume.shape == (5, *TINY.grid.shape)
    assert phantom.volume.dtype == np.float32
    assert np.isfinite(phantom.volume).all()
    assert phantom.volume.min() >= 0


def test_as_many_patients_have_nodules_as_promised(counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> None:
    assert sum(DISEASES.values()) == pytest.approx(1)
    assert (counts == 0).mean() == pytest.approx(DISEASES["none"], abs=0.25)
    assert 1 < counts[counts > 0].mean() < 2.5
    assert counts.max() <= MOST_NODULES


def test_nodules_lie_in_the_volume_and_apart_from_each_other() -> None:
    for index in range(10):
        phantom = make_phantom(TINY, 1, index)
        centres = np.concatenate([phantom.centres, phantom.excluded])
        diameters = np.concatenate([phantom.diameters, phantom.excluded_diameters])
        assert ((centres > -TINY.grid.spacing) & (centres < TINY.grid.extent + TINY.grid.spacing)).all()
        for number, centre in enumerate(centres):
            gaps = np.linalg.norm(centres - centre, axis=1) - (diameters + diameters[number]) / 2
            assert (np.delete(gaps, number) > 0).all()


@pytest.mark.parametrize("kind", list(Kind))
def test_a_lesion_changes_the_liver_where_it_is_said_to_lie_and_nowhere_else(kind: Kind) -> None:
    before, after = _patient(2), _patient(2)
    [lesion] = grow_lesions(np.random.default_rng(5), after, TINY.grid, HEALTHY, [kind])
    changed = abs(after.image - before.image).max(axis=0) > 0.05
    distance = np.linalg.norm(np.argwhere(changed) * TINY.grid.spacing - lesion.centre, axis=1)
    assert len(distance)
    assert distance.max() < 1.6 * lesion.radius + 2 * TINY.grid.spacing
    least, _, greatest = RADIUS_MM[kind]
    assert least <= lesion.radius <= greatest


@pytest.mark.parametrize("kind", TARGETS)
def test_nodules_to_be_found_are_dark_in_the_hepatobiliary_phase(kind: Kind) -> None:
    last = PHASES.index(Phase.HEPATOBILIARY)
    for seed in range(3):
        before, after = _patient(seed), _patient(seed)
        [lesion] = grow_lesions(np.random.default_rng(seed), after, TINY.grid, HEALTHY, [kind])
        centre = tuple(
            np.clip(np.rint(lesion.centre / TINY.grid.spacing).astype(int), 0, np.array(TINY.grid.shape) - 1)
        )
        in_liver = before.vessels[centre] < 0.1
        assert after.image[(last, *centre)] < before.image[(last, *centre)] - 0.1 or not in_liver


def test_no_kind_is_both_to_be_found_and_excluded() -> None:
    assert not set(TARGETS) & set(EXCLUDED)


def test_lesions_that_find_no_room_are_left_out() -> None:
    anatomy = _patient(0)
    many = grow_lesions(np.random.default_rng(0), anatomy, TINY.grid, HEALTHY, [Kind.HCC] * 200)
    assert 3 < len(many) < 200
    outside = Anatomy(anatomy.image, np.full_like(anatomy.depth, -1.0), anatomy.vessels)
    assert grow_lesions(np.random.default_rng(0), outside, TINY.grid, HEALTHY, [Kind.HCC]) == []


def test_the_liver_is_bright_and_its_veins_dark_in_the_last_phase_only() -> None:
    anatomy = _patient(1)
    is_liver, is_vein = (anatomy.depth > 6) & (anatomy.vessels < 0.01), (anatomy.depth > 6) & (anatomy.vessels > 0.8)
    assert is_vein.sum() > 10
    contrast = anatomy.image[:, is_vein].mean(axis=1) - anatomy.image[:, is_liver].mean(axis=1)
    assert contrast[PHASES.index(Phase.PORTAL)] > 0.1
    assert contrast[PHASES.index(Phase.HEPATOBILIARY)] < -0.3


def test_presets_differ_in_resolution_more_than_in_anatomy() -> None:
    coarse, fine = (PRESETS[name].grid for name in ("tiny", "full"))
    assert (coarse.extent / fine.extent > 0.5).all()
    assert coarse.spacing / fine.spacing > 2
    assert make_phantom(PRESETS["small"], 0, 3).volume.shape == (5, *PRESETS["small"].grid.shape)
