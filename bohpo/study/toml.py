"""Writing TOML, which the standard library only reads: tables at the top, everything below them inline."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def write_toml(data: Mapping[str, Any]) -> str:
    """Write a dictionary as TOML that reads back as the same, to the last bit of each float.

    Args:
        data: Text, numbers, booleans, lists and tables of these; tables at the top get a [header], others one line.

    Raises:
        TypeError: If there is something that TOML cannot hold, such as None.
    """
    lines = [f"{_key(key)} = {_value(value)}" for key, value in data.items() if not isinstance(value, Mapping)]
    for key, table in data.items():
        if isinstance(table, Mapping):
            lines += ["", f"[{_key(key)}]", *(f"{_key(name)} = {_value(value)}" for name, value in table.items())]
    return "\n".join(lines).lstrip("\n") + "\n"


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case list() | tuple():
            return f"[{', '.join(_value(item) for item in value)}]"
        case Mapping():
            items = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items())
            return f"{{ {items} }}" if items else "{}"
    raise TypeError(f"TOML cannot hold {value!r}")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _text(text: str) -> str:
    # JSON escapes all that TOML wants escaped, but for one control character
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
