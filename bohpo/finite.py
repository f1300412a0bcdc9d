"""Conversion of what trainers compute with to Python floats: numpy and torch scalars, arrays, tensors, fractions.

No array library is imported. An array is anything with `tolist`, which copies it from any device and drops its
gradient, or with `__array__`, as TensorFlow, xarray and polars have it. A number is anything with `__float__` or
`__index__`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, KeysView, Sequence, ValuesView
from typing import SupportsFloat, SupportsIndex

from bohpo.errors import AttemptError

_COLUMNS = (Sequence, KeysView, ValuesView, Iterator)
"""What is a column beside arrays. A set is none, since it has no order, and a dictionary has two."""


def to_float(key: str, figure: object) -> float:
    """Return a number of any kind as a Python float, which may be infinite or nan.

    Args:
        key: What to call it in messages.
        figure: A number, or an array or tensor of one element, of any shape and on any device.

    Raises:
        AttemptError: If it is a truth value, text, a list, an array of more than one element or no number at all.
    """
    if type(figure) is float:
        return figure
    number = _element_of(figure)
    if isinstance(number, bool) or not isinstance(number, SupportsFloat | SupportsIndex):
        raise AttemptError(f"{key} is {_shown(figure)}, not a number; write a finite number")
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")  # type: ignore[operator]
    except (TypeError, ValueError, RuntimeError) as error:
        raise AttemptError(f"{key} is {_shown(figure)}, not a number; write a finite number") from error


def to_finite(key: str, figure: object) -> float:
    """Return a number of any kind as a finite Python float.

    Raises:
        AttemptError: If it is no number, or not finite.
    """
    value = to_float(key, figure)
    if not abs(value) <= sys.float_info.max:
        raise AttemptError(f"{key} is {value}; a diverged training must fail instead of reporting it")
    return value


def to_step(key: str, step: object, greatest: int) -> int:
    """Return a count of steps of any kind as a Python int.

    Raises:
        AttemptError: If it is no whole number from 0 to `greatest`.
    """
    count = to_float(key, step)
    if not 0 <= count <= greatest or not count.is_integer():
        raise AttemptError(f"{key} is {_shown(step)}: steps are whole numbers, counted from 0 to {greatest}")
    return int(count)


def is_number(figure: object) -> bool:
    """Return whether `to_float` takes a value; an infinite one and nan are numbers, too."""
    try:
        to_float("", figure)
    except AttemptError:
        return False
    return True


def to_column(key: str, column: object) -> tuple[float, ...]:
    """Return a sequence, an iterator, an array or a tensor of one dimension as finite Python floats.

    Raises:
        AttemptError: If it is something else, or one of its elements is no finite number.
    """
    elements = _plain(column)
    if isinstance(elements, str | bytes | bytearray) or not isinstance(elements, _COLUMNS):
        raise AttemptError(f"{key} is not a list of numbers")
    return tuple(to_finite(f"{key}[{index}]", element) for index, element in enumerate(elements))


def _element_of(figure: object) -> object:
    """Return the only element of an array; anything else as it is."""
    plain = _plain(figure)
    if plain is figure:
        return figure
    while isinstance(plain, list) and len(plain) == 1:
        plain = plain[0]
    return plain


def _plain(value: object) -> object:
    """Return an array or a tensor as a Python number or nested lists; anything else as it is."""
    if isinstance(value, type):
        return value
    to_list, to_array = getattr(value, "tolist", None), getattr(value, "__array__", None)
    try:
        if callable(to_list):
            return to_list()
        return to_array().tolist() if callable(to_array) else value
    except (TypeError, ValueError, RuntimeError, AttributeError):  # a tensor without data, as on torch's device `meta`
        return value


def _shown(figure: object) -> str:
    text = repr(figure)
    return text if len(text) <= 200 else f"{text[:200]}..."
