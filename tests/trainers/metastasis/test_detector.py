"""The detector marks volumes of any size, in the brain only, and learns from its loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bohpo.trainer import Configuration
from trainers.cad.case import Case, Image, Split, by_name
from trainers.metastasis.application import Metastasis
from trainers.metastasis.detector import ENHANCING, MARKS_PER_CASE, MetastasisDetector, anchors, tiling
from trainers.metastasis.intensity import BACKGROUND, is_brain
from trainers.metastasis.settings import Settings

CPU = torch.device("cpu")


def _detector(configuration: Configuration) -> MetastasisDetector:
    torch.manual_seed(0)
    detector = MetastasisDetector(Settings.from_configuration(configuration), CPU)
    detector.network.eval()
    return detector


def _half_a_brain(shape: tuple[int, int, int]) -> Image:
    volume = np.random.default_rng(0).normal(0, 0.3, size=shape).astype(np.float32)
    volume[: shape[0] // 2] = BACKGROUND
    return volume


@pytest.mark.parametrize("shape", [(18, 17, 31), (40, 33, 25)])
def test_marks_lie_in_the_brain_highest_first(configuration: Configuration, shape: tuple[int, int, int]) -> None:
    case = Case("noise", _half_a_brain(shape), 1.5, np.empty((0, 3)), np.empty(0))
    found = _detector(configuration).examine(case)
    assert 0 < len(found.marks) <= MARKS_PER_CASE
    z = found.marks[:, 2] / case.spacing
    assert (z >= shape[0] // 2 - 2).all()
    assert (np.diff(found.scores) <= 0).all()


def test_a_volume_without_a_brain_gets_no_marks(configuration: Configuration) -> None:
    case = Case("empty", np.full((16, 16, 16), BACKGROUND, np.float32), 1.5, np.empty((0, 3)), np.empty(0))
    assert len(_detector(configuration).examine(case).marks) == 0


def test_half_of_the_anchors_enhance_and_all_lie_in_the_brain() -> None:
    volume = _half_a_brain((20, 20, 20))
    volume[15, 4:9, 6] = 2.0
    drawn = anchors(volume, np.random.default_rng(0)).astype(int)
    values = volume[tuple(drawn.T)]
    assert (values > ENHANCING).mean() >= 0.5
    assert is_brain(volume)[tuple(drawn.T)].all()


def test_a_volume_without_a_brain_has_anchors_all_the_same() -> None:
    assert len(anchors(np.full((8, 8, 8), BACKGROUND, np.float32), np.random.default_rng(0))) > 0


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_tiles_and_halos_are_divisible_as_the_network_needs_it(configuration: Configuration, levels: int) -> None:
    structure = Settings.from_configuration({**configuration, "levels": levels, "patch_edge": 48}).structure
    found = tiling(structure)
    assert found.tile % structure.multiple == found.halo % structure.multiple == 0
    assert found.halo >= min(structure.reach, 48)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_steps_of_the_chosen_optimizer_lower_the_loss(configuration: Configuration, optimizer: str) -> None:
    config = {**configuration, "optimizer": optimizer, "learning_rate": 1e-3}
    settings, detector = Settings.from_configuration(config), _detector(config)
    cases = by_name(Metastasis().cases(settings, Split.TRAINING))
    batch = detector.patches(cases, np.random.default_rng(0)).draw(np.random.default_rng(1)).to(CPU)
    steps = detector.optimizer()
    assert type(steps).__name__.lower() == optimizer
    before = detector.loss(batch)
    before.backward()  # type: ignore[no-untyped-call]
    steps.step()
    assert detector.loss(batch).item() < before.item()


def test_where_the_brain_lies_in_the_volume_does_not_move_its_marks(configuration: Configuration) -> None:
    detector, brain = _detector(configuration), np.random.default_rng(0).normal(size=(16, 16, 16)).astype(np.float32)
    found = []
    for before in (8, 16):
        volume = np.full((48, 48, 48), BACKGROUND, np.float32)
        volume[before : before + 16, before : before + 16, before : before + 16] = np.clip(brain, -0.9, None)
        case = Case("noise", volume, 1.5, np.empty((0, 3)), np.empty(0))
        found.append(detector.examine(case).marks - before * case.spacing)
    assert found[0] == pytest.approx(found[1])


def test_an_untrained_network_takes_metastases_for_rare(configuration: Configuration) -> None:
    heat = _detector(configuration).heat_map(_half_a_brain((16, 16, 16)))
    assert 1 / (1 + np.exp(-np.median(heat))) < 0.1
