"""Studies whose spaces change, or show themselves little by little."""

from __future__ import annotations

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from bohpo.optimizer import BayesianSampler
from bohpo.optimizer.sampler import PROPOSAL_KEY
from bohpo.space import Space


def new_study(space: Space | None = None) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(sampler=BayesianSampler(seed=0, space=space))


def proposed(study: optuna.Study, trial: int) -> dict[str, object]:
    return dict(study.trials[trial].system_attrs[PROPOSAL_KEY]["configuration"])


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.3), (0.0, 4.0), (0.25, 0.5), (2.0, 3.0)])
def test_after_bounds_changed_proposals_are_within_the_new_ones(low: float, high: float) -> None:
    study = new_study()
    study.optimize(lambda trial: abs(trial.suggest_float("x", 0.0, 1.0) - 0.27), n_trials=6)
    study.optimize(lambda trial: abs(trial.suggest_float("x", low, high) - 0.27), n_trials=8)
    assert all(low <= trial.params["x"] <= high for trial in study.trials[6:])
    assert [proposed(study, at) for at in range(7, 14)] == [trial.params for trial in study.trials[7:]]
    best = min(abs(trial.params["x"] - 0.27) for trial in study.trials[6:])
    assert best < max(low - 0.27, 0) + 0.05


NEW: list[tuple[BaseDistribution, BaseDistribution, list[object]]] = [
    (CategoricalDistribution(["a", "b", "c"]), CategoricalDistribution(["d", "b", "a"]), ["a", "b", "c", "a"]),
    (FloatDistribution(0.0, 1.0), FloatDistribution(0.01, 10.0, log=True), [0.0, 0.5, 1.0, 0.1]),
    (IntDistribution(-5, 5), IntDistribution(1, 50, log=True), [-5, 0, 3, 5]),
    (IntDistribution(1, 9), FloatDistribution(1.0, 9.0), [1, 2, 3, 9]),
    (CategoricalDistribution([1, "a"]), IntDistribution(1, 9), [1, "a", 1, "a"]),
]


@pytest.mark.parametrize(("before", "after", "values"), NEW)
def test_trials_from_a_space_of_another_kind_do_no_harm(
    before: BaseDistribution, after: BaseDistribution, values: list[object]
) -> None:
    study = new_study(Space.from_distributions({"x": after, "y": FloatDistribution(0.0, 1.0)}))
    for value in values:
        study.add_trial(create_trial(value=1.0, params={"x": value}, distributions={"x": before}))
        study.add_trial(create_trial(state=TrialState.FAIL, params={"x": value}, distributions={"x": before}))
    for _ in range(4):
        trial = study.ask({"x": after, "y": FloatDistribution(0.0, 1.0)})
        study.tell(trial, trial.params["y"])
        assert proposed(study, -1) == trial.params


def test_choices_that_changed_are_refused_by_optuna_with_any_sampler() -> None:
    study = new_study()
    study.optimize(lambda trial: len(trial.suggest_categorical("x", ["a", "b"])), n_trials=4)
    with pytest.raises(ValueError, match="does not support dynamic value space"):
        study.ask().suggest_categorical("x", ["a", "b", "c"])


def test_a_parameter_that_appears_late_is_modelled_from_then_on() -> None:
    study = new_study()
    study.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0), n_trials=6)
    study.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0) + trial.suggest_float("y", 0.0, 1.0), n_trials=12)
    assert proposed(study, 6).keys() == {"x"}
    assert all(proposed(study, at).keys() == {"x", "y"} for at in range(7, 18))
    assert study.trials[-1].params["y"] < 0.2


def test_bounds_that_follow_another_parameter_do_no_harm() -> None:
    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0.1, 1.0)
        return (x - 0.7) ** 2 + (trial.suggest_float("y", 0.0, x) - 0.3) ** 2

    study = new_study()
    study.optimize(objective, n_trials=25)
    assert study.best_value < 0.01


def test_a_list_of_layers_is_learned_as_it_grows() -> None:
    def objective(trial: optuna.Trial) -> float:
        layers = trial.suggest_int("layers", 1, 3)
        return abs(sum(trial.suggest_int(f"units {layer}", 1, 64) for layer in range(layers)) - 100)

    study = new_study()
    study.optimize(objective, n_trials=20)
    for at in range(12, 20):
        assert proposed(study, at).keys() == study.trials[at].params.keys()
    assert study.best_value < 10


def test_a_parameter_of_two_parents_is_proposed_where_both_allow_it() -> None:
    def objective(trial: optuna.Trial) -> float:
        augments = trial.suggest_categorical("augments", [False, True])
        optimizer = trial.suggest_categorical("optimizer", ["adamw", "sgd"])
        if augments and optimizer == "sgd":
            return trial.suggest_float("strength", 0.0, 1.0) - 0.5
        return 0.2 + 0.1 * augments

    study = new_study()
    study.optimize(objective, n_trials=24)
    for at in range(14, 24):
        assert proposed(study, at).keys() == study.trials[at].params.keys()
    assert study.best_value < -0.4


def test_a_parameter_that_has_a_single_value_for_a_while_does_no_harm() -> None:
    def objective(trial: optuna.Trial, high: int) -> float:
        return trial.suggest_float("x", 0.0, 1.0) - trial.suggest_int("n", 1, high)

    study = new_study()
    for high in (9, 1, 9):
        study.optimize(lambda trial, high=high: objective(trial, high), n_trials=4)  # type: ignore[misc]
    assert [trial.params["n"] for trial in study.trials[4:8]] == [1] * 4
    assert proposed(study, 6).keys() == {"x"}
    assert proposed(study, 11).keys() == {"n", "x"}
    assert study.best_params["n"] == 9


def test_trials_without_parameters_do_no_harm() -> None:
    study = new_study()
    study.optimize(lambda _trial: 1.0, n_trials=4)
    study.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0), n_trials=6)
    assert study.best_value < 0.3


def test_constraints_that_trials_set_are_learned() -> None:
    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0.0, 1.0)
        trial.set_constraint("memory", x - 0.5)
        return -x

    study = new_study()
    study.optimize(objective, n_trials=20)
    assert 0.4 < study.best_params["x"] <= 0.5
    assert sum(trial.params["x"] > 0.6 for trial in study.trials[10:]) < 4


def test_a_parameter_out_of_all_bounds_is_left_to_chance() -> None:
    study = new_study()
    study.optimize(
        lambda trial: trial.suggest_float("x", -1e200, 1e200) / 1e200 + trial.suggest_int("n", 1, 5), n_trials=6
    )
    assert [proposed(study, at).keys() for at in range(1, 6)] == [{"n"}] * 5
    assert len({trial.params["x"] for trial in study.trials}) == 6
