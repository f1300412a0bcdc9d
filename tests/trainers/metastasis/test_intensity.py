"""Signals come to one scale whatever the scanner's unit, and the brain is told from what surrounds it."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.metastasis.intensity import BACKGROUND, MARGIN, brain_box, is_brain, normalise
from trainers.metastasis.phantom import Phantom


def test_the_unit_of_the_signal_does_not_matter(phantom: Phantom) -> None:
    volume = phantom.volume
    assert normalise(volume * 731) == pytest.approx(normalise(volume), abs=1e-4)


def test_the_brains_median_is_nought_and_its_bulk_one_wide(phantom: Phantom) -> None:
    volume = phantom.volume
    brain = normalise(volume)[volume > 0.1]
    assert np.median(brain) == pytest.approx(0, abs=0.02)
    low, high = np.percentile(brain, [5, 95])
    assert high - low == pytest.approx(1, abs=0.05)


def test_what_was_stripped_away_is_background_and_little_else(phantom: Phantom) -> None:
    volume = phantom.volume
    normalised = normalise(volume)
    assert (normalised[volume == 0] == BACKGROUND).all()
    assert is_brain(normalised)[volume > 0].mean() > 0.99


def test_air_with_noise_around_a_head_is_background() -> None:
    rng = np.random.default_rng(0)
    volume = np.abs(rng.normal(0, 2, size=(20, 20, 20)))
    volume[5:15, 5:15, 5:15] = rng.normal(300, 30, size=(10, 10, 10))
    assert np.array_equal(is_brain(normalise(volume.astype(np.float32))), volume > 20)


def test_a_volume_without_signal_is_all_background() -> None:
    assert (normalise(np.zeros((4, 4, 4), np.float32)) == BACKGROUND).all()


def test_the_brain_is_cut_out_with_a_margin_that_ends_at_the_volumes_border() -> None:
    volume = np.full((20, 20, 20), BACKGROUND, np.float32)
    volume[8:10, 1:5, 19] = 0.0
    assert brain_box(volume) == (slice(8 - MARGIN, 10 + MARGIN), slice(0, 5 + MARGIN), slice(19 - MARGIN, 20 + MARGIN))
    assert volume[brain_box(volume)].shape == (10, 9, 5)
    assert volume[brain_box(np.full((20, 20, 20), BACKGROUND, np.float32))].shape == volume.shape
