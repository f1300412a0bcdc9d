"""Reading TOML in work that grows with its length: what makes `tomllib` slow or deep is refused before it parses.

`tomllib` takes time and memory that grow with the square of the dots in a key, and it recurses into brackets. One pass
over the text finds both, with the line that they are in. Strings and comments are passed over.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bohpo.clean_text import clean_text, is_clean
from bohpo.errors import Mistake
from bohpo.space.checks import MOST_MISTAKES
from bohpo.study.translation import dotted

LONGEST_TEXT = 1_000_000
"""Characters, and bytes, of one file; a study of a thousand parameters takes a tenth of it."""

MOST_DOTS = 32
"""Dots of one key; `space.lr.when.optimizer` has three."""

MOST_NESTED = 32
"""Brackets and braces within each other; a study needs four."""

MOST_DIGITS = 400
"""Digits of one number. Python itself converts no more than 4,300."""

LONGEST_KEY = 200
"""Characters of a key that a message names."""

BYTE_ORDER_MARK = "\ufeff"
"""Some editors put it before UTF-8, where nobody sees it; TOML knows none."""

GREATEST_INTEGER = 2**63 - 1
"""TOML's whole numbers have 64 bits."""

_TOKEN = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+(?:"{3,5}|\Z)'
    r"|'''(?:[^']++|'(?!''))*+(?:'{3,5}|\Z)"
    r'|"(?:[^"\\\n]++|\\[^\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|\#[^\n]*+"
    rf"|[0-9][0-9_]{{{MOST_DIGITS},}}"
    r"|[\[\]{}.,=\n]",
    re.DOTALL,
)
"""A string, a comment, a number that is too long, or a character that matters; an open string ends with its line."""

_DEPTHS = {"[": 1, "{": 1, "]": -1, "}": -1}


class TomlError(ValueError):
    """A text is no TOML, or more than is read; carries the mistake."""

    def __init__(self, mistake: Mistake) -> None:
        """Keep the mistake."""
        self.mistake = mistake
        super().__init__(str(mistake))


def read_toml_text(path: Path) -> str:
    """Read a file of TOML, no more of it than may be parsed.

    Raises:
        TomlError: If it is not UTF-8, or too long.
        OSError: If it cannot be read.
    """
    with path.open("rb") as stream:
        content = stream.read(LONGEST_TEXT + 1)
    if len(content) > LONGEST_TEXT:
        raise _too_long()
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        mistake = Mistake(f"byte {error.start}", "the file is not UTF-8 text", "save it as UTF-8")
        raise TomlError(mistake) from error


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML whose parsing takes work in proportion to its length.

    Raises:
        TomlError: If it is no TOML; if it is too long, too deep or has too many dots in a key; or if a number needs
            more than 64 bits.
    """
    if len(text) > LONGEST_TEXT:
        raise _too_long()
    text = text.removeprefix(BYTE_ORDER_MARK)
    for mistake in _excesses(text):
        raise TomlError(mistake)
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise TomlError(_syntax_mistake(error)) from error
    for mistake in unreadable_values(data):
        raise TomlError(mistake)
    return data


def _excesses(text: str) -> Iterator[Mistake]:
    """Find where the text exceeds a limit; lines count from 1."""
    line, depth, dots = 1, 0, 0
    for found in _TOKEN.finditer(text):
        part = found[0]
        if part == ".":
            dots += 1
            if dots > MOST_DOTS:
                yield Mistake(
                    f"line {line}", f"a key has more than {MOST_DOTS} dots", "write tables that are less deep"
                )
        elif part[0] in "\"'#":
            line += part.count("\n")
        elif part[0].isdigit():
            yield Mistake(f"line {line}", f"a number has more than {MOST_DIGITS} digits", "write a shorter one")
        else:
            dots, line, depth = 0, line + (part == "\n"), max(depth + _DEPTHS.get(part, 0), 0)
            if depth > MOST_NESTED:
                problem = f"there are more than {MOST_NESTED} brackets within each other"
                yield Mistake(f"line {line}", problem, "flatten it")


def unreadable_values(data: Mapping[str, Any]) -> list[Mistake]:
    """List what no study holds: whole numbers of more than 64 bits, which hexadecimal digits write at any length.

    Keys that UTF-8 cannot hold are among them, which only a dictionary that was made in Python can have.
    """
    waiting: list[tuple[tuple[str, ...], object]] = [((), data)]
    mistakes: list[Mistake] = []
    while waiting and len(mistakes) < MOST_MISTAKES:
        key, value = waiting.pop()
        if isinstance(value, Mapping):
            named = [((*key, clean_text(str(name))[:LONGEST_KEY]), name, item) for name, item in value.items()]
            waiting += [(path, item) for path, _, item in named]
            mistakes += [
                Mistake(dotted(path), "the key is not UTF-8", "write another one")
                for path, name, _ in named
                if isinstance(name, str) and not is_clean(name)
            ]
        elif isinstance(value, list | tuple):
            waiting += [(key, item) for item in value]
        elif isinstance(value, int) and not -GREATEST_INTEGER - 1 <= value <= GREATEST_INTEGER:
            mistakes.append(
                Mistake(dotted(key), "a whole number needs more than 64 bits", "write a smaller one, or a float")
            )
    return mistakes


def _too_long() -> TomlError:
    return TomlError(Mistake("file", f"is longer than {LONGEST_TEXT:,} bytes", "shorten it"))


def _syntax_mistake(error: Exception) -> Mistake:
    if isinstance(error, RecursionError):
        return Mistake("file", "is nested too deeply", "flatten it")
    message = str(error).splitlines()[0]
    found = re.fullmatch(r"(.*) \(at (.*)\)", message)
    problem, place = (found[1], found[2]) if found else (message, "file")
    return Mistake(place, problem, "correct the TOML there")
