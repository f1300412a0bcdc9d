"""Settings are checked once, and every mistake is named."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from bohpo.errors import UsageError
from bohpo.study import Study
from bohpo.trainer import Configuration
from trainers.aneurysm import feasible
from trainers.aneurysm.settings import Settings


def test_a_missing_parameter_is_named_with_its_remedy(configuration: Configuration) -> None:
    without = {key: value for key, value in configuration.items() if key != "dropout"}
    with pytest.raises(UsageError, match=r"^dropout: missing; add it to \[space\], or to \[fixed\]"):
        Settings.from_configuration(without)


def test_an_unknown_key_is_named_with_the_one_that_was_meant(configuration: Configuration) -> None:
    with pytest.raises(UsageError, match=r"learning_rat: .* did you mean learning_rate"):
        Settings.from_configuration({**configuration, "learning_rat": 0.1})


def test_all_mistakes_are_reported_at_once(configuration: Configuration) -> None:
    broken = {**configuration, "batch": 0, "patch_edge": 20, "network": "vgg", "augmentation": "strong", "data": 3}
    with pytest.raises(UsageError) as caught:
        Settings.from_configuration({**broken, "foo": 1})
    named = {line.partition(":")[0] for line in str(caught.value).splitlines()}
    assert named == {"batch", "patch_edge", "network", "augmentation", "data", "foo"}


@pytest.mark.parametrize("value", [True, "8", 8.5, None, float("nan")])
def test_a_batch_must_be_a_whole_number(configuration: Configuration, value: str | float | None) -> None:
    with pytest.raises(UsageError, match=r"batch: .* write a whole number"):
        Settings.from_configuration({**configuration, "batch": value})


def test_whole_numbers_may_be_written_as_floats_and_the_other_way_round(configuration: Configuration) -> None:
    settings = Settings.from_configuration({**configuration, "batch": 8.0, "limit": 3})
    assert (settings.batch, settings.limit) == (8, 3.0)
    assert isinstance(settings.batch, int)
    assert isinstance(settings.limit, float)


def test_the_budget_of_voxels_cuts_the_steps_of_large_batches_only(configuration: Configuration) -> None:
    fixed = {"iterations": 400, "megavoxels": 25.0}
    small = Settings.from_configuration({**configuration, **fixed, "batch": 4, "patch_edge": 16})
    large = Settings.from_configuration({**configuration, **fixed, "batch": 32, "patch_edge": 32})
    assert small.steps == 400
    assert large.steps == 25_000_000 // 32**4
    assert Settings.from_configuration({**configuration, "megavoxels": 0.001}).steps == 1


def test_settings_survive_json(configuration: Configuration) -> None:
    settings = Settings.from_configuration(configuration)
    assert Settings.from_configuration(settings.to_json()) == settings


SIZES = [(edge, batch) for edge in (8, 12, 16, 20, 24) for batch in (1, 2)]


@pytest.mark.parametrize("network", ["unet3d", "nine_projection"])
@pytest.mark.parametrize(("edge", "batch"), SIZES)
def test_what_is_feasible_is_what_the_network_learns_from(
    configuration: Configuration, network: str, edge: int, batch: int
) -> None:
    torch = pytest.importorskip("torch")
    networks = importlib.import_module("trainers.aneurysm.networks")
    made = networks.UNet3D(2, 0.0) if network == "unet3d" else networks.NineProjectionNet(edge, 2, 0.0)
    asked = {**configuration, "network": network, "patch_edge": edge, "batch": batch}
    try:
        made.train()(torch.zeros(batch, 1, edge, edge, edge)).sum().backward()
    except (RuntimeError, ValueError):
        assert not feasible(asked)
    else:
        assert feasible(asked) or edge % 8  # the nine projections of other edges lose their rim
    if feasible(asked):
        Settings.from_configuration(asked)
    else:
        with pytest.raises(UsageError, match=r"^(patch_edge|batch): "):
            Settings.from_configuration(asked)


def test_the_network_that_counts_by_default_is_the_u_net(configuration: Configuration) -> None:
    asked = {**configuration, "patch_edge": 8, "batch": 1}
    assert "network" not in asked
    assert not feasible(asked)
    assert feasible({**asked, "batch": 2})
    assert feasible({**asked, "network": "nine_projection"})


@pytest.mark.parametrize("name", ["quickstart", "quickstart-random", "aneurysm", "aneurysm-tiny"])
def test_the_studies_search_feasible_configurations_only(name: str) -> None:
    study = Study.load(Path(__file__).parents[3] / "studies" / f"{name}.toml")
    rng = np.random.default_rng(0)
    assert all(feasible({**study.fixed, **study.space.decode(rng.random(len(study.space)))}) for _ in range(200))
