"""What a trainer returns is taken as an outcome, or refused with what it was and what to return."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import pytest
import torch

from bohpo.errors import AttemptError
from bohpo.trainer import Curve, Outcome
from bohpo.trainer.returned import refused_annotation, to_outcome

if TYPE_CHECKING:
    from collections.abc import Sized as OnlyForTypeCheckers

HALF = Outcome(0.5)


@pytest.mark.parametrize(
    ("returned", "outcome"),
    [
        (HALF, HALF),
        (0.5, HALF),
        (1, Outcome(1.0)),
        (np.float32(0.5), HALF),
        (torch.tensor(0.5, requires_grad=True), HALF),
        ({"value": 0.5}, HALF),
        ({"value": np.float32(0.5), "variance": torch.tensor(0.25)}, Outcome(0.5, 0.25)),
        ({"dice": 0.5}, Outcome(0.5, metrics={"dice": 0.5})),
        ({"dice": 0.5, "train_seconds": 3}, Outcome(0.5, metrics={"dice": 0.5, "train_seconds": 3.0})),
        ({"metrics": {"dice": 0.5}}, Outcome(0.5, metrics={"dice": 0.5})),
        ({"value": 0.4, "dice": 0.5}, Outcome(0.4, metrics={"dice": 0.5})),
        (
            {"value": 0.5, "curves": {"roc": Curve((0.0,), (1.0,))}, "metrics": None},
            Outcome(0.5, curves={"roc": Curve((0.0,), (1.0,))}),
        ),
    ],
)
def test_an_outcome_a_number_or_a_dictionary_is_taken(returned: object, outcome: Outcome) -> None:
    taken = to_outcome(returned, "dice", "mine:train")
    assert taken == outcome
    assert taken.objective("dice") == (0.5 if "dice" in taken.metrics else taken.value)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "None"),
        (True, "True"),
        ("0.5", "a str, '0.5'"),
        ((0.5, 0.1), "a tuple of 2 elements"),
        ([0.5], "a list of 1 elements"),
        (np.array([0.1, 0.2, 0.3]), "a ndarray of 3 elements"),
        (object, "a type, <class 'object'>"),
    ],
)
def test_anything_else_is_refused_with_what_it_was(returned: object, said: str) -> None:
    with pytest.raises(AttemptError) as refused:
        to_outcome(returned, "dice", "mine:train")
    remedy = "return a bohpo.trainer.Outcome, a number, or a dictionary of figures by name"
    assert str(refused.value) == f"mine:train returned {said}; {remedy}"


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ({}, "returned a dictionary without 'value' or 'dice', with nothing; add one of them"),
        ({"auc": 0.5, "loss": 1}, "returned a dictionary without 'value' or 'dice', with auc, loss; add one of them"),
        ({"dice": "high"}, "dice is 'high', not a number"),
        ({"value": None}, "value is None, not a number"),
        ({"value": 0.5, "note": "fine"}, r"metrics.note is 'fine', not a number"),
        ({"value": 0.5, "metrics": [1]}, "returned a dictionary whose 'metrics' is no dictionary"),
        (float("nan"), "what mine:train returned is nan; a diverged training must fail"),
    ],
)
def test_a_dictionary_that_is_no_outcome_is_refused_by_its_key(returned: object, message: str) -> None:
    with pytest.raises(AttemptError, match=message):
        to_outcome(returned, "dice", "mine:train")


def _plain(config: Any, context: Any):  # type: ignore[no-untyped-def]  # noqa: ANN202
    return config, context


def _outcome(config: Any, context: Any) -> Outcome:
    raise NotImplementedError


def _optional(config: Any, context: Any) -> Optional[Outcome]:  # noqa: UP045
    raise NotImplementedError


def _number(config: Any, context: Any) -> float | np.float32:
    raise NotImplementedError


def _figures(config: Any, context: Any) -> dict[str, float]:
    raise NotImplementedError


def _mapping(config: Any, context: Any) -> Mapping[str, Any]:
    raise NotImplementedError


def _unresolved(config: Any, context: Any) -> OnlyForTypeCheckers:
    raise NotImplementedError


def _nothing(config: Any, context: Any) -> None:
    raise NotImplementedError


def _text(config: Any, context: Any) -> str:
    raise NotImplementedError


def _pair(config: Any, context: Any) -> tuple[float, float]:
    raise NotImplementedError


def _text_or_nothing(config: Any, context: Any) -> str | None:
    raise NotImplementedError


async def _later(config: Any, context: Any) -> Outcome:
    raise NotImplementedError


def _bit_by_bit(config: Any, context: Any) -> Iterator[Outcome]:
    yield HALF


async def _each_later(config: Any, context: Any) -> AsyncIterator[Outcome]:
    yield HALF


class _Callable:
    def __call__(self, config: Any, context: Any) -> Outcome:
        raise NotImplementedError


class _CallableLater:
    async def __call__(self, config: Any, context: Any) -> Outcome:
        raise NotImplementedError


@pytest.mark.parametrize(
    "function", [_Callable(), _plain, _outcome, _optional, _number, _figures, _mapping, _unresolved]
)
def test_an_annotation_that_may_be_an_outcome_is_not_refused(function: Callable[..., object]) -> None:
    assert refused_annotation(function) is None


@pytest.mark.parametrize(
    ("function", "annotation"),
    [
        (_nothing, "NoneType"),
        (_text, "str"),
        (_pair, "tuple[float, float]"),
        (_text_or_nothing, "str | None"),
        (_later, "a coroutine"),
        (_bit_by_bit, "a generator"),
        (_each_later, "a generator"),
        (functools.partial(_later, config={}), "a coroutine"),
        (_CallableLater(), "a coroutine"),
    ],
)
def test_an_annotation_that_is_never_an_outcome_is_refused(function: Callable[..., object], annotation: str) -> None:
    assert refused_annotation(function) == annotation
