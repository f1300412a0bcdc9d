"""Optuna's trials in the optimizer's own words."""

from __future__ import annotations

import copy
import datetime
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from bohpo.optimizer import History, trials
from bohpo.optimizer.admission import Outcome
from bohpo.optimizer.trials import PROPOSAL_KEY, StudyTrials
from bohpo.space import CategoricalParameter, FloatParameter, Space
from bohpo.trial import Configuration, Observation

DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "x": FloatDistribution(0.0, 1.0),
    "n": IntDistribution(1, 9),
    "kind": CategoricalDistribution(["plain", "tuned"]),
    "tuning": FloatDistribution(0.0, 1.0),
}

NOBODY = -1


def make_trial(
    value: float | None = None,
    state: TrialState = TrialState.COMPLETE,
    *,
    distributions: dict[str, BaseDistribution] | None = None,
    attributes: dict[str, Any] | None = None,
    constraints: dict[str, float] | None = None,
    **params: object,
) -> FrozenTrial:
    return create_trial(
        state=state,
        value=value,
        params=params,
        distributions={name: (distributions or DISTRIBUTIONS)[name] for name in params},
        system_attrs=attributes,
        constraints=constraints,
    )


def numbered(*trials: FrozenTrial) -> list[FrozenTrial]:
    for number, trial in enumerate(trials):
        trial.number = trial._trial_id = number
    return list(trials)


def history_of(*found: FrozenTrial, space: Space | None = None) -> History:
    known = StudyTrials(space)
    known.read(numbered(*found))
    return known.history(known.sight(NOBODY))


def test_completed_trials_are_observations() -> None:
    assert history_of(make_trial(3.0, x=0.5)).completed == (Observation({"x": 0.5}, 3.0),)


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_an_infinite_value_is_a_failure(value: float) -> None:
    assert history_of(make_trial(1.0, x=0.1), make_trial(value, x=0.5)).failed == ({"x": 0.5},)


@pytest.mark.parametrize("state", [TrialState.FAIL, TrialState.PRUNED])
def test_what_failed_or_was_pruned_is_a_failure(state: TrialState) -> None:
    assert history_of(make_trial(None, state, x=0.5), make_trial(None, state)).failed == ({"x": 0.5},)


@pytest.mark.parametrize(
    "broken",
    [
        {"constraints": {"memory": 0.1, "time": -1.0}},
        {"attributes": {"constraints": (-1.0, 2.0)}},
        {"attributes": {"constraints": (float("nan"),)}},
    ],
)
def test_a_trial_that_broke_a_constraint_is_a_failure(broken: dict[str, Any]) -> None:
    assert history_of(make_trial(1.0, x=0.5, **broken)).failed == ({"x": 0.5},)


def test_a_trial_that_kept_its_constraints_is_an_observation() -> None:
    kept = [make_trial(1.0, x=0.5, constraints={"memory": 0.0}), make_trial(1.0, x=0.6, attributes={"constraints": ()})]
    assert [observation.configuration["x"] for observation in history_of(*kept).completed] == [0.5, 0.6]


def test_a_running_trial_is_pending_with_what_was_proposed_and_what_it_asked_for() -> None:
    proposed: dict[str, Any] = {PROPOSAL_KEY: {"configuration": {"x": 0.2, "n": 3}, "source": "model"}}
    running = make_trial(None, TrialState.RUNNING, attributes=proposed, x=0.3)
    assert history_of(make_trial(1.0, x=0.1, n=1), running).pending == ({"x": 0.3, "n": 3},)


def test_an_enqueued_trial_is_pending_with_what_is_fixed_within_the_space() -> None:
    fixed = {"n": np.int64(3), "x": 7.0, "other": 1}
    waiting = make_trial(None, TrialState.WAITING, attributes={"fixed_params": fixed})
    assert history_of(make_trial(1.0, x=0.1, n=1), waiting).pending == ({"n": 3},)


@pytest.mark.parametrize("attribute", [None, 1, [], {}, {"configuration": None}, {"x": 0.5}])
def test_an_attribute_that_is_no_proposal_says_nothing(attribute: object) -> None:
    running = make_trial(None, TrialState.RUNNING, attributes={PROPOSAL_KEY: attribute})
    assert history_of(make_trial(1.0, x=0.1), running).pending == ()


def test_proposed_values_that_are_not_going_to_be_asked_for_are_left_out() -> None:
    trained = [make_trial(1.0, kind="tuned", tuning=0.5), make_trial(1.0, kind="plain")]
    proposed: dict[str, Any] = {PROPOSAL_KEY: {"configuration": {"kind": "tuned", "tuning": 0.2}}}
    running = make_trial(None, TrialState.RUNNING, attributes=proposed, kind="plain")
    assert history_of(*trained, running).pending == ({"kind": "plain"},)


def test_a_trial_does_not_see_itself() -> None:
    known = StudyTrials()
    known.read(numbered(make_trial(1.0, x=0.1), make_trial(None, TrialState.RUNNING, x=0.2)))
    assert known.sight(1).pending == {}
    assert known.sight(NOBODY).pending == {1: {"x": 0.2}}


def test_trials_stand_in_the_order_of_their_numbers_whenever_they_ended() -> None:
    known = StudyTrials()
    first, second = numbered(make_trial(None, TrialState.RUNNING, x=0.1), make_trial(2.0, x=0.2))
    known.read([first, second])
    (ended,) = numbered(make_trial(1.0, x=0.1))
    ended.datetime_start = first.datetime_start
    known.read([ended, second])
    assert [observation.value for observation in known.history(known.sight(NOBODY)).completed] == [1.0, 2.0]


def test_the_same_trials_are_the_very_same_objects_from_time_to_time() -> None:
    known = StudyTrials()
    found = numbered(
        make_trial(1.0, x=0.1), make_trial(None, TrialState.FAIL, x=0.2), make_trial(None, TrialState.RUNNING, x=0.3)
    )
    known.read(found)
    before = known.history(known.sight(NOBODY))
    known.read([*copy.deepcopy(found), numbered(*[make_trial(2.0, x=0.4)] * 4)[3]])
    after = known.history(known.sight(NOBODY))
    assert after.completed[0] is before.completed[0]
    assert after.failed[0] is before.failed[0]
    assert after.pending[0] is before.pending[0]


def test_a_finished_trial_is_converted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    converted = []
    real = trials._outcome

    def convert(trial: FrozenTrial, configuration: Configuration) -> Outcome:
        converted.append(trial.number)
        return real(trial, configuration)

    monkeypatch.setattr(trials, "_outcome", convert)
    known = StudyTrials()
    found = numbered(*(make_trial(float(i), x=i / 10) for i in range(10)))
    for count in (0, 3, 3, 7, 10):
        known.read(found[:count])
    assert converted == list(range(10))


OUTSIDE = [
    (FloatDistribution(0.0, 10.0), FloatDistribution(0.0, 5.0), 7.0, 3.0),
    (IntDistribution(0, 10), IntDistribution(1, 100, log=True), 0, 7),
    (CategoricalDistribution(["a", "b"]), CategoricalDistribution(["c", "b"]), "a", "b"),
    (CategoricalDistribution(["a", 1]), FloatDistribution(0.0, 5.0), "a", 1),
    (FloatDistribution(0.0, 3.0), IntDistribution(0, 3), 1.5, None),
]


@pytest.mark.parametrize(("before", "after", "outside", "inside"), OUTSIDE)
def test_trials_outside_changed_bounds_are_left_out(
    before: BaseDistribution, after: BaseDistribution, outside: object, inside: object
) -> None:
    old = [make_trial(1.0, x=value, distributions={"x": before}) for value in (outside, inside) if value is not None]
    first = after.to_external_repr(getattr(after, "low", 0))
    new = make_trial(2.0, x=first, distributions={"x": after})
    found = [observation.configuration["x"] for observation in history_of(*old, new).completed]
    assert found == [*([inside] if inside is not None else []), first]


def test_trials_return_when_the_space_has_their_values_again() -> None:
    known = StudyTrials()
    wide, narrow = FloatDistribution(0.0, 10.0), FloatDistribution(0.0, 5.0)
    found = numbered(
        make_trial(1.0, x=7.0, distributions={"x": wide}),
        make_trial(2.0, x=3.0, distributions={"x": narrow}),
        make_trial(3.0, x=9.0, distributions={"x": wide}),
    )
    seen = []
    for count in (1, 2, 3):
        known.read(found[:count])
        seen.append([observation.value for observation in known.history(known.sight(NOBODY)).completed])
    assert seen == [[1.0], [2.0], [1.0, 2.0, 3.0]]


def test_a_value_between_those_of_a_grid_is_kept() -> None:
    old = make_trial(1.0, x=0.37)
    new = make_trial(2.0, x=0.5, distributions={"x": FloatDistribution(0.0, 1.0, step=0.25)})
    assert [observation.value for observation in history_of(old, new).completed] == [1.0, 2.0]


def test_trials_with_none_of_the_parameters_say_nothing() -> None:
    space = Space((FloatParameter("x", 0.0, 1.0), CategoricalParameter("kind", ("plain",))))
    assert history_of(make_trial(1.0), make_trial(1.0, n=3), space=space) == History()


def test_a_study_that_was_replaced_is_no_continuation() -> None:
    known = StudyTrials()
    found = numbered(make_trial(1.0, x=0.1), make_trial(None, TrialState.RUNNING, x=0.2))
    known.read(found)
    assert known.lead_to([*found, make_trial(1.0, x=0.3)])
    assert not known.lead_to(found[:1])
    for replaced in (0, 1):
        others = copy.deepcopy(found)
        began = others[replaced].datetime_start
        assert began is not None
        others[replaced].datetime_start = began + datetime.timedelta(seconds=1)
        assert not known.lead_to(others)


def test_what_came_up_changed_or_finished_since_was_overlooked() -> None:
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(storage=storage)
    running = [study.ask() for _ in range(5)]

    def propose(number: int, x: float) -> None:
        proposal: Any = {"configuration": {"x": x}}
        storage.set_trial_system_attr(running[number]._trial_id, PROPOSAL_KEY, proposal)

    for number in (0, 1, 2):
        propose(number, 0.1 * number)
    known = StudyTrials(Space((FloatParameter("x", 0.0, 1.0),)))
    known.read(study.get_trials(deepcopy=False))
    sight = known.sight(4)
    running[0].suggest_float("x", 0.0, 1.0)
    propose(1, 0.5)
    propose(3, 0.6)
    propose(4, 0.7)
    quick = study.ask()
    quick.suggest_float("x", 0.8, 0.8)
    study.tell(quick, 1.0)
    known.read(study.get_trials(deepcopy=False))
    changed = known.overlooked(sight, 4)
    drawn = running[0].params["x"]
    assert changed == {0: {"x": drawn}, 1: {"x": 0.5}, 3: {"x": 0.6}, 5: {"x": 0.8}}


@pytest.mark.parametrize(
    ("one", "other", "are_alike"),
    [
        ({"x": 0.5}, {"x": 0.505}, True),
        ({"x": 0.5}, {"x": 0.52}, False),
        ({"x": 0.5, "kind": "plain"}, {"x": 0.5, "kind": "tuned"}, False),
        ({"x": 0.5, "kind": "plain"}, {"x": 0.5}, False),
    ],
)
def test_configurations_are_alike_that_hardly_differ(
    one: Configuration, other: Configuration, *, are_alike: bool
) -> None:
    space = Space((FloatParameter("x", 0.0, 1.0), CategoricalParameter("kind", ("plain", "tuned"))))
    known = StudyTrials(space)
    known.read([])
    assert known.are_alike(one, other) is are_alike
