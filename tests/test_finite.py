"""Numbers of every kind that trainers compute with become Python floats, and nothing else does."""

from __future__ import annotations

import array
import json
import math
import re
from collections import deque
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bohpo.errors import AttemptError
from bohpo.finite import is_number, to_column, to_finite, to_float
from bohpo.trainer import AttemptDirectory, Context, Curve, Outcome


def named(value: object) -> str:
    """Return a name of a case that is the same in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


class WithoutList:
    """An array as TensorFlow, xarray and polars have it: numpy's interface, but no `tolist`."""

    def __init__(self, values: Any) -> None:
        """Wrap a value that numpy takes."""
        self._values = np.asarray(values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._values

    def __repr__(self) -> str:
        return f"WithoutList({self._values!r})"


class Index:
    """A whole number that has no other conversion, as numpy's own protocol of indices allows."""

    def __index__(self) -> int:
        return 3


HALVES: list[Any] = [
    WithoutList(0.5),
    WithoutList([0.5]),
    0.5,
    np.float16(0.5),
    np.float32(0.5),
    np.float64(0.5),
    np.longdouble(0.5),
    np.array(0.5),
    np.array([[0.5]], dtype=np.float32),
    torch.tensor(0.5),
    torch.tensor([0.5]),
    torch.tensor(0.5, requires_grad=True) * 1.0,
    torch.tensor(0.5, dtype=torch.bfloat16),
    Decimal("0.5"),
    Fraction(1, 2),
]
NO_NUMBERS: list[Any] = [
    None,
    "0.5",
    b"0.5",
    True,
    np.bool_(True),
    np.array(True),
    torch.tensor(True),
    [0.5],
    (0.5,),
    {"value": 0.5},
    WithoutList([0.5, 0.5]),
    WithoutList(True),
    0.5 + 0j,
    np.complex64(0.5),
    np.array([0.5, 0.5]),
    np.array([]),
    np.array(["0.5"]),
    torch.tensor([0.5, 0.5]),
    torch.tensor(0.5, device="meta"),
    Decimal("sNaN"),
    float,
    np.float32,
]


@pytest.mark.parametrize("half", HALVES, ids=named)
def test_a_number_of_any_kind_is_taken_as_a_python_float(half: Any, tmp_path: Path) -> None:
    outcome = Outcome(value=half, variance=half, metrics={"dice": half})
    assert (outcome.value, outcome.variance, outcome.metrics) == (0.5, 0.5, {"dice": 0.5})
    assert {type(figure) for figure in (outcome.value, outcome.variance, *outcome.metrics.values())} == {float}
    assert json.loads(json.dumps(outcome.to_json()))["value"] == 0.5
    Context.in_directory(tmp_path).report(1, half)
    assert AttemptDirectory(tmp_path).read_progress() == [(1, 0.5)]


@pytest.mark.parametrize("three", [3, np.int8(3), np.uint64(3), np.array(3), torch.tensor(3), Index()], ids=named)
def test_a_whole_number_of_any_kind_is_taken(three: Any) -> None:
    assert Outcome(three).to_json()["value"] == 3.0


@pytest.mark.parametrize("no_number", NO_NUMBERS, ids=named)
def test_what_is_no_number_is_refused_by_its_key(no_number: Any, tmp_path: Path) -> None:
    assert not is_number(no_number)
    with pytest.raises(AttemptError, match=r"^value is .*, not a number; write a finite number$"):
        Outcome(value=no_number)
    with pytest.raises(AttemptError, match=r"^metrics\.dice is .*, not a number"):
        Outcome(0.5, metrics={"dice": no_number})
    with pytest.raises(AttemptError, match=r"^report\(1, \.\.\.\): the value is .*, not a number"):
        Context.in_directory(tmp_path).report(1, no_number)


@pytest.mark.parametrize("endless", [math.nan, np.float32("inf"), torch.tensor(math.nan), Decimal("NaN"), -(10**400)])
def test_what_is_not_finite_is_refused_in_every_place(endless: Any) -> None:
    for make in (
        lambda: Outcome(endless),
        lambda: Outcome(0.5, variance=endless),
        lambda: Outcome(0.5, metrics={"dice": endless}),
        lambda: Curve((endless,), (0.5,)),
    ):
        with pytest.raises(AttemptError, match="a diverged training must fail instead of reporting it"):
            make()


@pytest.mark.parametrize("three", [3, np.int64(3), torch.tensor(3), 3.0, np.array([3])], ids=named)
def test_a_step_of_any_kind_is_reported_and_saved(three: Any, tmp_path: Path) -> None:
    context = Context.in_directory(tmp_path)
    context.report(three, 0.5)
    context.checkpoint.save(three, b"state")
    assert AttemptDirectory(tmp_path).read_progress() == [(3, 0.5)]
    assert context.checkpoint.load() == (3, b"state")


@pytest.mark.parametrize("step", [-1, 2.5, math.nan, math.inf, 10**13, True, "3", None, np.array([1, 2])], ids=named)
def test_what_is_no_step_is_refused_before_it_is_lost(step: Any, tmp_path: Path) -> None:
    context = Context.in_directory(tmp_path)
    with pytest.raises(AttemptError, match=r"^report\(step, \.\.\.\): the step is "):
        context.report(step, 0.5)
    with pytest.raises(AttemptError, match=r"^checkpoint\.save\(step, \.\.\.\): the step is "):
        context.checkpoint.save(step, b"state")
    assert list(tmp_path.iterdir()) == []


def test_a_number_beyond_all_floats_keeps_its_sign() -> None:
    assert to_float("x", 10**400) == math.inf
    assert to_float("x", Fraction(-(10**400), 3)) == -math.inf


@pytest.mark.parametrize(
    "column",
    [
        [0.0, 0.5],
        np.array([0.0, 0.5], dtype=np.float32),
        torch.tensor([0.0, 0.5], requires_grad=True),
        array.array("d", [0.0, 0.5]),
        [np.float32(0.0), torch.tensor(0.5)],
        WithoutList([0.0, 0.5]),
        [WithoutList(0.0), WithoutList([0.5])],
        deque([0.0, 0.5]),
        {0.0: 1, 0.5: 2}.keys(),
        {1: 0.0, 2: 0.5}.values(),
    ],
    ids=named,
)
def test_a_column_of_any_kind_is_taken_as_python_floats(column: Any) -> None:
    curve = Curve(x=column, y=column, lower=column, upper=column)
    assert {curve.x, curve.y, curve.lower, curve.upper} == {(0.0, 0.5)}
    assert {type(figure) for figure in curve.x} == {float}
    assert Outcome.from_json(json.loads(json.dumps(Outcome(0.5, curves={"froc": curve}).to_json()))).curves == {
        "froc": curve
    }


def test_a_column_may_come_from_a_generator() -> None:
    assert Curve(x=(step / 2 for step in range(3)), y=map(float, "123")).y == (1.0, 2.0, 3.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "column", [0.5, np.array(0.5), WithoutList(0.5), "12", b"12", {"a": 1.0}, {0.5, 1.0}, None], ids=named
)
def test_what_is_no_column_is_refused_by_its_key(column: Any) -> None:
    with pytest.raises(AttemptError, match=r"^y is not a list of numbers$"):
        Curve((0.0,), column)


def test_columns_of_two_dimensions_or_other_lengths_are_refused_when_the_curve_is_made() -> None:
    with pytest.raises(AttemptError, match=r"^x\[0\] is \[0\.0, 1\.0\], not a number"):
        Curve(np.array([[0.0, 1.0]]), (0.5,))  # type: ignore[arg-type]
    with pytest.raises(AttemptError, match=r"^upper has 1 values, x has 2$"):
        Curve((0.0, 1.0), (0.5, 0.6), (), (0.7,))


def test_a_curve_as_a_dictionary_is_taken_and_anything_else_refused() -> None:
    taken = Outcome(0.5, curves={"froc": {"x": np.array([0.0]), "y": [0.5]}})  # type: ignore[dict-item]
    assert taken.curves["froc"] == Curve((0.0,), (0.5,))
    with pytest.raises(AttemptError, match=r"^curves\.froc is not an object; write"):
        Outcome(0.5, curves={"froc": [0.5]})  # type: ignore[dict-item]
    with pytest.raises(AttemptError, match="must be objects keyed by name"):
        Outcome(0.5, metrics=[0.5])  # type: ignore[arg-type]


def test_the_key_of_a_column_counts_its_elements() -> None:
    with pytest.raises(AttemptError, match=r"^x\[1\] is None, not a number"):
        to_column("x", [0.0, None])
    with pytest.raises(AttemptError, match=r"^lr is nan"):
        to_finite("lr", math.nan)
