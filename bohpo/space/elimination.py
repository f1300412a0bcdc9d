"""The sum over the states of many variables of the product of tables over few of them, in bounded work.

Variables are summed out one by one, the one with the smallest table next. Chains, trees and bands of variables of any
length take work that grows with their number. Where tables grow beyond the limit, there is no sum.

Source:
    Dechter, "Bucket elimination: a unifying framework for reasoning", Artificial Intelligence 113 (1999).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray

MOST_COUNTED = 10**100
"""Counting stops here: nothing depends on larger numbers, and their digits would take work of their own."""

MOST_AXES = 24
"""Variables of one table. Each has two states at least, so larger tables are beyond `MOST_WORK`."""

Table = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Factor:
    """A table over variables, one axis each, in ascending order of the variables."""

    scope: tuple[int, ...]
    table: Table


@dataclass(slots=True)
class Graph:
    """Variables by index, and the tables over them.

    Attributes:
        most_work: Entries that may be computed.
        states: Number of states of every variable.
        factors: Tables that still have to be multiplied.
        work: Entries that were computed so far.
    """

    most_work: int
    states: list[int] = field(default_factory=list)
    factors: list[Factor] = field(default_factory=list)
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


def sum_out_all(graph: Graph) -> int | None:
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


def _sum_out(graph: Graph, variable: int, used: list[int], scope: set[int]) -> Factor | None:
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
    return Factor(rest, _capped(summed).reshape([graph.states[axis] for axis in rest]))


def _capped(table: Table) -> Table:
    return np.asarray(np.minimum(table, np.array(MOST_COUNTED, dtype=object)), dtype=object)


def _spread(factor: Factor, axes: Sequence[int]) -> Table:
    """Expand a table by an axis of length 1 for every variable that it does not have."""
    lengths = dict(zip(factor.scope, factor.table.shape, strict=True))
    return factor.table.reshape([lengths.get(axis, 1) for axis in axes])


def _scope(graph: Graph, used: Iterable[int]) -> set[int]:
    return reduce(or_, (set(graph.factors[index].scope) for index in used), set())
