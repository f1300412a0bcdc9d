"""Detectors mark volumes of any size, and tiles leave no seams."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from bohpo.trainer import Configuration
from trainers.aneurysm import detectors
from trainers.aneurysm.application import Aneurysm
from trainers.aneurysm.detectors import Detector, HeatMapDetector, make_detector
from trainers.aneurysm.settings import NETWORKS, Settings
from trainers.cad.case import Case, Image, Split, by_name

CPU = torch.device("cpu")


def _noise(shape: tuple[int, int, int]) -> Image:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _detector(configuration: Configuration, network: str) -> Detector:
    torch.manual_seed(0)
    settings = Settings.from_configuration({**configuration, "network": network})
    detector = make_detector(dataclasses.replace(settings, width=2), CPU)
    detector.network.eval()
    return detector


def test_tiles_leave_no_seams(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    detector, volume = _detector(configuration, "unet3d"), _noise((130, 60, 116))
    assert isinstance(detector, HeatMapDetector)
    whole = detector.heat_map(volume)
    monkeypatch.setattr(detectors, "TILING", dataclasses.replace(detectors.TILING, tile=32, batch=3))
    assert detector.heat_map(volume) == pytest.approx(whole, abs=1e-5)


def test_the_heat_map_of_a_mirror_image_is_the_mirrored_heat_map(configuration: Configuration) -> None:
    detector, volume = _detector(configuration, "unet3d"), _noise((16, 24, 32))
    assert isinstance(detector, HeatMapDetector)
    mirrored = detector.heat_map(np.ascontiguousarray(volume[..., ::-1]))
    assert mirrored[..., ::-1] == pytest.approx(detector.heat_map(volume), abs=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("shape", [(9, 17, 31), (40, 33, 25)])
def test_marks_lie_in_the_volume_highest_first(
    configuration: Configuration, network: str, shape: tuple[int, int, int]
) -> None:
    case = Case("noise", _noise(shape), 0.8, np.empty((0, 3)), np.empty(0))
    found = _detector(configuration, network).examine(case)
    assert 0 < len(found.marks) <= detectors.MARKS_PER_CASE
    assert case.holds(found.marks).all()
    assert (np.diff(found.scores) <= 0).all()


def test_a_volume_without_candidates_gets_no_marks(configuration: Configuration) -> None:
    case = Case("empty", np.zeros((16, 16, 16), np.float32), 0.8, np.empty((0, 3)), np.empty(0))
    assert len(_detector(configuration, "nine_projection").examine(case).marks) == 0


@pytest.mark.parametrize("network", NETWORKS)
def test_a_step_against_the_gradient_lowers_the_loss(configuration: Configuration, network: str) -> None:
    settings = Settings.from_configuration(configuration)
    detector, rng = _detector(configuration, network), np.random.default_rng(0)
    cases = by_name(Aneurysm().cases(settings, Split.TRAINING))
    batch = detector.patches(cases, rng).draw(rng, slice(None)).to(CPU)
    before = detector.loss(batch)
    before.backward()  # type: ignore[no-untyped-call]
    torch.optim.SGD(detector.network.parameters(), lr=1e-3).step()
    assert detector.loss(batch).item() < before.item()
