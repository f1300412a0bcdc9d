"""The samplers that are raced, by name."""

from __future__ import annotations

import dataclasses
import sys

import optuna
import pytest

from bohpo.errors import UsageError
from bohpo.optimizer import BayesianSampler, Recipe
from tests.benchmarks import samplers
from tests.benchmarks.ax_sampler import whole_space
from tests.benchmarks.samplers import ABLATIONS, PEERS, make_sampler, sampler_names, without
from tests.benchmarks.tasks import load_task

TASK = load_task("network-17")


def test_every_name_makes_a_sampler() -> None:
    assert isinstance(make_sampler("bohpo", 0, TASK), BayesianSampler)
    assert all(isinstance(make_sampler(peer, 0, TASK), optuna.samplers.BaseSampler) for peer in PEERS)
    assert isinstance(make_sampler("optuna.samplers:NSGAIISampler", 0, TASK), optuna.samplers.NSGAIISampler)


def test_every_field_of_the_recipe_is_left_out_once_and_alone() -> None:
    whole = dataclasses.asdict(Recipe())
    changed = [
        [key for key, value in dataclasses.asdict(recipe).items() if value != whole[key]]
        for recipe in ABLATIONS.values()
    ]
    assert sorted(changed) == sorted([key] for key in whole)


def test_a_variant_is_bohpo_with_that_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, object]] = []
    monkeypatch.setattr(samplers, "BayesianSampler", lambda **arguments: made.append(arguments))
    for part, recipe in ABLATIONS.items():
        make_sampler(without(part), 7, TASK)
        assert made.pop() == {"seed": 7, "recipe": recipe}


def test_variants_come_after_the_samplers() -> None:
    part = next(iter(ABLATIONS))
    assert sampler_names("gp,bohpo,gp", part) == ["gp", "bohpo", f"bohpo without {part}"]


@pytest.mark.parametrize(
    ("names", "parts", "remedy"),
    [
        ("bohpo,ranodm", "", "did you mean 'random'"),
        ("xyz", "", r"there are bohpo, gp, .*module:Class"),
        ("no_such_module:Sampler", "", "is its folder on PYTHONPATH"),
        ("optuna.samplers:NoSuchSampler", "", "is its folder on PYTHONPATH"),
        ("bohpo", "no-such-part", "the recipe has no part 'no-such-part'; there are "),
    ],
)
def test_an_unknown_name_is_refused_with_a_remedy(names: str, parts: str, remedy: str) -> None:
    with pytest.raises(UsageError, match=remedy):
        sampler_names(names, parts)


def test_ax_is_refused_with_a_remedy_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ax", None)
    with pytest.raises(UsageError, match="pip install ax-platform"):
        sampler_names("bohpo,ax")


def test_the_whole_space_of_a_conditional_task_is_found() -> None:
    assert set(whole_space(TASK)) >= {"momentum", "growth", "focus", "asymmetry", "learning_rate"}
    assert len(whole_space(TASK)) == 17
