"""The network's scale, there and back, and what of a patch counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.trainers.head_ct_anomaly.conftest import PhantomMaker
from trainers.head_ct_anomaly.attenuation import OUTSIDE, is_inside, strip, to_hu, windowed
from trainers.head_ct_anomaly.intracranial import intracranial


def test_the_inside_of_the_skull_keeps_its_attenuation(phantom: PhantomMaker) -> None:
    hu = phantom(0, False).hu
    inside = intracranial(hu, 3.2)
    signal = strip(hu, 3.2)
    assert (is_inside(signal) == inside).all()
    assert to_hu(signal)[inside] == pytest.approx(np.maximum(hu[inside], -24.6), abs=1e-3)
    assert np.unique(signal[~inside]).tolist() == [OUTSIDE]
    assert np.unique(to_hu(signal)[~inside]).tolist() == [-1000]


def test_a_window_clips_on_both_sides_and_what_is_outside_does_not_count() -> None:
    signals = torch.tensor([OUTSIDE, -1.0, -0.25, 0.0, 0.5, 4.0]).view(1, 1, 1, 1, 6)
    clipped, counts = windowed(signals, window_hu=40.0)
    assert clipped.flatten().tolist() == [-0.5, -0.5, -0.25, 0.0, 0.5, 0.5]
    assert counts.flatten().tolist() == [0, 1, 1, 1, 1, 1]


def test_a_mixture_with_the_outside_counts_as_outside() -> None:
    """Turning a patch mixes neighbouring voxels; brain with a sixth of the outside would look like fluid."""
    mixture = torch.tensor([OUTSIDE * share for share in (0.05, 0.1, 0.2, 0.5)]).view(1, 1, 1, 1, 4)
    assert windowed(mixture, 100.0)[1].flatten().tolist() == [1, 1, 0, 0]
