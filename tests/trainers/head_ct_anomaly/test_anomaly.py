"""Patches are scored by their error inside the skull, the case by the worst of them, and the map by those around."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bohpo.trainer import Configuration
from trainers.cad.case import Case, Image
from trainers.head_ct_anomaly.anomaly import AnomalyLearner, Patches
from trainers.head_ct_anomaly.attenuation import HU_PER_UNIT, OUTSIDE, is_inside
from trainers.head_ct_anomaly.settings import Settings

CPU = torch.device("cpu")


class _Nothing(nn.Module):
    """Reconstructs every patch as brain of the window's middle."""

    def forward(self, patches: Tensor) -> Tensor:
        return torch.zeros_like(patches)


@pytest.fixture
def learner(configuration: Configuration) -> AnomalyLearner:
    made = AnomalyLearner(Settings.from_configuration({**configuration, "patch_edge": 8}), CPU)
    made.network = _Nothing()
    return made


def _case(signal: Image, centre: tuple[float, float, float] | None = None) -> Case:
    """Make a case of 2 mm voxels with a finding of 6 mm at a voxel z, y, x."""
    centres = np.empty((0, 3)) if centre is None else 2 * np.array([centre])[:, ::-1]
    return Case("head", signal, 2.0, centres, np.full(len(centres), 6.0), label=True)


def _cube(inside: slice = slice(4, 36)) -> Image:
    signal = np.full((40, 40, 40), OUTSIDE, np.float32)
    signal[inside, inside, inside] = 0.0
    return signal


def test_the_worst_patch_is_the_one_around_what_is_not_reproduced(learner: AnomalyLearner) -> None:
    signal = _cube()
    signal[20:24, 12:16, 28:32] = 0.5
    patches = learner.score_patches(_case(signal))
    corner = patches.corners[patches.worst]
    assert (corner <= [20, 12, 28]).all() and (corner + 8 >= [24, 16, 32]).all()
    # 4^3 of the 8^3 voxels are off by 0.5 units.
    assert patches.scores.max() == pytest.approx(HU_PER_UNIT * 0.5 * (1 / 8) ** 0.5)
    assert np.median(patches.scores) == 0
    examined = learner.examine(_case(signal, (21.5, 13.5, 29.5)))
    assert examined.score == patches.scores.max()
    assert examined.is_on_finding is True
    assert learner.examine(_case(signal, (8.0, 30.0, 10.0))).is_on_finding is False
    assert learner.examine(_case(signal)).is_on_finding is None


def test_errors_beyond_the_window_do_not_count(learner: AnomalyLearner) -> None:
    signal = _cube()
    signal[20:24, 12:16, 28:32] = 10.0
    half_window = learner.settings.window_hu / 2
    assert learner.score_patches(_case(signal)).scores.max() == pytest.approx(half_window * (1 / 8) ** 0.5)


def test_patches_with_little_inside_are_not_scored(learner: AnomalyLearner) -> None:
    case = _case(_cube())
    patches, inside = learner.score_patches(case), is_inside(case.volume)
    padded = np.pad(inside, 8)
    shares = [padded[z + 8 : z + 16, y + 8 : y + 16, x + 8 : x + 16].mean() for z, y, x in patches.corners]
    assert min(shares) >= 0.75
    covered = np.zeros_like(padded)
    for z, y, x in patches.corners:
        covered[z + 8 : z + 16, y + 8 : y + 16, x + 8 : x + 16] = True
    assert covered[8:-8, 8:-8, 8:-8][inside].all(), "all of the inside is looked at"


def test_a_head_at_the_volume_s_border_is_scored_up_to_it(learner: AnomalyLearner) -> None:
    signal = _cube(slice(0, 40))
    signal[36:40, 36:40, 36:40] = 0.5
    patches = learner.score_patches(_case(signal))
    assert (patches.corners[patches.worst] + 8 >= 40).all()


def test_a_tiny_inside_still_has_a_score(learner: AnomalyLearner) -> None:
    signal = _cube(slice(20, 22))
    assert np.isfinite(learner.examine(_case(signal)).score)


def test_the_map_is_the_mean_of_the_scores_of_the_patches_around_each_voxel() -> None:
    patches = Patches(np.array([[0, 0, 0], [0, 0, 2], [-2, 0, 0]]), 4, np.array([1.0, 4.0, 7.0]))
    found = patches.mean_score_map((5, 5, 7))
    assert found[0, 0].tolist() == [4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 0.0]
    assert found[3, 0].tolist() == [1.0, 1.0, 2.5, 2.5, 4.0, 4.0, 0.0]
    assert found[4].max() == 0


def test_a_case_s_map_is_hottest_around_what_is_not_reproduced_and_cold_outside(learner: AnomalyLearner) -> None:
    signal = _cube()
    signal[20:24, 14:18, 22:26] = 0.5
    found = learner.anomaly_map(_case(signal))
    assert (found[~is_inside(signal)] == 0).all()
    hottest = np.argwhere(found > 0.9 * found.max()).mean(axis=0)
    assert np.abs(hottest - [21.5, 15.5, 23.5]).max() < 2
    assert found[8, 30, 10] == 0


def test_the_loss_is_the_mean_over_patches_of_their_own_mean(configuration: Configuration, case: Case) -> None:
    settings = Settings.from_configuration({**configuration, "corruption_hu": 0.0, "batch": 6})
    torch.manual_seed(0)
    learner = AnomalyLearner(settings, CPU)
    learner.network.eval()
    batch = learner.patches([case], np.random.default_rng(0)).draw(np.random.default_rng(1))
    parts = [learner.loss(batch.part(slice(number, number + 1))) for number in range(6)]
    assert learner.loss(batch).item() == pytest.approx(np.mean([part.item() for part in parts]), rel=1e-5)


def test_the_encoder_sees_noise_and_is_asked_for_what_is_below(configuration: Configuration, case: Case) -> None:
    noisy = AnomalyLearner(Settings.from_configuration({**configuration, "corruption_hu": 20.0}), CPU)
    noisy.network = nn.Identity()
    batch = noisy.patches([case], np.random.default_rng(0)).draw(np.random.default_rng(1))
    torch.manual_seed(0)
    loss = noisy.loss(batch)
    # What comes out is what was seen, so all of the loss is the noise: its variance, in units.
    assert loss.item() == pytest.approx((20.0 / HU_PER_UNIT) ** 2, rel=0.1)
    torch.manual_seed(0)
    assert noisy.loss(batch).item() == loss.item()


def test_patches_are_drawn_around_the_inside_of_the_skull(configuration: Configuration, case: Case) -> None:
    settings = Settings.from_configuration({**configuration, "batch": 32, "augmentation": 0.0})
    batch = AnomalyLearner(settings, CPU).patches([case], np.random.default_rng(0)).draw(np.random.default_rng(2))
    middle = batch.images[:, 0, 7:9, 7:9, 7:9]
    assert (middle > -2).flatten(1).any(dim=1).all()
