"""Conditions between parameters: whether they hold, what may be wrong with them, and who comes before whom."""

from __future__ import annotations

import heapq
import textwrap
from collections.abc import Iterator, Mapping

from bohpo.errors import Mistake
from bohpo.space.checks import did_you_mean, first_mistakes
from bohpo.space.parameters import Condition, FloatParameter, Parameter, identity
from bohpo.trial import Configuration, Scalar

LONGEST_PATH = 20
"""Parameters of a circle that a message names."""

LONGEST_DOMAIN = 300
"""Characters of the values that a message lists."""


def holds(when: Condition, active: Configuration) -> bool:
    """Whether every parameter that the condition names is active with one of the named values."""
    return all(
        name in active and identity(active[name]) in (identity(value) for value in values)
        for name, values in when.items()
    )


def condition_mistakes(conditions: Mapping[str, Condition], parameters: Mapping[str, Parameter]) -> list[Mistake]:
    """List what is wrong with the conditions of a space.

    Args:
        conditions: Condition of every parameter.
        parameters: The parameters by name, those left out that are not known because of mistakes of their own.
    """
    mistakes = (
        mistake
        for name, when in conditions.items()
        for parent, values in when.items()
        for mistake in _mistakes_of_one(name, parent, values, conditions, parameters)
    )
    return first_mistakes(mistakes) + first_mistakes(_circles(conditions))


def _mistakes_of_one(
    name: str,
    parent: str,
    values: tuple[Scalar, ...],
    conditions: Mapping[str, Condition],
    parameters: Mapping[str, Parameter],
) -> Iterator[Mistake]:
    """List what is wrong with what a parameter's condition asks of one parent."""
    key = f"{name}.when.{parent}"
    if parent not in conditions:
        remedy = did_you_mean(parent, (other for other in conditions if other != name), "define it")
        yield Mistake(key, f"there is no parameter {parent!r}", remedy)
    elif not values:
        yield Mistake(key, "there are no values", "list at least one")
    elif parent in parameters:
        yield from _parent_mistakes(key, parameters[parent], values)


def parents_first(conditions: Mapping[str, Condition]) -> tuple[list[str], list[list[str]]]:
    """Order the parameters so that each comes after those that its condition names, else as they are.

    Returns:
        The names in order, and the circles that stood in the way.
    """
    names = list(conditions)
    rank = {name: index for index, name in enumerate(names)}
    waiting = {name: {parent for parent in when if parent in rank} for name, when in conditions.items()}
    children: dict[str, list[str]] = {name: [] for name in names}
    for name, parents in waiting.items():
        for parent in parents:
            children[parent].append(name)
    ready = [rank[name] for name, parents in waiting.items() if not parents]
    ordered: list[str] = []
    circles = []
    while waiting:
        placed = [names[heapq.heappop(ready)]] if ready else _circle(conditions, waiting)
        if waiting[placed[0]]:
            circles.append(placed)
        ordered += placed
        for name in placed:
            del waiting[name]
        for child in {child for name in placed for child in children[name] if child in waiting}:
            waiting[child].difference_update(placed)
            if not waiting[child]:
                heapq.heappush(ready, rank[child])
    return ordered, circles


def _circles(conditions: Mapping[str, Condition]) -> list[Mistake]:
    return [
        Mistake(f"{circle[0]}.when", f"the conditions go in a circle: {_path(circle)}", "drop one")
        for circle in parents_first(conditions)[1]
    ]


def _path(circle: list[str]) -> str:
    shown = circle if len(circle) <= LONGEST_PATH else [*circle[:LONGEST_PATH], f"{len(circle) - LONGEST_PATH} more"]
    return " -> ".join([*shown, circle[0]])


def _circle(conditions: Mapping[str, Condition], waiting: Mapping[str, set[str]]) -> list[str]:
    """Return a circle: everything that waits has a parent that waits, so going up comes back."""
    at: dict[str, int] = {}
    path: list[str] = []
    name = next(iter(waiting))
    while name not in at:
        at[name] = len(path)
        path.append(name)
        name = next(parent for parent in conditions[name] if parent in waiting[name])
    return path[at[name] :]


def _parent_mistakes(key: str, parent: Parameter, values: tuple[Scalar, ...]) -> list[Mistake]:
    if isinstance(parent, FloatParameter) and parent.step is None:
        problem = f"{parent.name!r} is continuous, so it hardly ever has just this value"
        return [Mistake(key, problem, "give it a step, or make it an int or categorical")]
    domain = textwrap.shorten(parent.domain, LONGEST_DOMAIN, placeholder=" ...")
    return [
        Mistake(key, f"{parent.name!r} is never {value!r}", f"it takes {domain}")
        for value in values
        if not parent.contains(value)
    ]
