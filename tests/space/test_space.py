"""What a space accepts, refuses and means."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

from bohpo.errors import SpaceError
from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space, from_distribution, to_distribution

LR = FloatParameter("lr", 1e-4, 0.1, log=True)
DEPTH = IntParameter("depth", 2, 5)
OPTIMIZER = CategoricalParameter("optimizer", ("adamw", "sgd"))
MOMENTUM = FloatParameter("momentum", 0.5, 0.9, when={"optimizer": ("sgd",)})
NESTEROV = CategoricalParameter("nesterov", (True, False), when={"optimizer": ("sgd",), "depth": (2, 3)})
WEIGHT = FloatParameter("weight", 0.0, 1.0, step=0.25, when={"nesterov": (True,)})
SPACE = Space((WEIGHT, NESTEROV, MOMENTUM, LR, OPTIMIZER, DEPTH))


def test_parents_come_first_and_all_else_stays_in_order() -> None:
    assert SPACE.names == ("lr", "optimizer", "momentum", "depth", "nesterov", "weight")


def test_the_middle_of_the_unit_cube_is_the_default() -> None:
    assert Space((LR, DEPTH)).decode([0.5, 0.5]) == Space((LR, DEPTH)).default == {"lr": 0.00316227766017, "depth": 4}


def test_a_log_parameter_spends_equal_lengths_on_equal_ratios() -> None:
    assert [LR.decode(at) for at in (0, 1 / 3, 2 / 3, 1)] == [1e-4, 1e-3, 1e-2, 0.1]


def test_coordinates_outside_the_cube_fall_on_its_faces() -> None:
    assert [LR.decode(-0.1), LR.decode(1.1)] == [1e-4, 0.1]
    assert [DEPTH.decode(-0.1), DEPTH.decode(1.1)] == [2, 5]


def test_whole_numbers_share_the_axis_evenly() -> None:
    values = [DEPTH.decode(at) for at in np.linspace(0, 1, 400, endpoint=False)]
    assert [values.count(depth) for depth in (2, 3, 4, 5)] == [100] * 4


def test_nested_conditions_hold_only_where_every_parent_is_active_with_a_named_value() -> None:
    values: dict[str, Any] = {"lr": 0.01, "momentum": 0.6, "nesterov": True, "weight": 0.5}
    assert list(SPACE.activate({**values, "optimizer": "adamw", "depth": 2})) == ["lr", "optimizer", "depth"]
    assert "nesterov" not in SPACE.activate({**values, "optimizer": "sgd", "depth": 4})
    assert "weight" not in SPACE.activate({**values, "optimizer": "sgd", "depth": 4})
    assert "weight" in SPACE.activate({**values, "optimizer": "sgd", "depth": 3})
    assert "weight" not in SPACE.activate({**values, "nesterov": False, "optimizer": "sgd", "depth": 3})


def test_inactive_parameters_lie_in_the_middle_of_their_axis() -> None:
    encoded = SPACE.encode({"lr": 1e-4, "optimizer": "adamw", "depth": 5})
    assert encoded.tolist() == [0.0, 0.25, 0.5, 0.875, 0.5, 0.5]


def test_a_condition_on_a_stepped_float_may_be_written_as_a_whole_number() -> None:
    child = IntParameter("child", 1, 2, when={"weight": (1,)})
    space = Space((FloatParameter("weight", 0.0, 1.0, step=0.25), child))
    assert space.activate({"weight": 1.0, "child": 2}) == {"weight": 1.0, "child": 2}


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"lr": 0.01, "optimizer": "adamw"}, "depth: has no value; give one"),
        ({"lr": 0.01, "optimizer": "adamw", "deppth": 3}, "deppth: no such parameter; did you mean 'depth'?"),
        ({"lr": 0.01, "optimizer": "adamw", "depth": 2.0}, "depth: cannot be 2.0; it takes 2 .. 5"),
        ({"lr": 0.01, "optimizer": "adamw", "depth": True}, "depth: cannot be True; it takes 2 .. 5"),
        ({"lr": math.nan, "optimizer": "adamw", "depth": 3}, "lr: cannot be nan; it takes 0.0001 .. 0.1, log"),
        ({"lr": 0.2, "optimizer": "adamw", "depth": 3}, "lr: cannot be 0.2; it takes 0.0001 .. 0.1, log"),
        ({"lr": 0.01, "optimizer": "adam", "depth": 3}, "optimizer: cannot be 'adam'; it takes 'adamw', 'sgd'"),
        (
            {"lr": 0.01, "optimizer": "adamw", "depth": 3, "momentum": 0.6},
            "momentum: is not active in this configuration; leave it out",
        ),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(configuration: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceError) as refused:
        SPACE.check(configuration)
    assert str(refused.value) == message


def test_a_configuration_that_fits_is_given_back_in_order_and_rounded() -> None:
    checked = SPACE.check({"depth": 3, "optimizer": "adamw", "lr": 0.0123456789012345})
    assert list(checked.items()) == [("lr", 0.0123456789012), ("optimizer", "adamw"), ("depth", 3)]


def test_a_whole_number_will_do_for_a_float() -> None:
    assert Space((FloatParameter("x", 0, 2),)).check({"x": 1}) == {"x": 1.0}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FloatParameter("x", 1, 0), "x.low: low = 1.0 is above high = 0.0; swap them"),
        (lambda: FloatParameter("x", -1, 1, log=True), "x.low: low = -1.0 has no logarithm; make low positive, or"),
        (
            lambda: FloatParameter("x", 0, math.inf),
            "x.high: high = inf is out of range; stay within -1e+100 and 1e+100",
        ),
        (lambda: FloatParameter("x", math.nan, 1), "x.low: low = nan is out of range"),
        (
            lambda: FloatParameter("x", 1, 1 + 1e-12),
            "x.high: high = 1.000000000001 is too near low = 1.0 to tell apart",
        ),
        (lambda: FloatParameter("x", 0, 1, step=0), "x.step: step = 0.0 is not positive and finite"),
        (lambda: FloatParameter("x", 0, 1, step=math.nan), "x.step: step = nan is not positive and finite"),
        (lambda: FloatParameter("x", 0, 1, step=1e-7), "x.step: step = 1e-07 makes more than 100000 values"),
        (lambda: FloatParameter("x", 0, 1, step=1 / 3), "x.step: low = 0.0 or step = 0.3333333333333333 has over 12"),
        (lambda: FloatParameter("x", 1, 2, log=True, step=0.1), "x.step: step and log exclude each other"),
        (lambda: IntParameter("x", 3, 2), "x.low: low = 3 is above high = 2; swap them"),
        (lambda: IntParameter("x", 0, 2, log=True), "x.low: low = 0 has no logarithm"),
        (lambda: IntParameter("x", 0, 10**13), "x.high: high = 10000000000000 is out of range"),
        (lambda: IntParameter("x", 0, 2, step=0), "x.step: step = 0 is not positive; make it at least 1"),
        (lambda: IntParameter("x", 1, 9, log=True, step=2), "x.step: step and log exclude each other"),
        (lambda: CategoricalParameter("x", ()), "x.choices: there are no choices; list at least one"),
        (lambda: CategoricalParameter("x", (1, True)), "x.choices: True is the same choice as 1; list it once"),
        (lambda: CategoricalParameter("x", ("a", "a")), "x.choices: 'a' is the same choice as 'a'; list it once"),
        (lambda: CategoricalParameter("x", (math.inf,)), "x.choices: inf is no finite number; leave it out"),
        (lambda: Space((DEPTH, DEPTH)), "depth: two parameters have this name; rename one"),
        (lambda: Space((MOMENTUM,)), "momentum.when.optimizer: there is no parameter 'optimizer'; define it"),
        (
            lambda: Space((LR, IntParameter("x", 1, 2, when={"lr": (0.01,)}))),
            "x.when.lr: 'lr' is continuous, so it hardly ever has just this value; give it a step",
        ),
        (lambda: Space((DEPTH, IntParameter("x", 1, 2, when={"depth": ()}))), "x.when.depth: there are no values"),
        (
            lambda: Space((DEPTH, IntParameter("x", 1, 2, when={"depth": (3, 9)}))),
            "x.when.depth: 'depth' is never 9; it takes 2 .. 5",
        ),
        (
            lambda: Space((DEPTH, IntParameter("x", 1, 2, when={"depth": (3.0,)}))),
            "x.when.depth: 'depth' is never 3.0; it takes 2 .. 5",
        ),
        (
            lambda: Space((IntParameter("x", 1, 2, when={"x": (1,)}),)),
            "x.when: the conditions go in a circle: x -> x; drop one",
        ),
    ],
)
def test_a_contradiction_is_refused_with_its_remedy(make: Any, message: str) -> None:
    with pytest.raises(SpaceError) as refused:
        make()
    assert str(refused.value).startswith(message)


def test_all_contradictions_of_a_space_are_named_at_once() -> None:
    circle = [IntParameter(name, 1, 2, when={parent: (1,)}) for name, parent in ("ab", "bc", "ca", "da", "ef", "fe")]
    with pytest.raises(SpaceError) as refused:
        Space((*circle, IntParameter("g", 1, 2, when={"deep": (1,)}), DEPTH))
    assert str(refused.value).splitlines() == [
        "g.when.deep: there is no parameter 'deep'; did you mean 'depth'?",
        "a.when: the conditions go in a circle: a -> b -> c -> a; drop one",
        "e.when: the conditions go in a circle: e -> f -> e; drop one",
    ]


def test_the_size_counts_inactive_parameters_once() -> None:
    flags = [CategoricalParameter(f"use_{index}", (True, False)) for index in range(30)]
    extra = [IntParameter(f"n_{index}", 1, 3, when={f"use_{index}": (True,)}) for index in range(30)]
    assert Space((*flags, *extra)).size() == 4.0**30
    assert Space((OPTIMIZER, DEPTH, NESTEROV, WEIGHT)).size() == 4 + (2 * (5 + 1) + 2)
    assert SPACE.size() == math.inf
    assert Space(()).size() == 1


def test_a_continuous_parameter_that_is_a_single_point_counts_once() -> None:
    assert Space((FloatParameter("x", 0.5, 0.5), DEPTH)).size() == 4


def test_optuna_is_told_of_steps_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stepped = to_distribution(FloatParameter("x", -0.3, 0.35, step=0.1))
        whole = to_distribution(IntParameter("n", 1, 10, step=4))
    assert from_distribution("x", stepped) == FloatParameter("x", -0.3, 0.3, step=0.1)
    assert from_distribution("n", whole) == IntParameter("n", 1, 9, step=4)


def test_a_space_is_made_of_optunas_distributions() -> None:
    known = Space((LR, DEPTH, OPTIMIZER))
    assert Space.from_distributions(known.distributions(known.default)) == known


def test_the_space_imports_neither_optuna_nor_torch() -> None:
    script = "import sys, bohpo.space; print([name for name in ('optuna', 'torch', 'pydantic') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
