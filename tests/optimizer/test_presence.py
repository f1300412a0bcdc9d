"""Conditions are learned from which trials had which parameters."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bohpo.optimizer import presence
from bohpo.optimizer.presence import Presence
from bohpo.space import CategoricalParameter, Condition, FloatParameter, IntParameter, Parameter, Space
from bohpo.space.conditions import holds
from bohpo.trial import Configuration

SWITCHES = [CategoricalParameter(name, (0, 1, 2)) for name in "abc"]

DEPENDENT = [FloatParameter(name, 0.0, 1.0) for name in ("u", "v")]


def learn(configurations: list[Configuration], parameters: list[Parameter] | None = None) -> dict[str, Condition]:
    presence = Presence()
    for configuration in configurations:
        presence.add(configuration, is_complete=True)
    known = parameters or [*SWITCHES, *DEPENDENT]
    return {name: when for name, when in presence.conditions(known).items() if when}


def seen(text: str) -> Configuration:
    """Read `a0 b1 u` as a = 0, b = 1 and u, whose value does not matter."""
    return {word[0]: int(word[1]) if word[1:] else 0.5 for word in text.split()}


def test_two_parents_explain_what_neither_does_alone() -> None:
    configurations = [seen(text) for text in ("a1 b1 c0 u", "a1 b0 c0", "a0 b1 c0", "a0 b0 c0")]
    assert learn(configurations) == {"u": {"a": (1, 2), "b": (1, 2)}}


def test_a_value_is_spoken_against_only_where_it_alone_can_be_the_reason() -> None:
    configurations = [seen(text) for text in ("a1 b1 u", "a1 b0", "a0 b1", "a2 b0")]
    assert learn(configurations) == {"u": {"a": (1, 2), "b": (1, 2)}}
    assert learn([*configurations, seen("a2 b2")]) == {"u": {"a": (1,), "b": (1, 2)}}


def test_three_parents_explain_what_no_two_do() -> None:
    combinations = list(itertools.product((0, 1), repeat=3))
    configurations = [seen(f"a{a} b{b} c{c}" + " u" * (a == b == c == 1)) for a, b, c in combinations]
    assert learn(configurations) == {"u": {"a": (1, 2), "b": (1, 2), "c": (1, 2)}}


def test_one_parent_is_preferred_until_it_is_contradicted() -> None:
    configurations = [seen(text) for text in ("a1 b1 u", "a0 b1", "a0 b0")]
    assert learn(configurations) == {"u": {"a": (1, 2)}}
    assert learn([*configurations, seen("a1 b0")]) == {"u": {"a": (1, 2), "b": (1, 2)}}


def test_a_parent_that_is_missing_itself_rules_out() -> None:
    configurations = [seen(text) for text in ("a1 b1 c1 u", "a1 b1 c0", "a1 b0 c1", "a0 c1", "a0 c0")]
    assert learn(configurations) == {"b": {"a": (1, 2)}, "u": {"b": (1, 2), "c": (1, 2)}}


def test_what_is_active_for_either_of_two_reasons_is_left_unconditional() -> None:
    combinations = itertools.product((0, 1), repeat=2)
    assert learn([seen(f"a{a} b{b}" + " u" * (a == 1 or b == 1)) for a, b in combinations]) == {}


def test_a_parameter_that_came_with_a_change_of_the_code_is_left_unconditional() -> None:
    before = [seen(f"a{i % 3} b{i // 3}") for i in range(9)]
    after = [seen(f"a{i} b{2 - i} u") for i in range(3)]
    assert learn([*before, *after]) == {}


def test_whole_numbers_and_grids_may_be_parents() -> None:
    parameters: list[Parameter] = [
        IntParameter("layers", 1, 4),
        FloatParameter("width", 0.1, 0.3, step=0.1),
        *DEPENDENT,
    ]
    grid = (0.1, 0.2, 0.30000000000000004)
    configurations: list[Configuration] = [
        {"layers": layers, "width": width, **({"u": 0.5} if layers > 2 else {}), **({"v": 0.5} if width > 0.25 else {})}
        for layers in range(1, 5)
        for width in grid
    ]
    assert learn(configurations, parameters) == {"u": {"layers": (3, 4)}, "v": {"width": (0.3,)}}


def test_a_parameter_of_many_values_is_no_parent() -> None:
    parameters: list[Parameter] = [IntParameter("units", 1, 1000), *DEPENDENT]
    configurations: list[Configuration] = [
        {"units": units, **({"u": 0.5} if units > 500 else {})} for units in (1, 900)
    ]
    assert learn(configurations, parameters) == {}


def test_a_failed_trial_that_broke_off_does_not_spoil_what_completed_trials_say() -> None:
    presence = Presence()
    for text in ("a1 b0 u", "a0 b0", "a1 b1 u"):
        presence.add(seen(text), is_complete=True)
    presence.add(seen("a1 b0"), is_complete=False)
    assert presence.conditions([*SWITCHES, *DEPENDENT])["u"] == {"a": (1, 2)}


configurations_of_anything = st.lists(
    st.builds(
        lambda switches, dependent: {**switches, **dict.fromkeys(dependent, 0.5)},
        st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)),
        st.sets(st.sampled_from("uv")),
    ).filter(bool),
    max_size=12,
)


@given(configurations_of_anything, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_trials_does_not_matter(configurations: list[Configuration], shuffler: random.Random) -> None:
    shuffled = configurations.copy()
    shuffler.shuffle(shuffled)
    assert learn(shuffled) == learn(configurations)


@given(configurations_of_anything)
@settings(deadline=None)
def test_what_is_learned_on_the_way_does_not_matter(configurations: list[Configuration]) -> None:
    presence = Presence()
    for configuration in configurations:
        presence.add(configuration, is_complete=True)
        on_the_way = presence.conditions([*SWITCHES, *DEPENDENT])
    if configurations:
        assert {name: when for name, when in on_the_way.items() if when} == learn(configurations)


@given(configurations_of_anything)
@settings(deadline=None)
def test_a_condition_holds_in_all_trials_that_had_the_parameter_and_in_no_other(
    configurations: list[Configuration],
) -> None:
    for name, when in learn(configurations).items():
        for configuration in configurations:
            assert (name in configuration) == holds(when, configuration)


@st.composite
def conditional_spaces(draw: st.DrawFn) -> Space:
    """Make a space whose conditions name up to three parents, conditional ones among them."""
    parameters: list[Parameter] = []
    for name in "abcdef":
        parents = draw(st.sets(st.sampled_from([p.name for p in parameters]), max_size=3)) if parameters else set()
        when = {parent: tuple(sorted(draw(st.sets(st.integers(0, 1), min_size=1)))) for parent in sorted(parents)}
        parameters.append(CategoricalParameter(name, (0, 1), when=when))
    return Space(tuple(parameters))


@given(conditional_spaces())
@settings(deadline=None, max_examples=100)
def test_conditions_are_found_once_everything_has_been_tried(space: Space) -> None:
    assignments = [
        dict(zip(space.names, values, strict=True)) for values in itertools.product((0, 1), repeat=len(space))
    ]
    tried = [space.activate(assignment) for assignment in assignments]
    names = [name for name in space.names if any(name in configuration for configuration in tried)]
    parameters: list[Parameter] = [CategoricalParameter(name, (0, 1)) for name in names]
    presence = Presence()
    for configuration in tried:
        presence.add(configuration, is_complete=True)
    conditions = presence.conditions(parameters)
    learned = Space(tuple(CategoricalParameter(name, (0, 1), when=conditions[name]) for name in names))
    assert [learned.activate(assignment) for assignment in assignments] == tried


@pytest.mark.parametrize("trials", [0, 1])
def test_little_is_learned_from_little(trials: int) -> None:
    assert learn([seen("a0 b0 u")] * trials) == {}


def test_a_condition_is_found_among_hundreds_of_parents_in_bounded_work(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []
    meeting = presence._meeting

    def counted(excluders: Sequence[frozenset[int]], size: int, chosen: tuple[int, ...]) -> Iterator[object]:
        looked_at.append(size)
        return meeting(excluders, size, chosen)

    monkeypatch.setattr(presence, "_meeting", counted)
    pairs = {frozenset({2 * at, 2 * at + 1}) for at in range(200)}
    assert presence._fewest(pairs) is None  # 200 pairs without a common member need 200 parents
    assert len(looked_at) < 50
    looked_at.clear()
    wide = {frozenset(range(at, at + 300)) for at in (0, 300, 600)}
    assert presence._fewest(wide) == (0, 300, 600)
    assert len(looked_at) <= 3 * presence.MOST_TRIED
    assert presence._fewest({frozenset({3, 5}), frozenset({5, 7}), frozenset({7, 3})}) == (3, 5)
