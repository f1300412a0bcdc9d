"""Nothing is lost on the way to the unit cube and back, or to Optuna and back: every kind, every scale."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution

from bohpo.errors import SpaceError
from bohpo.space import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    Parameter,
    Space,
    from_distribution,
    to_distribution,
)
from bohpo.trial import Scalar

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])

SCALARS = st.one_of(
    st.text('abé\n "', max_size=5),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)


@st.composite
def floats(draw: st.DrawFn, /, name: str = "x", **extra: Any) -> FloatParameter:
    magnitude = 10.0 ** draw(st.integers(-99, 99))
    low, high = sorted(draw(st.tuples(*[st.floats(-9, 9)] * 2)))
    return _accepted(FloatParameter, name, low * magnitude, high * magnitude, **extra)


@st.composite
def log_floats(draw: st.DrawFn, /, name: str = "x", **extra: Any) -> FloatParameter:
    low, high = sorted(draw(st.tuples(*[st.floats(math.log(1e-99), math.log(1e99))] * 2)))
    return _accepted(FloatParameter, name, math.exp(low), math.exp(high), log=True, **extra)


@st.composite
def stepped_floats(draw: st.DrawFn, /, name: str = "x", **extra: Any) -> FloatParameter:
    decimals = draw(st.integers(-20, 30))
    low, cells, rest = draw(st.tuples(st.integers(-999, 999), st.integers(0, 300), st.floats(0, 0.9)))
    step = draw(st.integers(1, 999))
    low_bound, unit = float(f"{low}e{-decimals}"), float(f"{step}e{-decimals}")
    return _accepted(FloatParameter, name, low_bound, low_bound + (cells + rest) * unit, step=unit, **extra)


@st.composite
def ints(draw: st.DrawFn, /, name: str = "x", **extra: Any) -> IntParameter:
    low, high = sorted(draw(st.tuples(*[st.integers(-(10**12), 10**12)] * 2)))
    return IntParameter(name, low, high, step=draw(st.sampled_from([1, 1, 2, 7, 10**6])), **extra)


@st.composite
def log_ints(draw: st.DrawFn, /, name: str = "x", **extra: Any) -> IntParameter:
    low, width = draw(st.tuples(st.integers(1, 10**6), st.sampled_from([0, 1, 2, 10, 10**5, 10**11])))
    return IntParameter(name, low, low + width, log=True, **extra)


@st.composite
def categoricals(draw: st.DrawFn, /, name: str = "x", **extra: Any) -> CategoricalParameter:
    return CategoricalParameter(name, tuple(draw(st.lists(SCALARS, min_size=1, max_size=6, unique=True))), **extra)


def parameters(name: str = "x", **extra: Any) -> st.SearchStrategy[Parameter]:
    kinds: tuple[Callable[..., st.SearchStrategy[Parameter]], ...] = (
        floats,
        log_floats,
        stepped_floats,
        ints,
        log_ints,
        categoricals,
    )
    return st.one_of(*(kind(name, **extra) for kind in kinds))


@st.composite
def spaces(draw: st.DrawFn, max_size: int = 5) -> Space:
    made: list[Parameter] = []
    for index in range(draw(st.integers(1, max_size))):
        when: dict[str, tuple[Scalar, ...]] = {}
        parents = [known for known in made if isinstance(known, CategoricalParameter)]
        if draw(st.booleans()) and parents:
            parent = draw(st.sampled_from(parents))
            when = {parent.name: tuple(draw(st.lists(st.sampled_from(parent.choices), min_size=1, unique_by=repr)))}
        made.append(draw(parameters(f"p{index}", when=when)))
    return Space(tuple(draw(st.permutations(made))))


def _accepted(make: type[FloatParameter], *values: Any, **extra: Any) -> FloatParameter:
    try:
        return make(*values, **extra)
    except SpaceError:
        assume(False)
        raise


def _same(left: object, right: object) -> bool:
    return type(left) is type(right) and left == right


COORDINATES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0, math.nextafter(1, 0), 5e-324]))


@untimed
@given(parameters(), COORDINATES)
def test_a_decoded_value_survives_encoding_exactly(parameter: Parameter, coordinate: float) -> None:
    value = parameter.decode(coordinate)
    assert parameter.contains(value)
    assert 0 <= parameter.encode(value) <= 1
    assert _same(parameter.decode(parameter.encode(value)), value)
    assert _same(parameter.canonical(value), value)


@untimed
@given(st.one_of(floats(), log_floats(), stepped_floats()), st.data())
def test_any_value_of_an_interval_survives_once_it_is_canonical(parameter: FloatParameter, data: st.DataObject) -> None:
    value = parameter.canonical(data.draw(st.floats(parameter.low, parameter.high)))
    assert parameter.contains(value)
    assert parameter.decode(parameter.encode(value)) == value
    assert parameter.canonical(value) == value


@untimed
@given(st.one_of(floats(), log_floats(), stepped_floats()))
def test_both_ends_of_an_interval_survive(parameter: FloatParameter) -> None:
    for end in (parameter.canonical(parameter.low), parameter.canonical(parameter.last)):
        assert parameter.contains(end)
        assert parameter.decode(parameter.encode(end)) == end


@untimed
@given(st.one_of(ints(), log_ints()), st.data())
def test_every_whole_number_survives(parameter: IntParameter, data: st.DataObject) -> None:
    grid = parameter.grid
    for value in (grid[0], grid[-1], grid[data.draw(st.integers(0, len(grid) - 1))]):
        assert parameter.contains(value)
        assert _same(parameter.decode(parameter.encode(value)), value)


@untimed
@given(categoricals())
def test_every_choice_survives_with_its_type(parameter: CategoricalParameter) -> None:
    for choice in parameter.choices:
        assert _same(parameter.decode(parameter.encode(choice)), choice)


@untimed
@given(st.one_of(floats(), log_floats(), ints(), log_ints()), st.lists(COORDINATES, min_size=2, max_size=9))
def test_a_greater_coordinate_never_gives_a_smaller_number(parameter: Parameter, coordinates: list[float]) -> None:
    values = np.array([parameter.decode(coordinate) for coordinate in sorted(coordinates)], dtype=np.float64)
    assert (np.diff(values) >= 0).all()


@untimed
@given(spaces(), st.data())
def test_a_configuration_survives_the_unit_cube(space: Space, data: st.DataObject) -> None:
    coordinates = data.draw(st.lists(COORDINATES, min_size=len(space), max_size=len(space)))
    configuration = space.decode(coordinates)
    encoded = space.encode(configuration)
    again = space.decode(encoded)
    assert list(again) == list(configuration)
    assert all(_same(again[name], configuration[name]) for name in configuration)
    assert encoded.shape == (len(space),)
    assert ((encoded >= 0) & (encoded <= 1)).all()
    assert all(at == 0.5 for name, at in zip(space.names, encoded, strict=True) if name not in configuration)


@untimed
@given(spaces(), st.data())
def test_what_is_decoded_passes_the_check_whatever_its_order(space: Space, data: st.DataObject) -> None:
    configuration = space.decode(data.draw(st.lists(COORDINATES, min_size=len(space), max_size=len(space))))
    shuffled = dict(data.draw(st.permutations(list(configuration.items()))))
    assert list(space.check(shuffled).items()) == list(configuration.items())


@untimed
@given(spaces())
def test_parents_come_before_their_children(space: Space) -> None:
    for index, parameter in enumerate(space.parameters):
        assert set(parameter.when) <= set(space.names[:index])


@untimed
@given(spaces())
def test_the_size_counts_each_configuration_once(space: Space) -> None:
    size = space.size()
    assume(size <= 500)
    grids = [
        parameter.choices if isinstance(parameter, CategoricalParameter) else parameter.grid or (parameter.low,)
        for parameter in space.parameters
    ]
    assume(math.prod(len(grid) for grid in grids) <= 20_000)
    coordinates = [
        [parameter.encode(value) for value in grid] for parameter, grid in zip(space.parameters, grids, strict=True)
    ]
    decoded = (space.decode(point) for point in itertools.product(*coordinates))
    assert size == len({tuple((name, repr(value)) for name, value in known.items()) for known in decoded})


@untimed
@given(spaces())
def test_json_holds_a_space(space: Space) -> None:
    listed = json.loads(json.dumps(space.to_json(), allow_nan=False))
    assert [entry["name"] for entry in listed] == list(space.names)


@untimed
@given(parameters())
def test_optuna_gives_back_the_parameter_that_it_was_given(parameter: Parameter) -> None:
    again = from_distribution("x", to_distribution(parameter))
    assert type(again) is type(parameter)
    assert again.count == parameter.count
    assert again.default == parameter.default


@untimed
@given(parameters(), COORDINATES)
def test_optuna_stores_every_value_and_gives_it_back(parameter: Parameter, coordinate: float) -> None:
    distribution: BaseDistribution = to_distribution(parameter)
    value = parameter.decode(coordinate)
    stored = distribution.to_internal_repr(value)
    assert distribution._contains(stored)
    assert _same(distribution.to_external_repr(stored), value)


def test_steps_are_those_of_decimal_arithmetic() -> None:
    assert FloatParameter("x", -0.3, 0.35, step=0.1).grid == (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3)
    assert FloatParameter("x", 0, 1, step=0.3).grid == (0.0, 0.3, 0.6, 0.9)
    assert FloatParameter("x", 1e-9, 4e-9, step=1e-9).grid == (1e-9, 2e-9, 3e-9, 4e-9)
