"""Phantoms are heads in Hounsfield units, each its own, and the same whoever makes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.trainers.head_ct_anomaly.conftest import PhantomMaker
from trainers.head_ct_anomaly.findings import BLEEDS
from trainers.head_ct_anomaly.intracranial import intracranial
from trainers.head_ct_anomaly.phantom import PRESETS, Preset, make_phantom

SMALL = Preset((40, 52, 44), 4.0, noise_hu=(1.5, 3.0))


def test_a_phantom_is_a_function_of_its_arguments() -> None:
    first, again = (make_phantom(SMALL, 1, 7, is_abnormal=True) for _ in range(2))
    assert first.hu.tobytes() == again.hu.tobytes()
    assert first.centres.tolist() == again.centres.tolist()
    others = [make_phantom(SMALL, 2, 7, is_abnormal=True), make_phantom(SMALL, 1, 8, is_abnormal=True)]
    assert all(np.abs(first.hu - other.hu).max() > 100 for other in others)


def test_a_head_has_air_bone_brain_and_fluid_in_their_places(phantom: PhantomMaker) -> None:
    spacing, hu = PRESETS["tiny"].spacing, phantom(0, False).hu
    assert hu.shape == PRESETS["tiny"].shape
    assert hu.dtype == np.float32
    assert hu[:, 0, 0] == pytest.approx(-1000, abs=15), "air"
    inside = intracranial(hu, spacing)
    litres = inside.sum() * spacing**3 / 1e6
    assert 0.9 < litres < 1.9, "volume of a cranial cavity"
    assert 28 < np.median(hu[inside]) < 40, "grey and white matter"
    assert (hu[inside] < 18).mean() > 0.01, "fluid"
    rim = np.argwhere(inside.any(axis=0))
    row = hu[hu.shape[0] // 2, rim[:, 0].min() :, hu.shape[2] // 2]
    assert hu[hu.shape[0] // 2].max() > 700, "skull"
    assert row.max() > 300, "skull behind the brain"


def test_normal_phantoms_have_no_finding_and_abnormal_ones_have_one_or_two(phantom: PhantomMaker) -> None:
    assert len(phantom(0, False).kinds) == 0
    for index in range(4):
        made = phantom(index, True)
        assert len(made.kinds) in (1, 2)
        assert set(made.kinds) <= set(BLEEDS), "all that voxels of this size show"
        extent = np.array(PRESETS["tiny"].shape) * PRESETS["tiny"].spacing
        assert ((made.centres > 0) & (made.centres < extent)).all()
        assert (made.diameters > 4).all()


def test_a_finding_changes_the_head_around_it_and_not_elsewhere(phantom: PhantomMaker) -> None:
    """The head is drawn before its finding, so the normal twin differs by the finding and by noise."""
    normal, abnormal = phantom(3, False), phantom(3, True)
    spacing = PRESETS["tiny"].spacing
    change = np.abs(abnormal.hu - normal.hu)
    voxels = np.moveaxis(np.indices(change.shape), 0, -1) * spacing
    distance = np.min([np.linalg.norm(voxels - centre, axis=-1) for centre in abnormal.centres], axis=0)
    near, far = distance < abnormal.diameters.max() / 2, distance > 3 * abnormal.diameters.max()
    inside = intracranial(normal.hu, spacing)
    assert change[near & inside].mean() > 2 * change[far & inside].mean()


def test_noise_stays_within_what_the_preset_says(phantom: PhantomMaker) -> None:
    air = phantom(0, False).hu[:6, :6, :6]
    assert 1.3 < air.std() < 3.3


def test_real_label_maps_make_heads_too(real_data: Path) -> None:
    folder = real_data / "synthseg"
    made = make_phantom(SMALL, 0, 1, is_abnormal=False, labels=folder)
    inside = intracranial(made.hu, SMALL.spacing)
    assert 0.9 < inside.sum() * SMALL.spacing**3 / 1e6 < 2.0
    other = make_phantom(SMALL, 0, 2, is_abnormal=False, labels=folder)
    assert np.abs(made.hu - other.hu).max() > 100, "the next map, posed otherwise"
    assert made.hu.tobytes() != make_phantom(SMALL, 0, 1, is_abnormal=False).hu.tobytes()
