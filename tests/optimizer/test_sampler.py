"""The sampler in Optuna's own loops: optimize, threads, ask and tell."""

from __future__ import annotations

import copy
import json
import math
import pickle
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import optuna
import pytest
from optuna.study import StudyDirection
from optuna.trial import TrialState

from bohpo.optimizer import BayesianSampler, Recipe
from bohpo.optimizer.sampler import PROPOSAL_KEY, VARIANCE_KEY
from bohpo.space import CategoricalParameter, FloatParameter, Space

SPACE = Space(
    (
        FloatParameter("x", -5.0, 5.0),
        CategoricalParameter("kind", ("plain", "tuned")),
        FloatParameter("tuning", 0.0, 1.0, when={"kind": ("tuned",)}),
    )
)


DIRECTIONS = [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(verbosity)


def loss(trial: optuna.Trial) -> float:
    """Least, 0, at x = 1, kind = tuned, tuning = 0.3."""
    x = trial.suggest_float("x", -5.0, 5.0)
    if trial.suggest_categorical("kind", ["plain", "tuned"]) == "plain":
        return (x - 1.0) ** 2 + 1.0
    return (x - 1.0) ** 2 + (trial.suggest_float("tuning", 0.0, 1.0) - 0.3) ** 2


def run(sampler: BayesianSampler, trials: int = 12) -> optuna.Study:
    study = optuna.create_study(sampler=sampler)
    study.optimize(loss, n_trials=trials)
    return study


def params(study: optuna.Study) -> list[dict[str, object]]:
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("space", [None, SPACE], ids=["learned", "given"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_it_finds_the_best_of_a_conditional_objective(space: Space | None, direction: StudyDirection) -> None:
    sign = 1.0 if direction is StudyDirection.MINIMIZE else -1.0
    study = optuna.create_study(sampler=BayesianSampler(seed=1, space=space), direction=direction)
    study.optimize(lambda trial: sign * loss(trial), n_trials=25)
    assert abs(study.best_value) < 0.1
    assert study.best_params["kind"] == "tuned"


def test_a_trial_records_only_what_was_suggested() -> None:
    for trial in run(BayesianSampler(seed=0)).trials:
        assert ("tuning" in trial.params) == (trial.params["kind"] == "tuned")


def test_a_seed_makes_a_study_repeatable() -> None:
    first = params(run(BayesianSampler(seed=3)))
    assert params(run(BayesianSampler(seed=3))) == first
    assert params(run(BayesianSampler(seed=4))) != first


def test_without_a_seed_studies_differ() -> None:
    assert params(run(BayesianSampler(), 4)) != params(run(BayesianSampler(), 4))


def test_a_given_space_begins_at_its_centre_and_models_conditional_parameters_from_the_start() -> None:
    study = run(BayesianSampler(seed=0, space=SPACE), 6)
    assert study.trials[0].params["x"] == 0.0
    for trial in study.trials:
        assert trial.params == trial.system_attrs[PROPOSAL_KEY]["configuration"]


def test_a_pickled_sampler_continues_alike() -> None:
    study = run(BayesianSampler(seed=2), 6)
    copy = pickle.loads(pickle.dumps(study.sampler))
    continued, copied = optuna.create_study(), optuna.create_study()
    for other, sampler in ((continued, study.sampler), (copied, copy)):
        other.add_trials(study.trials)
        other.sampler = sampler
        other.optimize(loss, n_trials=2)
    assert params(copied) == params(continued)


def test_two_threads_share_a_sampler_without_repeating_each_other() -> None:
    study = optuna.create_study(sampler=BayesianSampler(seed=0))
    study.optimize(loss, n_trials=16, n_jobs=2)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 16
    assert len({repr(trial.params) for trial in study.trials}) == 16


def suggest(trial: optuna.Trial) -> tuple[float, float]:
    return trial.suggest_float("x", 0.0, 1.0), trial.suggest_float("y", 0.0, 1.0)


def asked_and_told(count: int) -> optuna.Study:
    study = optuna.create_study(sampler=BayesianSampler(seed=0))
    for _ in range(count):
        trial = study.ask()
        x, y = suggest(trial)
        study.tell(trial, (x - 0.3) ** 2 + (y - 0.6) ** 2)
    return study


def test_what_is_running_is_not_proposed_again() -> None:
    study = asked_and_told(8)
    points = [suggest(study.ask()) for _ in range(4)]
    assert min(math.dist(*pair) for pair in combinations(points, 2)) > 1e-5


def test_what_is_running_changes_what_is_proposed() -> None:
    def next_point(*running: float) -> tuple[float, float]:
        study = asked_and_told(8)
        study.enqueue_trial({"x": running[0], "y": running[1]})
        suggest(study.ask())
        return suggest(study.ask())

    best = next_point(0.0, 0.0)
    assert math.dist(next_point(*best), best) > 1e-5


def test_a_proposal_is_seen_before_its_values_were_asked_for() -> None:
    def second(*, first_asks_for_all: bool) -> tuple[float, float]:
        study = asked_and_told(8)
        first = study.ask()
        first.suggest_float("x", 0.0, 1.0)
        if first_asks_for_all:
            first.suggest_float("y", 0.0, 1.0)
        return suggest(study.ask())

    assert second(first_asks_for_all=False) == second(first_asks_for_all=True)


def test_two_processes_on_one_database_see_each_other(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(storage=url, study_name="shared")
    studies = [optuna.load_study(study_name="shared", storage=url, sampler=BayesianSampler(seed=0)) for _ in range(2)]
    trials = [study.ask() for study in studies for _ in range(3)]
    assert len({suggest(trial) for trial in trials}) == 6
    for trial in trials:
        studies[0].tell(trial, sum(trial.params.values()))
    assert suggest(studies[0].ask()) != suggest(studies[1].ask())
    for study in studies:
        study._storage.remove_session()


@pytest.mark.parametrize("end", [TrialState.FAIL, TrialState.PRUNED])
def test_trials_that_failed_or_were_pruned_are_avoided(end: TrialState) -> None:
    def share_above(state: TrialState | None) -> int:
        study = optuna.create_study(sampler=BayesianSampler(seed=0))
        for _ in range(20):
            trial = study.ask()
            x, y = suggest(trial)
            if x > 0.5 and state is not None:
                study.tell(trial, state=state)
            else:
                study.tell(trial, -x - 0.1 * y)
        return sum(trial.params["x"] > 0.6 for trial in study.trials[10:])

    assert share_above(None) > 7
    assert share_above(end) < 4


def test_a_measured_variance_is_taken_from_the_trials_attribute() -> None:
    def next_params(variance: object) -> dict[str, object]:
        study = asked_and_told(6)
        lucky = study.ask()
        suggest(lucky)
        if variance is not None:
            lucky.set_user_attr(VARIANCE_KEY, variance)
        study.tell(lucky, -3.0)
        trial = study.ask()
        suggest(trial)
        return trial.params

    assert next_params(100.0) != next_params(None)
    assert next_params("much") == next_params(None) == next_params(-1.0) == next_params(float("inf"))


def test_infinite_values_count_as_failures() -> None:
    study = asked_and_told(5)
    trial = study.ask()
    suggest(trial)
    study.tell(trial, float("inf"))
    suggest(study.ask())
    assert study.trials[-1].system_attrs[PROPOSAL_KEY]["configuration"]["x"] <= 1.0


def test_enqueued_and_constant_parameters_go_through() -> None:
    study = optuna.create_study(sampler=BayesianSampler(seed=0))
    study.enqueue_trial({"x": 0.25})

    def objective(trial: optuna.Trial) -> float:
        return trial.suggest_float("x", 0.0, 1.0) + trial.suggest_int("constant", 2, 2)

    study.optimize(objective, n_trials=6)
    assert study.trials[0].params == {"x": 0.25, "constant": 2}
    assert all(trial.params["constant"] == 2 for trial in study.trials)


def test_every_kind_of_distribution_is_sampled_within_its_bounds() -> None:
    def objective(trial: optuna.Trial) -> float:
        a = trial.suggest_float("stepped", 0.0, 0.9, step=0.1)
        b = trial.suggest_float("log", 1e-5, 1.0, log=True)
        c = trial.suggest_int("stepped int", 3, 19, step=4)
        d = trial.suggest_int("log int", 1, 1000, log=True)
        e = trial.suggest_categorical("choice", [None, True, 2, 3.5, "text"])
        assert round(a * 10) == pytest.approx(a * 10)
        assert 1e-5 <= b <= 1.0
        assert c in (3, 7, 11, 15, 19)
        assert 1 <= d <= 1000
        assert e in (None, True, 2, 3.5, "text")
        return a - b + c / 20 + d / 1000 + (e is None)

    study = optuna.create_study(sampler=BayesianSampler(seed=0))
    study.optimize(objective, n_trials=10)
    assert all(trial.state is TrialState.COMPLETE for trial in study.trials)


@pytest.mark.parametrize(
    "use", [lambda study: study.ask().suggest_float("x", 0, 1), lambda study: study.optimize(suggest, n_trials=1)]
)
def test_several_objectives_are_refused(use: Callable[[optuna.Study], object]) -> None:
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=BayesianSampler(seed=0))
    with pytest.raises(ValueError, match="one objective, this study has 2"):
        use(study)


def test_reseeding_changes_no_proposal_of_the_model() -> None:
    study, reseeded = asked_and_told(6), asked_and_told(6)
    reseeded.sampler.reseed_rng()
    assert suggest(study.ask()) == suggest(reseeded.ask())


def test_a_proposal_says_why_it_was_made() -> None:
    study = asked_and_told(5)
    reasons = [trial.system_attrs[PROPOSAL_KEY] for trial in study.trials]
    assert [reason["source"] for reason in reasons] == ["startup", "startup", "startup", "model", "model"]
    assert reasons[0]["configuration"] == {}
    for trial, reason in zip(study.trials[3:], reasons[3:], strict=True):
        assert reason["configuration"] == trial.params
        assert reason["predicted_sd"] > 0 < reason["seconds"]
        assert {"predicted_mean", "acquisition"} < reason.keys()
    assert json.loads(json.dumps(reasons)) == reasons


def test_what_a_trial_was_enqueued_with_is_part_of_its_proposal() -> None:
    study = asked_and_told(5)
    study.enqueue_trial({"y": 0.25})
    x, y = suggest(study.ask())
    assert y == 0.25
    assert study.trials[-1].system_attrs[PROPOSAL_KEY]["configuration"] == {"x": x, "y": 0.25}


def test_many_threads_exhaust_a_small_space_before_they_repeat_anything() -> None:
    study = optuna.create_study(sampler=BayesianSampler(seed=0))
    study.enqueue_trial({"a": 0, "b": 0})
    study.optimize(lambda trial: trial.suggest_int("a", 0, 3) + trial.suggest_int("b", 0, 5), n_trials=1)
    study.optimize(lambda trial: trial.suggest_int("a", 0, 3) + trial.suggest_int("b", 0, 5), n_trials=23, n_jobs=4)
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 24


def test_a_sampler_of_two_studies_keeps_them_apart() -> None:
    shared = BayesianSampler(seed=5)
    together = [optuna.create_study(sampler=shared, direction=direction) for direction in DIRECTIONS]
    alone = [optuna.create_study(sampler=BayesianSampler(seed=5), direction=study.direction) for study in together]
    for _ in range(6):
        for study in together:
            study.optimize(loss, n_trials=1)
    for study in alone:
        study.optimize(loss, n_trials=6)
    assert [params(study) for study in together] == [params(study) for study in alone]


def test_a_study_that_took_the_place_of_another_starts_afresh(tmp_path: Path) -> None:
    storage = optuna.storages.get_storage(f"sqlite:///{tmp_path}/study.db")
    sampler = BayesianSampler(seed=0)
    first = optuna.create_study(storage=storage, study_name="study", sampler=sampler)
    first.optimize(loss, n_trials=5)
    optuna.delete_study(study_name="study", storage=storage)
    second = optuna.create_study(storage=storage, study_name="study", sampler=sampler)
    assert second._study_id == first._study_id
    second.optimize(lambda trial: sum(suggest(trial)), n_trials=6)
    fresh = optuna.create_study(sampler=BayesianSampler(seed=0))
    fresh.optimize(lambda trial: sum(suggest(trial)), n_trials=6)
    assert params(second) == params(fresh)
    storage.remove_session()


def test_a_copy_of_a_study_in_use_has_a_sampler_of_its_own() -> None:
    sampler = asked_and_told(4).sampler
    assert params(run(copy.deepcopy(sampler), 5)) == params(run(BayesianSampler(seed=0), 5))  # type: ignore[arg-type]


def test_only_what_is_feasible_is_proposed() -> None:
    study = optuna.create_study(
        sampler=BayesianSampler(seed=0, space=SPACE, feasible=lambda configuration: configuration["x"] < -1.0)  # type: ignore[operator]
    )
    study.optimize(loss, n_trials=8)
    assert max(trial.params["x"] for trial in study.trials) < -1.0


def test_parts_of_the_recipe_can_be_left_out() -> None:
    study = run(BayesianSampler(seed=0, space=SPACE, recipe=Recipe(centre_first=False)), 1)
    assert study.trials[0].params["x"] != 0.0


def test_other_brackets_of_hyperband_are_in_sight() -> None:
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9)
    study = optuna.create_study(sampler=BayesianSampler(seed=0), pruner=pruner)

    def objective(trial: optuna.Trial) -> float:
        n = trial.suggest_int("n", 1, 20)
        for step in range(9):
            trial.report(n, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return n

    study.optimize(objective, n_trials=20)
    assert len({trial.params["n"] for trial in study.trials}) == 20
