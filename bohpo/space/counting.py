"""How many configurations a space has, counted in bounded work.

The conditions make a graph. Every parameter is a variable of few states: inactive, or active with one of the classes of
values that no condition tells apart. Every condition is a table over such variables, and a count is the sum over all
states of the product of the tables, which `bohpo.space.elimination` computes. In general the problem is #P-hard, so the
work has a limit. Beyond it, the count is an upper bound: the product of the numbers of values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from bohpo.space.elimination import MOST_COUNTED, Factor, Graph, sum_out_all
from bohpo.space.parameters import Parameter, identity
from bohpo.trial import Scalar

MOST_WORK = 2**21
"""Entries of tables that one count may compute: well under a second."""


@dataclass(frozen=True, slots=True)
class Count:
    """Number of configurations of a space.

    Attributes:
        number: At most `MOST_COUNTED`, or infinite where an active parameter is continuous.
        is_exact: Whether `number` is the count, rather than an upper bound.
        work: Entries of tables that were computed.
    """

    number: float
    is_exact: bool
    work: int = 0


def count_configurations(parameters: Sequence[Parameter], *, most_work: int = MOST_WORK) -> Count:
    """Count the configurations of parameters that come after those that their conditions name.

    Args:
        parameters: With conditions whose values are canonical.
        most_work: Entries of tables that may be computed.
    """
    possible = _possible(parameters)
    if any(math.isinf(known.count) for known in possible):
        return Count(math.inf, is_exact=True)
    graph = _graph(possible, most_work)
    number = sum_out_all(graph)
    if number is None:
        return Count(_product(int(known.count) for known in possible), is_exact=False, work=graph.work)
    return Count(number, is_exact=True, work=graph.work)


def _possible(parameters: Sequence[Parameter]) -> list[Parameter]:
    """Drop the parameters that no configuration has: their conditions ask two things of one parameter.

    All that must hold for a parameter to be active is a conjunction: of each ancestor one set of values.
    """
    demands: dict[str, Mapping[str, frozenset[tuple[str, Scalar]]]] = {}
    for parameter in parameters:
        demand: dict[str, frozenset[tuple[str, Scalar]]] = {}
        inherited = [demands.get(parent) for parent in parameter.when]
        if None in inherited:  # a parent is never active
            continue
        own = {name: frozenset(map(identity, values)) for name, values in parameter.when.items()}
        for asked in (*(known for known in inherited if known is not None), own):
            for name, values in asked.items():
                demand[name] = demand[name] & values if name in demand else values
        if all(demand.values()):
            demands[parameter.name] = demand
    return [parameter for parameter in parameters if parameter.name in demands]


def _graph(parameters: Sequence[Parameter], most_work: int) -> Graph:
    graph = Graph(most_work)
    naming: dict[str, dict[tuple[str, Scalar], int]] = {parameter.name: {} for parameter in parameters}
    for child, parameter in enumerate(parameters):
        for name, values in parameter.when.items():
            known = naming[name]
            for value in set(map(identity, values)):
                known[value] = known.get(value, 0) | 1 << child
    variables: dict[str, int] = {}
    groups: dict[str, list[int]] = {}
    for child, parameter in enumerate(parameters):
        classes = _classes(int(parameter.count), naming[parameter.name])
        groups[parameter.name] = [members for members, _ in classes]
        gates = [
            (variables[name], np.array([bool(members & 1 << child) for members in groups[name]]))
            for name in parameter.when
        ]
        variables[parameter.name] = _add(graph, [weight for _, weight in classes], gates)
    return graph


def _classes(count: int, named: Mapping[tuple[str, Scalar], int]) -> list[tuple[int, int]]:
    """Group the values of a parameter by the children that they make active, as (children, number of values)."""
    classes: dict[int, int] = {}
    for children in named.values():
        classes[children] = classes.get(children, 0) + 1
    if count > len(named):
        classes[0] = classes.get(0, 0) + count - len(named)
    return list(classes.items())


def _add(graph: Graph, weights: list[int], gates: list[tuple[int, NDArray[np.bool_]]]) -> int:
    """Add a parameter: its states are its classes and, where it is conditional, after them "inactive".

    Args:
        graph: Takes the variable and its tables.
        weights: Number of values of each class.
        gates: Variable of each parent, and for each of its classes whether it makes this parameter active.
    """
    if not gates:
        variable = graph.variable(len(weights))
        graph.factors.append(Factor((variable,), np.array(weights, dtype=object)))
        return variable
    padded = [(parent, np.pad(opens, (0, graph.states[parent] - len(opens)))) for parent, opens in gates]
    gate, opens = reduce(lambda first, second: _conjunction(graph, first, second), padded)
    variable = graph.variable(len(weights) + 1)
    active = np.array([*weights, 0], dtype=object)
    inactive = np.array([0] * len(weights) + [1], dtype=object)
    graph.factors.append(Factor((gate, variable), np.where(opens[:, None], active, inactive)))
    return variable


def _conjunction(
    graph: Graph, first: tuple[int, NDArray[np.bool_]], second: tuple[int, NDArray[np.bool_]]
) -> tuple[int, NDArray[np.bool_]]:
    """Add a variable that says whether two gates are open: conditions of many parents need no table over all."""
    (one, opens), (other, opens_too) = first, second
    both = graph.variable(2)
    holds = opens[:, None] & opens_too
    table = np.stack([~holds, holds], axis=-1).astype(int).astype(object)
    scope = (one, other, both)
    order = sorted(range(3), key=lambda axis: scope[axis])
    graph.factors.append(Factor(tuple(sorted(scope)), table.transpose(order)))
    return both, np.array([False, True])


def _product(counts: Iterable[int]) -> int:
    return reduce(lambda number, count: min(number * count, MOST_COUNTED), counts, 1)
