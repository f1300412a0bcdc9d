"""The detector marks volumes of any size, and varies what breathing varies."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from bohpo.trainer import Configuration
from trainers.cad.case import Case, Floats, Split
from trainers.liver_nodule import detector
from trainers.liver_nodule.application import LiverNodule
from trainers.liver_nodule.detector import MARKS_PER_CASE, NoduleDetector, anchors, shift_phases
from trainers.liver_nodule.settings import Settings


def _made(configuration: Configuration) -> NoduleDetector:
    torch.manual_seed(0)
    made = NoduleDetector(Settings.from_configuration(configuration), torch.device("cpu"))
    made.network.eval()
    return made


def _case(shape: tuple[int, int, int], centres: Floats | None = None) -> Case:
    volume = np.random.default_rng(0).normal(size=(5, *shape)).astype(np.float32)
    centres = np.empty((0, 3)) if centres is None else centres
    return Case("case", volume, 2.0, centres, np.full(len(centres), 12.0))


def test_tiles_leave_no_seams(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    made, volume = _made({**configuration, "levels": 2}), _case((70, 20, 76)).volume
    whole = made.heat_map(volume)
    assert whole.shape == (35, 10, 38)
    monkeypatch.setattr(detector, "TILING", dataclasses.replace(detector.TILING, tile=32))
    assert made.heat_map(volume) == pytest.approx(whole, abs=1e-4)


@pytest.mark.parametrize("shape", [(9, 17, 31), (24, 33, 20)])
def test_marks_lie_in_the_volume_highest_first(configuration: Configuration, shape: tuple[int, int, int]) -> None:
    case = _case(shape, np.array([[10.0, 10.0, 10.0]]))
    marked = _made(configuration).examine(case)
    assert 0 < len(marked.marks) <= MARKS_PER_CASE
    assert case.holds(marked.marks).all()
    assert (np.diff(marked.scores) <= 0).all()
    assert marked.lesions.tolist() == [[10.0, 10.0, 10.0]]


def test_excluded_nodules_go_with_the_marks(configuration: Configuration) -> None:
    excluded, diameters = np.array([[8.0, 9.0, 10.0]]), np.array([7.0])
    case = dataclasses.replace(_case((12, 12, 12)), excluded=excluded, excluded_diameters=diameters)
    marked = _made(configuration).examine(case)
    assert marked.excluded.tolist() == [[8.0, 9.0, 10.0]]
    assert marked.excluded_diameters.tolist() == [7.0]


def test_a_cell_s_mark_lies_in_the_middle_of_its_voxels(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, case = _made(configuration), _case((16, 16, 16))
    heat = np.full((8, 8, 8), -5.0, np.float32)
    heat[2, 3, 4] = 1.0
    monkeypatch.setattr(made, "heat_map", lambda _: heat)
    [best, *_] = case.to_voxels(made.examine(case).marks)
    assert best == pytest.approx([4.5, 6.5, 8.5])


def test_half_of_the_anchors_lie_where_the_last_phase_is_bright() -> None:
    case = _case((20, 20, 20))
    case.volume[-1] = -1.0
    case.volume[-1, 5:8, 5:8, 5:8] = 1.0
    points = anchors(case, np.random.default_rng(0))
    in_liver = ((points >= 5) & (points < 8)).all(axis=1)
    assert in_liver.mean() == pytest.approx(0.5, abs=0.05)


def test_phases_are_shifted_one_by_one_and_the_last_never() -> None:
    images = torch.from_numpy(_case((16, 16, 16)).volume)[None].repeat(3, 1, 1, 1, 1)
    shifted = shift_phases(np.random.default_rng(0), images, 2.0)
    assert torch.allclose(shifted[:, -1], images[:, -1], atol=1e-5)
    differences = (shifted - images)[:, :-1].abs().mean(dim=(2, 3, 4))
    assert (differences > 0.1).all()
    assert len(set(differences.flatten().tolist())) == differences.numel()


def test_a_shift_moves_a_phase_by_at_most_what_was_asked_for() -> None:
    edge, middle = 17, 8
    ball = torch.zeros(1, 5, edge, edge, edge)
    ball[..., middle, middle, middle] = 1.0
    seen = shift_phases(np.random.default_rng(1), ball.repeat(40, 1, 1, 1, 1), 1.5)
    grid = torch.stack(torch.meshgrid(*3 * [torch.arange(edge) - float(middle)], indexing="ij"))
    moved = torch.einsum("bpzyx,czyx->bpc", seen, grid) / seen.sum(dim=(2, 3, 4))[..., None]
    assert moved[:, :-1].abs().max() <= 1.5 + 1e-3
    assert moved[:, :-1].abs().amax(dim=(0, 1)).min() > 1.0
    assert moved[:, -1].abs().max() < 1e-4


def test_a_phantom_s_nodules_lie_where_its_last_phase_is_dark(configuration: Configuration) -> None:
    settings = Settings.from_configuration({**configuration, "validation_cases": 10})
    darker = []
    for case in LiverNodule().cases(settings, Split.VALIDATION):
        liver = np.median(case.volume[-1][case.volume[-1] > detector.BRIGHT])
        for voxel in np.rint(case.to_voxels(case.centres)).astype(int):
            z, y, x = np.clip(voxel, 0, np.array(case.shape) - 1)
            darker.append(case.volume[-1, z, y, x] < liver - 0.1)
    assert len(darker) > 5
    assert np.mean(darker) > 0.9
