"""Which SQLite files this process has open.

The kernel drops all locks that a process has on a file when the process closes any descriptor of it. SQLite knows its
own descriptors; whoever else opens and closes the file takes SQLite's locks away. Another process then believes that it
is the last one, removes the write-ahead log, and what is written from then on is lost.

Source:
    https://www.sqlite.org/howtocorrupt.html, 2.2: locks cancelled by a separate thread doing close().
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

_LOCK = threading.Lock()
_OPEN: Counter[Path] = Counter()


def note_open(path: Path) -> None:
    """Note that SQLite is about to open a file."""
    with _LOCK:
        _OPEN[path.resolve()] += 1


def note_closed(path: Path) -> None:
    """Note that SQLite has closed a file, as often as it was opened."""
    with _LOCK:
        name = path.resolve()
        _OPEN[name] -= 1
        if _OPEN[name] <= 0:
            del _OPEN[name]


@contextlib.contextmanager
def reading_allowed(path: Path) -> Iterator[bool]:
    """Yield whether this process may open and close a file itself; SQLite cannot open it meanwhile."""
    with _LOCK:
        yield path.resolve() not in _OPEN
