"""Outcomes are taken from what trainers wrote, and nothing in there is trusted."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bohpo.errors import AttemptError
from bohpo.trial import AttemptState, Curve, Outcome, Proposal, Trial, TrialState, best_trials

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abxy"), inner, max_size=3),
    max_leaves=6,
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def trial(number: int, value: float | None, state: TrialState = TrialState.COMPLETE) -> Trial:
    return Trial(number, f"uid-{number}", {}, state, Proposal({}, "startup"), value)


def test_an_outcome_survives_json() -> None:
    curve = Curve((0.0, 1.0), (0.2, 0.8), (0.1, 0.7), (0.3, 0.9), "FPs per case", "sensitivity")
    outcome = Outcome(0.4, 0.01, {"seconds": 3.0}, {"froc": curve})
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


def test_a_value_alone_is_an_outcome() -> None:
    assert Outcome.from_json({"value": 1}) == Outcome(1.0)
    assert Outcome.from_json({"value": 1, "metrics": None, "curves": None, "variance": None}) == Outcome(1.0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "the outcome is not an object with a 'value'"),
        ([0.4], "the outcome is not an object with a 'value'"),
        ({}, "the outcome is not an object with a 'value'"),
        ({"value": None}, "value is None, not a number"),
        ({"value": "0.4"}, "value is '0.4', not a number"),
        ({"value": True}, "value is True, not a number"),
        ({"value": math.nan}, "value is nan; a diverged training must fail"),
        ({"value": -math.inf}, "value is -inf; a diverged training must fail"),
        ({"value": 1, "variance": -1}, "variance is -1.0; give a variance >= 0 or none"),
        ({"value": 1, "variance": math.nan}, "variance is nan"),
        ({"value": 1, "variance": False}, "variance is False, not a number"),
        ({"value": 1, "metrics": {"auc": math.inf}}, "metrics.auc is inf"),
        ({"value": 1, "metrics": [1]}, "the outcome's 'metrics' and 'curves' must be objects"),
        ({"value": 1, "curves": "froc"}, "the outcome's 'metrics' and 'curves' must be objects"),
        ({"value": 1, "curves": {"froc": [1]}}, "curves.froc is not an object"),
        ({"value": 1, "curves": {"froc": {"x": 1, "y": 1}}}, "curves.froc.x is not a list of numbers"),
        ({"value": 1, "curves": {"froc": {"x": [1], "y": []}}}, "curves.froc.y has 0 values, x has 1"),
        ({"value": 1, "curves": {"froc": {"x": [1], "y": [1], "lower": [1, 2]}}}, "curves.froc.lower has 2 values"),
        ({"value": 1, "curves": {"froc": {"x": [1], "y": [math.nan]}}}, "curves.froc.y[0] is nan"),
    ],
)
def test_a_malformed_outcome_is_refused(data: object, message: str) -> None:
    with pytest.raises(AttemptError) as refused:
        Outcome.from_json(data)
    assert str(refused.value).startswith(message)


def test_a_whole_number_beyond_all_floats_is_refused() -> None:
    with pytest.raises(AttemptError, match="a diverged training must fail"):
        Outcome.from_json({"value": 10**400})


@settings(deadline=None)
@given(JSON | st.fixed_dictionaries({"value": JSON}, optional={"variance": JSON, "metrics": JSON, "curves": JSON}))
def test_whatever_was_written_is_a_finite_outcome_or_an_attempt_error(data: Any) -> None:
    try:
        outcome = Outcome.from_json(data)
    except AttemptError:
        return
    json.dumps(outcome.to_json(), allow_nan=False)
    assert isinstance(outcome.value, float)


@settings(deadline=None)
@given(FINITE, st.none() | FINITE.filter(lambda variance: variance >= 0), st.dictionaries(st.text("ab"), FINITE))
def test_every_finite_outcome_survives_json(value: float, variance: float | None, metrics: dict[str, float]) -> None:
    outcome = Outcome(value, variance, metrics)
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


def test_a_trainer_cannot_make_an_outcome_that_is_not_finite() -> None:
    with pytest.raises(AttemptError, match="value is nan"):
        Outcome(math.nan)


def test_the_objective_is_the_metric_of_its_name() -> None:
    outcome = Outcome(0.4, metrics={"auc": 0.9})
    assert (outcome.objective("auc"), outcome.objective("value")) == (0.9, 0.4)
    assert Outcome(0.4).objective("any") == 0.4
    with pytest.raises(AttemptError, match=r"no metric 'acu', only auc; set objective.metric to one of these"):
        outcome.objective("acu")


def test_the_best_trials_come_first_and_ties_go_to_the_earlier() -> None:
    trials = [trial(0, 0.5), trial(1, 0.9), trial(2, None, TrialState.FAILED), trial(3, 0.9), trial(4, 0.1)]
    assert [known.number for known in best_trials(trials, maximize=True)] == [1, 3, 0, 4]
    assert [known.number for known in best_trials(trials, maximize=False)] == [4, 0, 1, 3]


def test_only_what_was_submitted_or_runs_is_alive() -> None:
    assert {state for state in AttemptState if state.is_alive} == {AttemptState.SUBMITTED, AttemptState.RUNNING}
