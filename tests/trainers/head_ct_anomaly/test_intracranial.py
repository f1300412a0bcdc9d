"""The inside of the skull is found in made-up heads, and in a real one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from tests.trainers.head_ct_anomaly.conftest import PhantomMaker
from trainers.head_ct_anomaly.intracranial import intracranial
from trainers.head_ct_anomaly.phantom import PRESETS


def _ball(radius: float, shape: tuple[int, int, int] = (40, 40, 40)) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    middle = (np.array(shape) - 1) / 2
    distance = np.linalg.norm(np.moveaxis(np.indices(shape), 0, -1) - middle, axis=-1)
    return np.asarray(distance < radius)


def _skull(opening: int = 0) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], int]:
    """Make a ball of brain in bone, scalp and air, with a hole of some voxels in the bone below; and its volume."""
    hu = np.full((40, 40, 40), -1000, np.float32)
    hu[_ball(19)], hu[_ball(16)], hu[_ball(13)] = 20, 1000, 35
    hu[:12, 20 - opening : 20 + opening, 20 - opening : 20 + opening] = 35
    return hu, int(_ball(13).sum())


def test_what_bone_encloses_is_inside_and_scalp_is_not() -> None:
    hu, volume = _skull()
    inside = intracranial(hu, 4.0)
    assert inside.sum() == pytest.approx(volume, rel=0.02)
    assert not inside[~_ball(14)].any()


def test_a_narrow_canal_in_the_bone_does_not_let_it_out() -> None:
    hu, volume = _skull(opening=1)
    assert intracranial(hu, 4.0).sum() == pytest.approx(volume, rel=0.05)


def test_calcium_blood_and_gas_inside_belong_to_the_inside() -> None:
    hu, volume = _skull()
    hu[19:22, 19:22, 15:18], hu[19:22, 19:22, 23:26], hu[24:26, 19:21, 19:21] = 400, 90, -900
    assert intracranial(hu, 4.0).sum() == pytest.approx(volume, rel=0.02)


def test_what_is_no_head_has_no_inside() -> None:
    assert not intracranial(np.full((20, 20, 20), -1000, np.float32), 2.0).any()
    assert not intracranial(np.random.default_rng(0).uniform(0, 4095, (20, 20, 20)).astype(np.float32), 2.0).any()


def test_findings_of_phantoms_lie_in_it(phantom: PhantomMaker) -> None:
    spacing = PRESETS["tiny"].spacing
    for index in range(3):
        made = phantom(index, True)
        distance = ndimage.distance_transform_edt(~intracranial(made.hu, spacing)) * spacing
        assert all(distance[tuple(np.rint(centre / spacing).astype(int))] < 6 for centre in made.centres)


def test_the_inside_of_a_real_skull_is_found(real_data: Path) -> None:
    volume_module = pytest.importorskip("trainers.cad.volume")
    spacing = 3.0
    volume = volume_module.read_volume("head", real_data / "dicom_ct_series" / "GE", spacing)
    inside = intracranial(volume.signal, spacing)
    assert 1.1 < inside.sum() * spacing**3 / 1e6 < 1.7, "litres"
    assert 25 < np.median(volume.signal[inside]) < 45
    assert (volume.signal[inside] > 200).mean() < 0.01
