"""The conditions of a define-by-run study are learned from its trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from bohpo.optimizer import BayesianSampler
from bohpo.optimizer.inference import Evidence, infer_space, plain
from bohpo.space import FloatParameter, IntParameter, Parameter, from_distribution

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


def with_distributions(*distributions: BaseDistribution) -> Parameter | None:
    """Give the parameter that is learned from trials which had it with these distributions, one after the other."""
    trials = []
    for number, distribution in enumerate(distributions):
        value = distribution.to_external_repr(getattr(distribution, "low", 0))
        trials.append(create_trial(value=0.0, params={"x": value}, distributions={"x": distribution}))
        trials[-1].number = number
    space = infer_space(trials)
    assert infer_space(reversed(trials)) == space
    return space.parameters[0] if space.parameters else None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (FloatDistribution(0.0, 1.0), FloatDistribution(0.0, 5.0)),
        (FloatDistribution(0.0, 1.0), FloatDistribution(0.2, 0.3)),
        (FloatDistribution(0.1, 1.0), FloatDistribution(0.1, 1.0, log=True)),
        (FloatDistribution(0.0, 1.0), FloatDistribution(0.0, 1.0, step=0.25)),
        (IntDistribution(1, 8), IntDistribution(4, 100, log=True)),
        (FloatDistribution(0.0, 1.0), IntDistribution(0, 1)),
        (IntDistribution(3, 3), IntDistribution(3, 4)),
        (CategoricalDistribution(["a", "b"]), CategoricalDistribution(["b", "c", "a"])),
        (CategoricalDistribution(["a", "b"]), FloatDistribution(0.0, 1.0)),
    ],
)
def test_a_parameter_has_the_distribution_that_it_was_suggested_from_last(
    before: BaseDistribution, after: BaseDistribution
) -> None:
    assert with_distributions(before, after) == from_distribution("x", after)


def test_bounds_that_never_rest_are_taken_at_their_widest() -> None:
    bounds = [(0.0, 0.5), (0.0, 0.2), (-0.1, 0.3), (0.0, 0.4)]
    found = with_distributions(*(FloatDistribution(low, high) for low, high in bounds))
    assert found == FloatParameter("x", -0.1, 0.5)


def test_bounds_that_never_rest_are_no_single_value_for_meeting_once() -> None:
    assert with_distributions(*(IntDistribution(1, high) for high in (4, 2, 3, 1))) == IntParameter("x", 1, 4)


def test_bounds_that_a_user_changed_twice_are_the_last() -> None:
    bounds = [(0.0, 0.5), (0.0, 0.2), (0.0, 0.2), (0.1, 0.2), (0.1, 0.2)]
    found = with_distributions(*(FloatDistribution(low, high) for low, high in bounds))
    assert found == FloatParameter("x", 0.1, 0.2)


@pytest.mark.parametrize(
    "distribution",
    [
        IntDistribution(3, 3),
        FloatDistribution(0.5, 0.5),
        FloatDistribution(0.3333333333333333, 1.3333333333333333, step=0.5),
        FloatDistribution(-1e300, 1e300),
        CategoricalDistribution(["only"]),
        CategoricalDistribution([1, True]),
        CategoricalDistribution([0.5, float("inf")]),
    ],
)
def test_what_a_space_cannot_hold_or_need_not_search_is_left_out(distribution: BaseDistribution) -> None:
    assert with_distributions(distribution) is None


def test_parameters_stand_in_the_order_in_which_they_were_first_asked_for() -> None:
    trials = [make_trial(lr=0.1, momentum=0.2), make_trial(damping=0.3, momentum=0.2, lr=0.1)]
    for number, trial in enumerate(trials):
        trial.number = number
    assert infer_space(trials).names == infer_space(reversed(trials)).names == ("lr", "momentum", "damping")


def test_an_earlier_trial_that_is_heard_of_later_comes_first() -> None:
    evidence = Evidence()
    names = []
    for number, trial in ((1, make_trial(lr=0.1, momentum=0.2)), (0, make_trial(momentum=0.2))):
        trial.number = number
        evidence.suggested(trial)
        names.append(evidence.space().names)
    assert names == [("lr", "momentum"), ("momentum", "lr")]


def test_a_trial_that_runs_tells_its_parameters_and_no_conditions() -> None:
    assert infer_space([make_trial(TrialState.RUNNING, optimizer="sgd", momentum=0.5)]).names == (
        "optimizer",
        "momentum",
    )
    completed = [make_trial(optimizer="sgd", momentum=0.5), make_trial(optimizer="adamw")]
    running = make_trial(TrialState.RUNNING, optimizer="lion")
    assert conditions(*completed, running) == conditions(*completed)


def test_evidence_that_changes_nothing_leaves_the_very_same_space() -> None:
    evidence = Evidence()
    spaces = []
    for trial in (make_trial(lr=0.1), make_trial(lr=0.2), make_trial(lr=0.2, momentum=0.1)):
        evidence.suggested(trial)
        evidence.finished(trial, trial.params)
        spaces.append(evidence.space())
    assert spaces[0] is spaces[1]
    assert spaces[2].names == ("lr", "momentum")


def test_values_of_numpy_become_python_s_and_what_no_space_holds_is_dropped() -> None:
    values = {"n": np.int64(3), "x": np.float32(0.5), "on": np.bool_(True), "layers": [1, 2], "name": "a", "none": None}
    found = plain(values)
    assert found == {"n": 3, "x": 0.5, "on": True, "name": "a", "none": None}
    assert [type(value) for value in found.values()] == [int, float, bool, str, type(None)]


def test_a_parameter_that_a_space_cannot_hold_is_left_to_optuna() -> None:
    lists = cast("list[str]", [[64, 32], [32]])
    study = optuna.create_study(sampler=BayesianSampler(seed=0))
    with pytest.warns(UserWarning, match="persistent storage"):
        study.optimize(
            lambda trial: len(trial.suggest_categorical("layers", lists)) + trial.suggest_int("n", 1, 5), n_trials=6
        )
    assert infer_space(study.trials).names == ("n",)
