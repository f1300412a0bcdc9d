"""Settings are checked once; what cannot be trained is refused before anything is spent on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bohpo.errors import UsageError
from bohpo.study import Study
from bohpo.trainer import Configuration
from trainers.metastasis import feasible
from trainers.metastasis.settings import Settings
from trainers.metastasis.structure import Structure

STUDIES = Path(__file__).parents[3] / "studies"


def test_every_mistake_is_named_at_once(configuration: Configuration) -> None:
    broken = {**configuration, "kernel": 2.5, "normalisation": "layer", "residual": "maybe", "optimizer": "rmsprop"}
    with pytest.raises(UsageError) as caught:
        Settings.from_configuration({**broken, "depth": 3})
    named = {line.partition(":")[0] for line in str(caught.value).splitlines()}
    assert named == {"kernel", "normalisation", "residual", "optimizer", "depth"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels": 4, "patch_edge": 20}, r"^patch_edge: 4 levels need a multiple of 8, not 20; write 16"),
        ({"levels": 4, "kernel": 5}, r"^kernel: 5 reaches beyond the 2 cells"),
        ({"levels": 4, "normalisation": "instance"}, r"^normalisation: instance has 8 values to go by"),
        ({"base_width": 256, "batch": 64, "patch_edge": 64}, r"^memory_gib: a step of this network needs about \d+"),
    ],
)
def test_impossible_networks_are_infeasible_and_refused_with_a_remedy(
    configuration: Configuration, changes: dict[str, str | int], message: str
) -> None:
    asked: Configuration = {**configuration, **changes}
    assert feasible(configuration)
    assert not feasible(asked)
    with pytest.raises(UsageError, match=message):
        Settings.from_configuration(asked)


def test_smaller_parts_of_a_batch_and_recomputed_activations_need_less_memory(configuration: Configuration) -> None:
    large = {**configuration, "convolutions": 3, "batch": 32, "patch_edge": 32}
    structure = Structure.of(large)
    plain, recomputed = (structure.training_bytes(32, 32, is_recomputed=choice) for choice in (False, True))
    assert 0.3 * plain < recomputed < plain
    tight = {**large, "memory_gib": (plain + recomputed) / 2 / 2**30}
    assert not feasible(tight)
    assert feasible({**tight, "accumulate": 2})
    assert feasible({**tight, "checkpointing": True})
    assert not feasible({**tight, "checkpointing": True, "memory_gib": 0.9 * recomputed / 2**30})


def test_costly_networks_have_to_do_with_fewer_steps(configuration: Configuration) -> None:
    config = {**configuration, "iterations": 500, "teraoperations": 0.05}
    cheap = Settings.from_configuration(config)
    costly = Settings.from_configuration({**config, "base_width": 16, "kernel": 5, "batch": 16})
    assert cheap.steps == 500
    assert costly.steps < 100
    spent = costly.steps * costly.voxels_per_step * costly.structure.operations
    assert spent == pytest.approx(0.05e12, rel=1 / costly.steps)
    assert Settings.from_configuration({**config, "megavoxels": 0.1}).steps == int(0.1e6 / (4 * 16**3))
    assert Settings.from_configuration({**config, "teraoperations": 1e-6}).steps == 1


def test_settings_survive_json(configuration: Configuration) -> None:
    settings = Settings.from_configuration(configuration)
    assert Settings.from_configuration(settings.to_json()) == settings


@pytest.mark.parametrize("name", ["metastasis", "metastasis-tiny"])
def test_the_studies_search_seventeen_parameters_and_what_is_feasible_is_taken(name: str) -> None:
    study = Study.load(STUDIES / f"{name}.toml")
    assert len(study.space) == 17
    rng, refused = np.random.default_rng(0), 0
    for _ in range(200):
        config = {**study.fixed, **study.space.decode(rng.random(len(study.space)))}
        if feasible(config):
            Settings.from_configuration(config)
        else:
            refused += 1
            with pytest.raises(UsageError, match=r"^(patch_edge|kernel|normalisation|memory_gib): "):
                Settings.from_configuration(config)
    assert 0 < refused < 150
