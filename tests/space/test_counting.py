"""Counting configurations: the same as listing them, in work that does not explode with the depth of conditions."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Parameter, Space
from bohpo.space.checks import MOST_COMPARED, nearest_words
from bohpo.space.conditions import holds, parents_first
from bohpo.space.counting import MOST_WORK, count_configurations
from bohpo.space.elimination import MOST_COUNTED
from bohpo.trial import Scalar

MIXED: tuple[Scalar, ...] = (1, "a", True, 2.5)


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Draw a space of up to six parameters, each on any of those before it."""
    parameters: list[Parameter] = []
    for index in range(draw(st.integers(0, 6))):
        parents = (
            draw(st.lists(st.sampled_from(parameters), unique_by=lambda p: p.name, max_size=3)) if parameters else []
        )
        when = {parent.name: tuple(draw(st.sets(st.sampled_from(_values(parent)), min_size=1))) for parent in parents}
        name = f"p{index}"
        if draw(st.booleans()):
            parameters.append(IntParameter(name, 1, draw(st.integers(1, 3)), when=when))
        else:
            choices: list[Scalar] = draw(st.lists(st.sampled_from(("a", "b", False, 2.5)), unique=True, min_size=1))
            parameters.append(CategoricalParameter(name, tuple(choices), when=when))
    return Space(tuple(parameters))


def _values(parameter: Parameter) -> tuple[Scalar, ...]:
    return parameter.choices if isinstance(parameter, CategoricalParameter) else tuple(parameter.grid)


def _listed(space: Space) -> list[dict[str, Scalar]]:
    found: list[dict[str, Scalar]] = [{}]
    for parameter in space.parameters:
        found = [
            longer
            for known in found
            for longer in (
                [{**known, parameter.name: value} for value in _values(parameter)]
                if holds(parameter.when, known)
                else [known]
            )
        ]
    return found


@given(spaces())
@settings(max_examples=300)
def test_the_count_is_the_length_of_the_list(space: Space) -> None:
    count = space.count()
    assert count.is_exact
    assert count.number == len(_listed(space))


@given(spaces())
def test_without_work_the_count_is_a_bound(space: Space) -> None:
    bound = count_configurations(space.parameters, most_work=0)
    assert bound.number >= len(_listed(space))
    assert bound.is_exact is (len(space) == 0 or not bound.number)


def _chain(depth: int) -> Space:
    return Space(tuple(_link(at) for at in range(depth)))


def _link(at: int) -> CategoricalParameter:
    return CategoricalParameter(f"p{at}", ("a", "b", "c"), {f"p{at - 1}": ("a",)} if at else {})


@pytest.mark.parametrize("depth", [12, 40, 400, 1500])
def test_the_work_grows_with_the_depth_and_not_with_its_power(depth: int) -> None:
    count = _chain(depth).count()
    assert (count.number, count.is_exact) == (2 * depth + 1, True)
    assert count.work <= 20 * depth


def test_a_chain_deeper_than_the_stack_is_ordered_encoded_and_decoded() -> None:
    depth = sys.getrecursionlimit() + 500
    space = Space(tuple(_link(at) for at in reversed(range(depth))))
    assert space.names == tuple(f"p{at}" for at in range(depth))
    deepest = space.decode([0.1] * depth)
    assert len(deepest) == depth
    assert space.check(deepest) == deepest
    assert space.decode(space.encode(deepest)) == deepest


@pytest.mark.parametrize(("width", "exact"), [(1, True), (3, True), (5, True), (9, False)])
def test_a_thousand_parameters_on_several_each_stay_within_the_work(width: int, exact: bool) -> None:
    space = Space(
        tuple(
            IntParameter(f"p{at}", 1, 3, when={f"p{k}": (1, 2) for k in range(max(0, at - width), at)})
            for at in range(1000)
        )
    )
    count = space.count()
    assert count.is_exact is exact
    assert count.work <= MOST_WORK
    assert 0 < count.number <= MOST_COUNTED


def test_a_wide_fan_is_counted_by_one_table_for_each() -> None:
    root = CategoricalParameter("root", tuple(range(300)))
    fan = [CategoricalParameter(f"p{at}", ("a", "b"), {"root": (at,)}) for at in range(300)]
    count = Space((root, *fan)).count()
    assert count.number == 600
    assert count.work <= 4 * 300 * 301 * 3


def test_a_continuous_parameter_counts_only_where_it_can_be_active() -> None:
    mode = CategoricalParameter("mode", ("a", "b"))
    inner = IntParameter("inner", 1, 2, when={"mode": ("a",)})
    never = FloatParameter("never", 0, 1, when={"mode": ("b",), "inner": (1,)})
    below = FloatParameter("below", 0, 1, when={"inner": (1,), "mode": ("a",)})
    assert Space((mode, inner, never)).size() == 3
    assert Space((mode, inner, below)).size() == math.inf


def test_conditions_in_circles_are_told_and_the_others_ordered() -> None:
    conditions = {"a": {"b": (1,)}, "b": {"a": (1,)}, "c": {"a": (1,)}, "d": {}, "e": {"e": (1,)}}
    ordered, circles = parents_first(conditions)
    assert circles == [["a", "b"], ["e"]]
    assert sorted(ordered) == ["a", "b", "c", "d", "e"]
    assert ordered.index("c") > ordered.index("a")


def test_a_choice_is_told_from_one_that_is_equal_and_of_another_type() -> None:
    parameter = CategoricalParameter("x", MIXED[1:2] + MIXED[3:] + (1,))
    assert parameter.contains(1)
    assert not parameter.contains(True)
    assert not parameter.contains(1.0)
    with pytest.raises(ValueError, match="none of the choices"):
        parameter.index(True)


def test_a_long_word_is_compared_with_nothing_and_a_word_with_few(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def noted(word: str, known: list[str], n: int) -> list[str]:
        compared.append(len(word) * sum(map(len, known)))
        return known[:n]

    monkeypatch.setattr("difflib.get_close_matches", noted)
    assert nearest_words("a" * 100_000, ["a"]) == []
    assert nearest_words("a", ["b" * 100_000]) == []
    assert len(nearest_words("a" * 100, ("b" * 100 for _ in range(10**5)), most=3)) == 3
    assert max(compared) <= 100 * 100 * MOST_COMPARED
