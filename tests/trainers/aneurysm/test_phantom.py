"""Phantoms are a pure function of their number, and their aneurysms are where they are said to be."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.aneurysm.application import Aneurysm
from trainers.aneurysm.phantom import ANEURYSM_RADIUS_MM, ANEURYSMS_PER_CASE, PRESETS, make_phantom
from trainers.aneurysm.settings import Settings
from trainers.cad.case import Case, Split, by_name

TINY = PRESETS["tiny"]


def test_the_same_number_gives_the_same_phantom() -> None:
    first, second = make_phantom(TINY, 4, 7), make_phantom(TINY, 4, 7)
    assert first.volume.tobytes() == second.volume.tobytes()
    assert first.centres.tobytes() == second.centres.tobytes()


@pytest.mark.parametrize(("seed", "index"), [(4, 8), (5, 7)])
def test_another_number_or_seed_gives_another_phantom(seed: int, index: int) -> None:
    assert not np.array_equal(make_phantom(TINY, 4, 7).volume, make_phantom(TINY, seed, index).volume)


def test_aneurysms_are_bright_and_inside_the_volume() -> None:
    for index in range(12):
        phantom = make_phantom(TINY, 0, index)
        tissue = np.median(phantom.volume)
        for centre, diameter in zip(phantom.centres, phantom.diameters, strict=True):
            z, y, x = np.rint(centre / TINY.spacing).astype(int)
            assert phantom.volume[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2].mean() > 1.5 * tissue
            assert ((centre > diameter / 2) & (centre < TINY.extent - diameter / 2)).all()
            assert 2 * ANEURYSM_RADIUS_MM[0] <= diameter <= 2 * ANEURYSM_RADIUS_MM[2]


def test_the_validation_cases_of_tiny_have_sixty_aneurysms_in_the_promised_shares(
    configuration: dict[str, object],
) -> None:
    del configuration["validation_cases"]
    cases = list(Aneurysm().cases(Settings.from_configuration(configuration), Split.VALIDATION))  # type: ignore[arg-type]
    counts = [len(case.centres) for case in cases]
    assert sum(counts) >= 60
    shares = np.bincount(counts, minlength=3) / len(cases)
    assert shares == pytest.approx(ANEURYSMS_PER_CASE, abs=0.15)


def test_presets_share_their_anatomy_in_mm_but_not_their_size() -> None:
    small = make_phantom(PRESETS["small"], 0, 1)
    assert small.volume.shape == PRESETS["small"].shape
    assert small.volume.dtype == np.float32
    assert np.isfinite(small.volume).all()


def test_the_splits_of_a_family_share_no_case(configuration: dict[str, object]) -> None:
    settings = Settings.from_configuration(configuration)  # type: ignore[arg-type]
    volumes = [case.volume.tobytes() for split in Split for case in Aneurysm().cases(settings, split)]
    assert len(set(volumes)) == len(volumes) == 11


def test_more_training_cases_do_not_change_the_validation_cases(configuration: dict[str, object]) -> None:
    def validation(training_cases: int) -> list[Case]:
        settings = Settings.from_configuration({**configuration, "training_cases": training_cases})  # type: ignore[dict-item]
        return by_name(Aneurysm().cases(settings, Split.VALIDATION))

    for few, many in zip(validation(2), validation(30), strict=True):
        assert few.name == many.name
        assert np.array_equal(few.volume, many.volume)
