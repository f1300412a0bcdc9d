"""Parameters at an end of their range are found, on their own scale, and only where there is a range."""

from __future__ import annotations

import pytest

from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Parameter, Space
from bohpo.space.edges import Edge, find_edges
from bohpo.trial import Scalar

LR = FloatParameter("learning_rate", 1e-4, 0.3, log=True)
DROPOUT = FloatParameter("dropout", 0.0, 0.5)
LEVELS = IntParameter("levels", 2, 5)


def _find(parameter: Parameter, value: Scalar) -> tuple[Edge, ...]:
    return find_edges(Space((parameter,)), {parameter.name: value})


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        (LR, 0.3, Edge("learning_rate", "upper", 0.3, 0.3)),
        (LR, 1e-4, Edge("learning_rate", "lower", 1e-4, 1e-4)),
        # A hundredth of ln(3000) = 8.006 from the end: exp(0.08) = 1.083.
        (LR, 0.3 / 1.08, Edge("learning_rate", "upper", 0.3, 0.3 / 1.08)),
        (LR, 1.08e-4, Edge("learning_rate", "lower", 1e-4, 1.08e-4)),
        (LR, 0.3 / 1.09, None),
        (LR, 1.09e-4, None),
        (DROPOUT, 0.0049, Edge("dropout", "lower", 0.0, 0.0049)),
        (DROPOUT, 0.0051, None),
        (DROPOUT, 0.4951, Edge("dropout", "upper", 0.5, 0.4951)),
        (LEVELS, 2, Edge("levels", "lower", 2, 2)),
        (LEVELS, 5, Edge("levels", "upper", 5, 5)),
        (LEVELS, 3, None),
        (IntParameter("batch", 1, 3), 3, Edge("batch", "upper", 3, 3)),
        (IntParameter("batch", 1, 2), 2, None),
        (IntParameter("batch", 4, 4), 4, None),
        (IntParameter("width", 8, 30, step=8), 24, Edge("width", "upper", 24, 24)),
        (IntParameter("width", 8, 30, step=8), 16, None),
        (IntParameter("width", 1, 1024, log=True), 1024, Edge("width", "upper", 1024, 1024)),
        (IntParameter("width", 1, 1024, log=True), 900, None),
        (FloatParameter("grid", 0.1, 0.95, step=0.2), 0.9, Edge("grid", "upper", 0.9, 0.9)),
        (FloatParameter("grid", 0.1, 0.4, step=0.2), 0.3, None),
        (FloatParameter("one", 0.5, 0.5), 0.5, None),
        (CategoricalParameter("optimizer", ("adamw", "sgd", "lion")), "lion", None),
        (CategoricalParameter("size", (1, 2, 4)), 4, None),
        (LR, None, None),
    ],
)
def test_an_end_is_found_on_the_parameters_own_scale(
    parameter: Parameter, value: Scalar, expected: Edge | None
) -> None:
    assert _find(parameter, value) == (() if expected is None else (expected,))


def test_only_active_parameters_are_told_in_the_order_of_the_space() -> None:
    momentum = FloatParameter("momentum", 0.5, 0.99, when={"optimizer": ("sgd",)})
    space = Space((LEVELS, CategoricalParameter("optimizer", ("adamw", "sgd")), momentum, LR))
    found = find_edges(space, {"learning_rate": 0.3, "optimizer": "adamw", "levels": 5, "momentum": None})
    assert [edge.parameter for edge in found] == ["levels", "learning_rate"]
    assert find_edges(space, {"optimizer": "sgd", "momentum": 0.5, "levels": 3, "learning_rate": 0.01}) == (
        Edge("momentum", "lower", 0.5, 0.5),
    )


def test_the_words_name_bound_and_remedy() -> None:
    assert Edge("learning_rate", "upper", 0.3, 0.3).words == "learning_rate is at its upper bound 0.3; widen it"
    assert Edge("learning_rate", "lower", 1e-4, 1.05e-4).words == (
        "learning_rate is 0.000105, close to its lower bound 0.0001; widen it"
    )
    assert Edge("dropout", "lower", 0.0, 0.0).words == (
        "dropout is at its lower bound 0; widen it, if values beyond it make sense"
    )
