"""What a trainer may return, and may be annotated to return: an `Outcome`, a number, or a dictionary."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sized

from bohpo.errors import AttemptError
from bohpo.finite import is_number, to_finite
from bohpo.trial import Outcome

REMEDY = "return a bohpo.trainer.Outcome, a number, or a dictionary of figures by name"

_PARTS = ("value", "variance", "metrics", "curves")
_REFUSED_TYPES = (type(None), bool, str, bytes, tuple, list, set)
_LONGEST = 60


def to_outcome(returned: object, metric: str, entry: str) -> Outcome:
    """Return what a trainer returned as an outcome.

    Args:
        returned: An outcome; a number of any kind, which is the value; or a dictionary with the keys of `Outcome`.
            Every other key of it is a metric. Its value may be left out where the objective's metric is there.
        metric: Name of the objective's metric.
        entry: The trainer, to name it in messages.

    Raises:
        AttemptError: If it is anything else, or a part of it is malformed.
    """
    if isinstance(returned, Outcome):
        return returned
    if isinstance(returned, Mapping):
        return _from_mapping(returned, metric, entry)
    if is_number(returned):
        return Outcome(to_finite(f"what {entry} returned", returned))
    raise AttemptError(f"{entry} returned {_shown(returned)}; {REMEDY}")


def refused_annotation(function: Callable[..., object]) -> str | None:
    """Return the annotation of what a function returns where no such thing is an outcome; else None.

    What cannot be resolved, such as a name that is only imported for type checkers, is not refused.
    """
    called = inspect.unwrap(function.func if isinstance(function, functools.partial) else function)
    if not inspect.isroutine(called) and not isinstance(called, type):
        called = type(called).__call__
    if inspect.iscoroutinefunction(called):
        return "a coroutine"
    if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
        return "a generator"
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError, SyntaxError):
        return None
    if "return" not in hints:
        return None
    hint = hints["return"]
    members = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    return _name_of(hint) if all(_is_refused(member) for member in members) else None


def _from_mapping(returned: Mapping[object, object], metric: str, entry: str) -> Outcome:
    data = {str(name): part for name, part in returned.items()}
    parts = {name: data.pop(name) for name in _PARTS if name in data}
    metrics = parts.get("metrics") or {}
    if not isinstance(metrics, Mapping):
        raise AttemptError(f"{entry} returned a dictionary whose 'metrics' is no dictionary; {REMEDY}")
    metrics = {**metrics, **data}
    if "value" not in parts and metric not in metrics:
        names = ", ".join(sorted(map(str, metrics))) or "nothing"
        raise AttemptError(
            f"{entry} returned a dictionary without 'value' or {metric!r}, with {names}; add one of them"
        )
    value = parts["value"] if "value" in parts else to_finite(metric, metrics[metric])
    return Outcome.from_json({**parts, "value": value, "metrics": metrics})


def _is_refused(annotation: object) -> bool:
    origin = typing.get_origin(annotation) or annotation
    return origin in _REFUSED_TYPES or annotation in (typing.NoReturn, typing.Never)


def _name_of(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _shown(returned: object) -> str:
    """Return a value on one short line, with its type where the value does not show it."""
    if returned is None or isinstance(returned, bool):
        return str(returned)
    kind = type(returned).__name__
    if isinstance(returned, Sized) and not isinstance(returned, str):
        return f"a {kind} of {_length_of(returned)} elements"
    text = " ".join(repr(returned).split())
    return f"a {kind}, {text if len(text) <= _LONGEST else text[:_LONGEST] + '...'}"


def _length_of(sized: Sized) -> int:
    try:
        return len(sized)
    except TypeError:  # an array without a dimension
        return 0
