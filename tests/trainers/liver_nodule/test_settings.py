"""Settings are checked once, and what is feasible is what the network takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bohpo.errors import UsageError
from bohpo.study import Study
from bohpo.trainer import Configuration
from trainers.liver_nodule import feasible
from trainers.liver_nodule.networks import UNet4d
from trainers.liver_nodule.settings import Settings

STUDIES = Path(__file__).parents[3] / "studies"


@pytest.mark.parametrize("phase_kernel", [2, 4])
def test_a_kernel_without_a_middle_is_refused(configuration: Configuration, phase_kernel: int) -> None:
    with pytest.raises(UsageError, match=f"^phase_kernel: {phase_kernel} has no middle; write 1, 3 or 5"):
        Settings.from_configuration({**configuration, "phase_kernel": phase_kernel})


def test_an_edge_that_cannot_be_halved_so_often_is_refused_with_the_nearest_one(configuration: Configuration) -> None:
    with pytest.raises(UsageError, match=r"^patch_edge: 20 is not divisible by 8, which 3 levels need; write 16"):
        Settings.from_configuration({**configuration, "patch_edge": 20})


def test_a_missing_parameter_is_named_with_the_application(configuration: Configuration) -> None:
    without = {key: value for key, value in configuration.items() if key != "focal_gamma"}
    with pytest.raises(UsageError, match=r"^focal_gamma: missing; add it to \[space\]"):
        Settings.from_configuration(without)
    with pytest.raises(UsageError, match="the liver nodule trainer knows no such setting; did you mean focal_alpha"):
        Settings.from_configuration({**configuration, "focal_alfa": 0.3})


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
@pytest.mark.parametrize("edge", [8, 12, 16, 20, 24])
def test_what_is_feasible_is_what_the_network_learns_from(configuration: Configuration, edge: int, levels: int) -> None:
    asked = {**configuration, "patch_edge": edge, "levels": levels, "batch": 1}
    network = UNet4d(width=1, levels=levels, phase_kernel=1, dropout=0.0)
    try:
        network(torch.zeros(1, 5, edge, edge, edge)).sum().backward()
    except RuntimeError:
        assert not feasible(asked)
    else:
        assert feasible(asked)
    if feasible(asked):
        Settings.from_configuration(asked)
    else:
        with pytest.raises(UsageError, match=r"^patch_edge: "):
            Settings.from_configuration(asked)


@pytest.mark.parametrize("name", ["liver_nodule", "liver_nodule-tiny"])
def test_the_studies_search_feasible_configurations_only(name: str) -> None:
    study = Study.load(STUDIES / f"{name}.toml")
    rng = np.random.default_rng(0)
    assert len(study.space) == 12
    for _ in range(100):
        asked = {**study.fixed, **study.space.decode(rng.random(len(study.space)))}
        assert feasible(asked)
        Settings.from_configuration(asked)


def test_the_full_study_follows_the_protocol_of_the_source() -> None:
    study = Study.load(STUDIES / "liver_nodule.toml")
    assert (study.budget.trials, study.parallel.jobs) == (50, 8)
    counts = [study.fixed[f"{split}_cases"] for split in ("training", "validation", "test")]
    assert counts == [84, 36, 45]
