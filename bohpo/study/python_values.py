"""Conversion of Python values to what a study file can hold: tables, numbers of any kind, paths and functions."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bohpo.errors import Mistake
from bohpo.study.translation import dotted, shown

ENTRIES = ("trainer", "evaluator", "feasible")
"""Keys that name a function; from Python the function itself may be given."""

_INSTALLED = frozenset({"site-packages", "dist-packages"})


def to_plain(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
    """Convert the keys of a study to text, numbers, truth values, lists and dictionaries of these.

    Args:
        data: Laid out as the file is. A key at the top that is None counts as left out.

    Returns:
        The converted keys, and what no study file can hold. Values of unknown types stay as they are.
    """
    mistakes: list[Mistake] = []
    plain = {
        str(key): _entry_of(str(key), value, mistakes)
        if key in ENTRIES and callable(value)
        else _plain((str(key),), value, mistakes)
        for key, value in data.items()
        if value is not None
    }
    return plain, mistakes


def home_of(function: object) -> Path | None:
    """Return the folder that a function's module is imported from; None for one that is installed, or no function."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    file = getattr(module, "__file__", None)
    if not callable(function) or module is None or file is None:
        return None
    path = Path(file).resolve()
    depth = module.__name__.count(".") + (path.name == "__init__.py")
    home = path.parents[depth] if depth < len(path.parents) else path.parent
    return None if _INSTALLED & set(home.parts) else home


def _plain(key: tuple[str | int, ...], value: object, mistakes: list[Mistake]) -> object:
    match value:
        case BaseModel():
            return _plain(key, value.model_dump(by_alias=True, exclude_unset=True, exclude_none=True), mistakes)
        case Mapping():
            _check_text(key, value, mistakes)
            return {_text(name): _plain((*key, _text(name)), item, mistakes) for name, item in value.items()}
        case list() | tuple():
            return [_plain((*key, index), item, mistakes) for index, item in enumerate(value)]
    to_list = getattr(value, "tolist", None)
    if callable(to_list) and not isinstance(value, type):
        return _plain(key, to_list(), mistakes)
    return _plain_scalar(key, value, mistakes)


def _plain_scalar(key: tuple[str | int, ...], value: object, mistakes: list[Mistake]) -> object:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        _check_text(key, (value,), mistakes)
        return _text(value)
    if callable(value):
        mistakes.append(Mistake(dotted(key), "is a function, which no study file can hold", "write its name as text"))
        return ""
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _text(value: object) -> str:
    """Return text as exactly `str`: the representation of an enumeration's member is not its text."""
    return str.__str__(value) if isinstance(value, str) else str(value)


def _check_text(key: tuple[str | int, ...], texts: Any, mistakes: list[Mistake]) -> None:
    for text in texts:
        try:
            _text(text).encode()
        except UnicodeEncodeError:
            problem = f"{shown(text)} is text that UTF-8 cannot hold"
            mistakes.append(Mistake(dotted(key), problem, "leave out its surrogates, \\ud800 to \\udfff"))


def _entry_of(key: str, function: Callable[..., object], mistakes: list[Mistake]) -> str:
    """Return `module:function` of a function that another process can import; note a mistake where none can."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    problem = None
    if not module or not name:
        problem = f"a {type(function).__name__} has no name that a job could import it by"
    elif module == "__main__":
        problem = f"{name} is defined in the script that is run, which no job can import"
    elif not name.isidentifier() or getattr(sys.modules.get(module), name, None) is not function:
        problem = f"{name} is not at the top of module {module!r}, so no job can import it"
    if problem is None:
        return f"{module}:{name}"
    mistakes.append(Mistake(key, problem, 'define it at the top of a module, and write "module:function"'))
    return "refused:refused"
