"""How commands speak: one JSON object, tables for people, talk on stderr."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

SCHEMA = 1
"""Version of the objects that `--json` prints; keys may be added, none changes its meaning."""


def emit(data: dict[str, Any]) -> None:
    """Print one JSON object on stdout."""
    print(json.dumps({"schema": SCHEMA, **data}, allow_nan=False))


def write_any_text() -> None:
    """Escape what a terminal or file of another encoding cannot show, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(message: str) -> None:
    """Talk to the person at the terminal, if one still listens."""
    with contextlib.suppress(BrokenPipeError):
        print(message, file=sys.stderr, flush=True)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on stdout: drawn on a terminal, tab-separated anywhere else."""
    if not sys.stdout.isatty():
        for row in (header, *rows):
            print("\t".join(row))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD)
    for title in header:
        drawn.add_column(title)
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


def pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Print names and their values on stdout, aligned."""
    listed = list(rows)
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        print(f"{name:<{width}}  {value}")
