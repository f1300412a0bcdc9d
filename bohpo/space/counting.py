"""How many configurations a space has, counted in bounded work.

The conditions make a graph. Every parameter is a variable of few states: inactive, or active with one of the classes of
values that no condition tells apart. Every condition is a table over such variables, and a count is the sum over all
states of the product of the tables. Variables are summed out one by one, those with the smallest table first. Chains,
trees and bands of conditions of any depth take work that grows with their number. In general the problem is #P-hard, so
the work has a limit. Beyond it, the count is an upper bound: the product of the numbers of values.

Source:
    Dechter, "Bucket elimination: a unifying framework for reasoning", Artificial Intelligence 113 (1999).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray

from bohpo.space.parameters import Parameter, identity
from bohpo.trial import Scalar

MOST_COUNTED = 10**100
"""Counting stops here: nothing depends on larger numbers, and their digits would take work of their own."""

MOST_WORK = 2**21
"""Entries of tables that one count may compute: well under a second."""

MOST_AXES = 24
"""Variables of one table. Each has two states at least, so larger tables are beyond `MOST_WORK`."""

Table = NDArray[np.object_]


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


@dataclass(frozen=True, slots=True)
class _Factor:
    """A table over variables, one axis each, in ascending order of the variables."""

    scope: tuple[int, ...]
    table: Table


@dataclass(slots=True)
class _Graph:
    """Variables by index, and the tables over them.

    Attributes:
        most_work: Entries that may be computed.
        states: Number of states of every variable.
        factors: Tables that still have to be multiplied.
        work: Entries that were computed so far.
    """

    most_work: int
    states: list[int] = field(default_factory=list)
    factors: list[_Factor] = field(default_factory=list)
    work: int = 0

    def variable(self, states: int) -> int:
        """Add a variable and return its index."""
        self.states.append(states)
        return len(self.states) - 1

    def size(self, scope: Iterable[int]) -> int:
        """Return the number of entries of a table over these variables, or a larger one than may be computed."""
        size = 1
        for variable in scope:
            size *= self.states[variable]
            if size > self.most_work:
                break
        return size


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
    number = _eliminate(graph)
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


def _graph(parameters: Sequence[Parameter], most_work: int) -> _Graph:
    graph = _Graph(most_work)
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


def _add(graph: _Graph, weights: list[int], gates: list[tuple[int, NDArray[np.bool_]]]) -> int:
    """Add a parameter: its states are its classes and, where it is conditional, after them "inactive".

    Args:
        graph: Takes the variable and its tables.
        weights: Number of values of each class.
        gates: Variable of each parent, and for each of its classes whether it makes this parameter active.
    """
    if not gates:
        variable = graph.variable(len(weights))
        graph.factors.append(_Factor((variable,), np.array(weights, dtype=object)))
        return variable
    padded = [(parent, np.pad(opens, (0, graph.states[parent] - len(opens)))) for parent, opens in gates]
    gate, opens = reduce(lambda first, second: _conjunction(graph, first, second), padded)
    variable = graph.variable(len(weights) + 1)
    active = np.array([*weights, 0], dtype=object)
    inactive = np.array([0] * len(weights) + [1], dtype=object)
    graph.factors.append(_Factor((gate, variable), np.where(opens[:, None], active, inactive)))
    return variable


def _conjunction(
    graph: _Graph, first: tuple[int, NDArray[np.bool_]], second: tuple[int, NDArray[np.bool_]]
) -> tuple[int, NDArray[np.bool_]]:
    """Add a variable that says whether two gates are open: conditions of many parents need no table over all."""
    (one, opens), (other, opens_too) = first, second
    both = graph.variable(2)
    holds = opens[:, None] & opens_too
    table = np.stack([~holds, holds], axis=-1).astype(int).astype(object)
    scope = (one, other, both)
    order = sorted(range(3), key=lambda axis: scope[axis])
    graph.factors.append(_Factor(tuple(sorted(scope)), table.transpose(order)))
    return both, np.array([False, True])


def _eliminate(graph: _Graph) -> int | None:
    """Sum out all variables, the one with the smallest table next; None where that takes too much work."""
    touching: dict[int, set[int]] = {variable: set() for variable in range(len(graph.states))}
    for index, factor in enumerate(graph.factors):
        for variable in factor.scope:
            touching[variable].add(index)
    neighbours = {variable: _scope(graph, used) for variable, used in touching.items()}
    latest = {variable: graph.size(scope) for variable, scope in neighbours.items()}
    waiting = [(size, variable) for variable, size in latest.items()]
    heapq.heapify(waiting)
    total = 1
    while waiting:
        size, variable = heapq.heappop(waiting)
        if variable not in touching or size != latest[variable]:
            continue  # it is gone, or waits with its latest size, too
        used = touching.pop(variable)
        made = _sum_out(graph, variable, sorted(used), neighbours[variable])
        if made is None:
            return None
        if not made.scope:
            total = min(total * int(made.table[()]), MOST_COUNTED)
            continue
        graph.factors.append(made)
        for other in made.scope:
            touching[other].difference_update(used)
            touching[other].add(len(graph.factors) - 1)
            neighbours[other].update(made.scope)
            neighbours[other].discard(variable)
            latest[other] = graph.size(neighbours[other])
            heapq.heappush(waiting, (latest[other], other))
    return total


def _sum_out(graph: _Graph, variable: int, used: list[int], scope: set[int]) -> _Factor | None:
    """Multiply the tables that touch a variable, and sum over its states."""
    work = graph.work + graph.size(scope) * len(used)
    if work > graph.most_work or len(scope) > MOST_AXES:
        return None
    graph.work = work
    axes = sorted(scope)
    product = reduce(
        lambda made, table: _capped(made * table),
        (_spread(graph.factors[index], axes) for index in used),
    )
    rest = tuple(axis for axis in axes if axis != variable)
    summed = product.sum(axis=axes.index(variable), keepdims=True)
    return _Factor(rest, _capped(summed).reshape([graph.states[axis] for axis in rest]))


def _capped(table: Table) -> Table:
    return np.asarray(np.minimum(table, np.array(MOST_COUNTED, dtype=object)), dtype=object)


def _spread(factor: _Factor, axes: Sequence[int]) -> Table:
    """Give a table an axis of length 1 for every variable that it does not have."""
    lengths = dict(zip(factor.scope, factor.table.shape, strict=True))
    return factor.table.reshape([lengths.get(axis, 1) for axis in axes])


def _scope(graph: _Graph, used: Iterable[int]) -> set[int]:
    return reduce(or_, (set(graph.factors[index].scope) for index in used), set())


def _product(counts: Iterable[int]) -> int:
    return reduce(lambda number, count: min(number * count, MOST_COUNTED), counts, 1)
