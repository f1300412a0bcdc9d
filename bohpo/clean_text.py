"""Text that every file, database and page can hold: UTF-8 without NUL.

Trainers print NUL and bytes of any encoding; JSON can escape half of a surrogate pair, and Python keeps bytes of file
names that are no UTF-8 as such halves. None of these can be encoded as UTF-8, and PostgreSQL refuses NUL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_ESCAPED = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)")
"""How JSON writes surrogates and NUL; pairs of surrogates, which are fine, are found as well."""


def clean_text(text: str) -> str:
    """Return the text with NUL as U+FFFD, and with a question mark for each half of a surrogate pair."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def is_clean(text: str) -> bool:
    """Return whether the text can be kept as it is."""
    return clean_text(text) == text


def clean_data(data: Any) -> Any:
    """Return what JSON can hold with all its text clean, the keys of objects included."""
    if isinstance(data, str):
        return clean_text(data)
    if isinstance(data, Mapping):
        return {clean_text(key) if isinstance(key, str) else key: clean_data(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [clean_data(item) for item in data]
    return data


def dump_clean_json(data: Any) -> str:
    """Write JSON whose text is clean."""
    text = json.dumps(data)
    return json.dumps(clean_data(data)) if _ESCAPED.search(text) else text


def load_clean_json(text: str | bytes) -> Any:
    """Read JSON, whoever wrote it, with all its text clean."""
    data = json.loads(text)
    is_escaped = _ESCAPED.search(text if isinstance(text, str) else text.decode(errors="replace"))
    return clean_data(data) if is_escaped else data
