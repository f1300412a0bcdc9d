"""What a history says: importance against indices that are known, and the configuration expected to be the best."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from bohpo.optimizer import Explanation, History, Memory, explain
from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space
from bohpo.trial import Configuration, Observation

CUBE = Space(tuple(FloatParameter(name, 0.0, 1.0) for name in "abcd"))
BRANCHES = Space(
    (
        CategoricalParameter("kind", ("plain", "tuned")),
        FloatParameter("tuning", 0.0, 1.0, when={"kind": ("tuned",)}),
        FloatParameter("other", 0.0, 1.0),
    )
)


def number(configuration: Configuration, name: str) -> float:
    value = configuration[name]
    assert isinstance(value, int | float)
    return value


def additive(configuration: Configuration) -> float:
    """Have indices 16/21, 4/21, 1/21 and 0: a uniform number's variance goes with the square of its factor."""
    return sum(factor * number(configuration, name) for name, factor in zip("abc", (4.0, 2.0, 1.0), strict=True))


def tuned(configuration: Configuration) -> float:
    """Hang on `tuning` where there is one, and be as good as its middle where not."""
    return number(configuration, "tuning") if "tuning" in configuration else 0.5


def searched(space: Space, score: Callable[[Configuration], float], count: int, noise: float = 0.0) -> History:
    rng = np.random.default_rng(3)
    configurations = [space.decode(rng.random(len(space))) for _ in range(count)]
    return History(tuple(Observation(c, score(c) + noise * rng.standard_normal()) for c in configurations))


def shares(explanation: Explanation) -> dict[str, float]:
    return {one.name: one.share for one in explanation.importance}


def width(explanation: Explanation) -> float:
    return sum(one.high - one.low for one in explanation.importance)


@pytest.mark.parametrize("maximize", [True, False])
def test_an_additive_function_has_the_indices_of_its_parts(maximize: bool) -> None:
    found = explain(CUBE, searched(CUBE, additive, 60), maximize=maximize)
    assert list(shares(found)) == ["a", "b", "c", "d"]
    assert shares(found) == pytest.approx({"a": 16 / 21, "b": 4 / 21, "c": 1 / 21, "d": 0.0}, abs=0.04)


def test_a_product_counts_for_both_of_its_factors() -> None:
    # of xy: V = 7/144 in all, 3/144 by each alone, so a total effect of 4/7
    found = shares(explain(CUBE, searched(CUBE, lambda c: number(c, "a") * number(c, "b"), 80), maximize=False))
    assert found["a"] == pytest.approx(4 / 7, abs=0.06)
    assert found["b"] == pytest.approx(4 / 7, abs=0.06)


def test_a_parameter_that_does_nothing_gets_nearly_nothing() -> None:
    found = explain(CUBE, searched(CUBE, additive, 40, noise=0.3), maximize=True)
    nothing = found.importance[-1]
    assert nothing.name == "d"
    assert 0.0 <= nothing.low <= nothing.share <= nothing.high < 0.05


def test_more_trials_leave_less_open() -> None:
    widths = [width(explain(CUBE, searched(CUBE, additive, count), maximize=True)) for count in (3, 12, 48)]
    assert widths[0] > 2.0 * widths[1] > 4.0 * widths[2]


def test_after_three_trials_nothing_is_sure() -> None:
    for one in explain(CUBE, searched(CUBE, additive, 3), maximize=True).importance:
        assert one.low < one.share < one.high
        assert one.high - one.low > 0.2


def test_the_luckiest_observation_is_not_taken_for_the_best() -> None:
    def score(configuration: Configuration) -> float:
        return -4.0 * (number(configuration, "a") - 0.7) ** 2

    history = searched(CUBE, score, 40, noise=0.05)
    unlucky = {"a": 0.25, "b": 0.5, "c": 0.5, "d": 0.5}
    completed = (*history.completed, Observation(unlucky, 0.4))
    best = explain(CUBE, History(completed), maximize=True).best
    assert (best.observed.index, best.observed.value) == (40, 0.4)
    assert best.observed.mean < best.expected.mean
    chosen = history.completed[best.expected.index]
    assert abs(number(chosen.configuration, "a") - 0.7) < 0.15
    assert best.expected.value == chosen.value
    assert abs(best.expected.mean - score(chosen.configuration)) < 3.0 * best.expected.sd


def test_without_noise_the_best_observation_is_expected_to_be_the_best() -> None:
    for maximize, best_of in ((True, max), (False, min)):
        history = searched(CUBE, additive, 30)
        values = [observation.value for observation in history.completed]
        best = explain(CUBE, history, maximize=maximize).best
        assert best.expected == best.observed
        assert best.observed.index == values.index(best_of(values))
        assert best.expected.mean == pytest.approx(best_of(values), abs=0.2)


def test_a_conditional_parameter_counts_where_it_is_active() -> None:
    # Over the space V = 1/24; `tuning` changes the score in half of it, by 1/12: all of V. `kind` replaces the score
    # by 1/2 and back: E[(f - f')^2] / 2 = 1/2 * 1/12 / 2, half of V.
    found = shares(explain(BRANCHES, searched(BRANCHES, tuned, 60), maximize=True))
    assert found["tuning"] == pytest.approx(1.0, abs=0.1)
    assert found["kind"] == pytest.approx(0.5, abs=0.1)
    assert found["other"] < 0.05


def test_what_a_parent_switches_on_is_the_parents_effect_too() -> None:
    def gain(configuration: Configuration) -> float:
        return number(configuration, "tuning") if "tuning" in configuration else 0.0

    # V = 1/6 - 1/16 = 5/48; by `kind` half the points change by `tuning`, 1/3 in the mean square: 1/12; by `tuning`
    # half of them by two uniform numbers' difference: 1/24
    found = shares(explain(BRANCHES, searched(BRANCHES, gain, 60), maximize=True))
    assert found["kind"] == pytest.approx(0.8, abs=0.1)
    assert found["tuning"] == pytest.approx(0.4, abs=0.1)


def test_failures_speak_for_the_parameter_that_causes_them() -> None:
    history = searched(CUBE, lambda c: 0.05 * number(c, "a"), 60)
    failed = tuple(o.configuration for o in history.completed if number(o.configuration, "c") > 0.6)
    completed = tuple(o for o in history.completed if o.configuration not in failed)
    without, with_failures = (explain(CUBE, History(completed, gone), maximize=True) for gone in ((), failed))
    assert shares(with_failures)["c"] > shares(without)["c"] + 0.2


def test_the_same_history_is_explained_the_same_with_a_memory_or_without() -> None:
    history, memory = searched(CUBE, additive, 20, noise=0.1), Memory()
    alone = explain(CUBE, history, maximize=True, seed=5)
    assert explain(CUBE, history, maximize=True, seed=5, memory=memory) == alone
    assert explain(CUBE, history, maximize=True, seed=5, memory=memory) == alone


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_trials_or_equal_ones_are_explained_too(count: int) -> None:
    found = explain(CUBE, searched(CUBE, lambda _: 0.5, count), maximize=True)
    assert found.best.observed.value == 0.5
    assert all(math.isfinite(one.share) for one in found.importance)


def test_a_parameter_of_one_value_has_no_effect() -> None:
    space = Space((FloatParameter("a", 0.0, 1.0), IntParameter("fixed", 3, 3)))
    assert shares(explain(space, searched(space, lambda c: number(c, "a"), 10), maximize=True))["fixed"] < 1e-5


def test_thousands_of_trials_are_explained_from_a_sketch_of_them() -> None:
    found = explain(CUBE, searched(CUBE, additive, 2_000, noise=0.5), maximize=True)
    assert list(shares(found))[:2] == ["a", "b"]
    assert found.best.expected.mean == pytest.approx(7.0, abs=0.8)
