"""Conditions between parameters: whether they hold, what may be wrong with them, and who comes before whom."""

from __future__ import annotations

from collections.abc import Mapping

from bohpo.errors import Mistake
from bohpo.space.checks import did_you_mean
from bohpo.space.parameters import Condition, FloatParameter, Parameter, identity
from bohpo.trial import Configuration, Scalar


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
    mistakes = []
    for name, when in conditions.items():
        for parent, values in when.items():
            key = f"{name}.when.{parent}"
            if parent not in conditions:
                remedy = did_you_mean(parent, [other for other in conditions if other != name], "define it")
                mistakes.append(Mistake(key, f"there is no parameter {parent!r}", remedy))
            elif not values:
                mistakes.append(Mistake(key, "there are no values", "list at least one"))
            elif parent in parameters:
                mistakes += _parent_mistakes(key, parameters[parent], values)
    return mistakes + _circles(conditions)


def parents_first(conditions: Mapping[str, Condition]) -> tuple[list[str], list[list[str]]]:
    """Order the parameters so that each comes after those that its condition names, else as they are.

    Returns:
        The names in order, and the circles that stood in the way.
    """
    waiting = {name: [parent for parent in when if parent in conditions] for name, when in conditions.items()}
    ordered: list[str] = []
    circles = []
    while waiting:
        ready = next((name for name, parents in waiting.items() if not any(p in waiting for p in parents)), None)
        placed = [ready] if ready is not None else _circle(waiting)
        if ready is None:
            circles.append(placed)
        ordered += placed
        for name in placed:
            del waiting[name]
    return ordered, circles


def _circles(conditions: Mapping[str, Condition]) -> list[Mistake]:
    return [
        Mistake(f"{circle[0]}.when", f"the conditions go in a circle: {' -> '.join([*circle, circle[0]])}", "drop one")
        for circle in parents_first(conditions)[1]
    ]


def _circle(waiting: Mapping[str, list[str]]) -> list[str]:
    path = [next(iter(waiting))]
    while True:
        parent = next(parent for parent in waiting[path[-1]] if parent in waiting)
        if parent in path:
            return path[path.index(parent) :]
        path.append(parent)


def _parent_mistakes(key: str, parent: Parameter, values: tuple[Scalar, ...]) -> list[Mistake]:
    if isinstance(parent, FloatParameter) and parent.step is None:
        problem = f"{parent.name!r} is continuous, so it hardly ever has just this value"
        return [Mistake(key, problem, "give it a step, or make it an int or categorical")]
    return [
        Mistake(key, f"{parent.name!r} is never {value!r}", f"it takes {parent.domain}")
        for value in values
        if not parent.contains(value)
    ]
