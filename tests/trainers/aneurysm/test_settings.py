"""Settings are checked once, and every mistake is named."""

from __future__ import annotations

import pytest

from bohpo.errors import UsageError
from bohpo.trainer import Configuration
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
