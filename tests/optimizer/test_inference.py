"""The conditions of a define-by-run study are learned from its trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from bohpo.optimizer import BayesianSampler
from bohpo.optimizer.inference import infer_space

DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "optimizer": CategoricalDistribution(["adamw", "sgd", "lion"]),
    "momentum": FloatDistribution(0.0, 0.99),
    "nesterov": CategoricalDistribution([False, True]),
    "damping": FloatDistribution(0.0, 1.0),
    "lr": FloatDistribution(1e-4, 1.0, log=True),
}


def make_trial(state: TrialState = TrialState.COMPLETE, **params: object) -> FrozenTrial:
    distributions = {name: DISTRIBUTIONS[name] for name in params}
    value = 0.0 if state is TrialState.COMPLETE else None
    return create_trial(state=state, value=value, params=params, distributions=distributions)


def conditions(*trials: FrozenTrial) -> dict[str, dict[str, tuple[object, ...]]]:
    space = infer_space(trials)
    return {parameter.name: dict(parameter.when) for parameter in space.parameters if parameter.when}


def test_without_trials_the_space_is_empty() -> None:
    assert infer_space([]).names == ()


def test_parameters_that_all_trials_have_are_unconditional() -> None:
    assert conditions(make_trial(lr=0.1, optimizer="sgd"), make_trial(lr=0.2, optimizer="adamw")) == {}


def test_a_parameter_depends_on_the_choice_that_explains_it() -> None:
    found = conditions(
        make_trial(lr=0.1, optimizer="sgd", momentum=0.5),
        make_trial(lr=0.1, optimizer="adamw"),
        make_trial(lr=0.3, optimizer="lion"),
    )
    assert found == {"momentum": {"optimizer": ("sgd",)}}


def test_a_choice_that_was_not_seen_yet_is_taken_to_make_it_active() -> None:
    found = conditions(make_trial(optimizer="sgd", momentum=0.5), make_trial(optimizer="adamw"))
    assert found == {"momentum": {"optimizer": ("sgd", "lion")}}


def test_conditions_nest() -> None:
    found = conditions(
        make_trial(optimizer="sgd", nesterov=True, damping=0.1),
        make_trial(optimizer="sgd", nesterov=False),
        make_trial(optimizer="adamw"),
        make_trial(optimizer="lion"),
    )
    assert found == {"nesterov": {"optimizer": ("sgd",)}, "damping": {"nesterov": (True,)}}


def test_two_parameters_that_go_together_depend_on_their_common_cause() -> None:
    found = conditions(
        make_trial(optimizer="sgd", nesterov=True, momentum=0.1),
        make_trial(optimizer="adamw"),
        make_trial(optimizer="lion"),
    )
    assert found == {"nesterov": {"optimizer": ("sgd",)}, "momentum": {"optimizer": ("sgd",)}}


def test_what_no_single_choice_explains_is_left_unconditional() -> None:
    found = conditions(make_trial(optimizer="sgd", momentum=0.5), make_trial(optimizer="sgd"))
    assert found == {}


def test_a_trial_that_died_before_its_suggestions_were_over_explains_nothing() -> None:
    completed = [make_trial(optimizer="sgd", momentum=0.5, lr=0.1), make_trial(optimizer="adamw", lr=0.1)]
    found = conditions(*completed, make_trial(TrialState.FAIL, optimizer="lion"))
    assert found == {"momentum": {"optimizer": ("sgd", "lion")}}


def suggested(*objectives: Callable[[optuna.Trial], float]) -> list[FrozenTrial]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for objective in objectives:
        study.optimize(objective, n_trials=1)
    return study.trials


def test_a_distribution_that_changed_is_the_latest_and_constants_are_left_out() -> None:
    trials = suggested(
        lambda trial: trial.suggest_float("x", 0.0, 1.0) + trial.suggest_int("constant", 3, 3),
        lambda trial: trial.suggest_float("x", 0.0, 5.0) + trial.suggest_int("constant", 3, 3),
    )
    space = infer_space(trials)
    assert space.names == ("x",)
    assert space.distributions({"x": 0.0}) == {"x": FloatDistribution(0.0, 5.0)}


def test_a_parameter_that_a_space_cannot_hold_is_left_to_optuna() -> None:
    lists = cast("list[str]", [[64, 32], [32]])
    study = optuna.create_study(sampler=BayesianSampler(seed=0))
    with pytest.warns(UserWarning, match="persistent storage"):
        study.optimize(
            lambda trial: len(trial.suggest_categorical("layers", lists)) + trial.suggest_int("n", 1, 5), n_trials=6
        )
    assert infer_space(study.trials).names == ("n",)
