"""The samplers that are raced, by name."""

from __future__ import annotations

import dataclasses
import sys

import optuna
import pytest

from bohpo.errors import UsageError
from bohpo.optimizer import BayesianSampler, Recipe
from tests.benchmarks.ax_sampler import whole_space
from tests.benchmarks.samplers import PEERS, ablations, make_sampler, sampler_names, without
from tests.benchmarks.tasks import load_task

TASK = load_task("network-17")


def test_every_name_makes_a_sampler() -> None:
    assert isinstance(make_sampler("bohpo", 0, TASK), BayesianSampler)
    assert all(isinstance(make_sampler(peer, 0, TASK), optuna.samplers.BaseSampler) for peer in PEERS)
    assert isinstance(make_sampler("optuna.samplers:NSGAIISampler", 0, TASK), optuna.samplers.NSGAIISampler)


def test_a_variant_differs_from_the_recipe_in_its_switch_alone() -> None:
    whole = dataclasses.asdict(Recipe())
    assert ablations()
    for switch, recipe in ablations().items():
        changed = {key: value for key, value in dataclasses.asdict(recipe).items() if value != whole[key]}
        assert changed == {switch: False}
        assert isinstance(make_sampler(without(switch), 0, TASK), BayesianSampler)


def test_variants_come_after_the_samplers() -> None:
    switch = next(iter(ablations()))
    assert sampler_names("gp,bohpo,gp", switch) == ["gp", "bohpo", f"bohpo without {switch}"]


@pytest.mark.parametrize(
    ("samplers", "switches", "remedy"),
    [
        ("bohpo,ranodm", "", "did you mean 'random'"),
        ("xyz", "", r"there are bohpo, gp, .*module:Class"),
        ("no_such_module:Sampler", "", "is its folder on PYTHONPATH"),
        ("optuna.samplers:NoSuchSampler", "", "is its folder on PYTHONPATH"),
        ("bohpo", "no-such-switch", "the recipe has no switch 'no-such-switch'; there are "),
    ],
)
def test_an_unknown_name_is_refused_with_a_remedy(samplers: str, switches: str, remedy: str) -> None:
    with pytest.raises(UsageError, match=remedy):
        sampler_names(samplers, switches)


def test_ax_is_refused_with_a_remedy_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ax", None)
    with pytest.raises(UsageError, match="pip install ax-platform"):
        sampler_names("bohpo,ax")


def test_the_whole_space_of_a_conditional_task_is_found() -> None:
    assert set(whole_space(TASK)) >= {"momentum", "growth", "focus", "asymmetry", "learning_rate"}
    assert len(whole_space(TASK)) == 17
