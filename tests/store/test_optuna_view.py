"""A campaign as Optuna's users see it: through `load_study`, and in Optuna's own plots."""

from __future__ import annotations

import math
from collections.abc import Iterator

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import Engine, event

from bohpo.store import Store, open_store
from bohpo.store.location import parse_location
from bohpo.trial import Outcome, Proposal
from tests.store.examples import ADAMW, OUTCOME, PROPOSAL, SGD, SPACE, begin


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """Open a store with a campaign of a completed, a failed and a pending trial, and one more completed."""
    opened = open_store(database_url)
    lease = begin(opened)
    for uid, configuration in (("a", SGD), ("b", ADAMW), ("c", ADAMW), ("d", {**ADAMW, "lr": 0.01, "levels": 3})):
        opened.add_trial(lease, uid, Proposal(configuration, "startup"))
    opened.complete_trial(lease, 0, 0.75, OUTCOME, [(1, 0.5), (2, math.nan), (3, 0.7)])
    opened.fail_trial(lease, 1, "diverged")
    opened.complete_trial(lease, 3, 0.5, Outcome(0.5), [(1, 0.25)])
    yield opened
    opened.close()


@pytest.fixture
def study(store: Store, database_url: str) -> Iterator[optuna.Study]:
    """Load the campaign as an Optuna study."""
    url = parse_location(database_url).url.render_as_string(hide_password=False)
    storage = optuna.storages.RDBStorage(url)
    yield optuna.load_study(study_name="aneurysm", storage=storage)
    storage.remove_session()
    storage.engine.dispose()


def test_optuna_sees_the_trials(store: Store, study: optuna.Study) -> None:
    trials = study.trials
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    assert [trial.state for trial in trials] == [
        TrialState.COMPLETE,
        TrialState.FAIL,
        TrialState.RUNNING,
        TrialState.COMPLETE,
    ]
    assert [trial.value for trial in trials] == [0.75, None, None, 0.5]
    assert [trial.params for trial in trials[:2]] == [SGD, ADAMW]
    assert trials[0].distributions == SPACE.distributions(SGD)
    steps = trials[0].intermediate_values
    assert (steps[1], math.isnan(steps[2]), steps[3]) == (0.5, True, 0.7)


def test_optuna_sees_what_bohpo_adds_to_a_trial(study: optuna.Study) -> None:
    attributes = [trial.user_attrs for trial in study.trials]
    assert attributes == [
        {"bohpo:uid": "a", "bohpo:variance": OUTCOME.variance},
        {"bohpo:uid": "b", "bohpo:reason": "diverged"},
        {"bohpo:uid": "c"},
        {"bohpo:uid": "d"},
    ]


def test_optuna_sees_the_direction_and_the_metric(study: optuna.Study) -> None:
    assert study.direction is optuna.study.StudyDirection.MAXIMIZE
    assert study.metric_names == ["partial_auc"]
    assert study.best_trial.number == 0


def test_optuna_tells_the_same_times(store: Store, study: optuna.Study) -> None:
    for ours, theirs in zip(store.trials("aneurysm"), study.trials, strict=True):
        assert theirs.datetime_start is not None
        assert ours.created == theirs.datetime_start.timestamp()
        assert ours.ended == (theirs.datetime_complete and theirs.datetime_complete.timestamp())


def test_optuna_refuses_to_change_a_trial_that_bohpo_ended(study: optuna.Study) -> None:
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        study._storage.set_trial_state_values(study.trials[0]._trial_id, TrialState.COMPLETE, [0.9])


def test_trials_that_others_add_to_the_study_are_not_bohpo_s(store: Store, study: optuna.Study) -> None:
    study.enqueue_trial(dict(ADAMW))
    study.tell(study.ask(), 0.9)
    lease = store.lease("aneurysm")
    assert lease is not None
    assert store.add_trial(lease, "e", PROPOSAL) == 5
    assert [trial.number for trial in store.trials("aneurysm")] == [0, 1, 2, 3, 5]
    assert len(study.trials) == 6


def test_optuna_plots_a_campaign(study: optuna.Study) -> None:
    plots = optuna.visualization
    drawn = [
        plots.plot_optimization_history(study),
        plots.plot_intermediate_values(study),
        plots.plot_parallel_coordinate(study, params=["lr", "levels"]),
        plots.plot_slice(study, params=["lr", "levels"]),
        plots.plot_timeline(study),
    ]
    assert all(len(figure.data) > 0 for figure in drawn)


def test_optuna_weighs_the_parameters_of_a_campaign(study: optuna.Study) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is missing, which Optuna's importances need")
    figure = optuna.visualization.plot_param_importances(study, params=["lr", "levels"])
    assert set(figure.data[0].y) == {"lr", "levels"}


def test_reading_takes_as_many_queries_for_many_trials_as_for_one(store: Store) -> None:
    queries: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        queries.append(statement)

    def reading() -> int:
        queries.clear()
        store.trials("aneurysm")
        return len(queries)

    lease = store.lease("aneurysm")
    assert lease is not None
    event.listen(Engine, "before_cursor_execute", count)
    try:
        few = reading()
        for number in range(4, 40):
            store.complete_trial(lease, store.add_trial(lease, f"more-{number}", PROPOSAL), 0.5, OUTCOME)
        assert reading() == few < 10
    finally:
        event.remove(Engine, "before_cursor_execute", count)
