"""Logs: one that cannot fill the disk, and the last thing that was said in one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from bohpo.regular_files import append_regular, open_regular

_TAIL_BYTES = 4096
_LONGEST_LINE = 300


class CappedLog:
    """Appends to a file up to a number of bytes, then says so once and drops the rest, keeping its last line."""

    def __init__(self, path: Path, limit: int) -> None:
        """Open the file for appending.

        Args:
            path: File to append to.
            limit: Length in bytes at which the file is cut.

        Raises:
            OSError: If it cannot be opened, or is no regular file.
        """
        self._file = append_regular(path)
        self._room = limit - self._file.tell()
        self._tail = b""

    def write(self, chunk: bytes) -> None:
        """Append a chunk, as far as there is room."""
        self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
        with contextlib.suppress(OSError):  # a full disk must not end the training that prints
            self._append(chunk)

    def _append(self, chunk: bytes) -> None:
        kept = chunk[: max(self._room, 0)]
        self._file.write(kept)
        if self._room >= 0 and len(kept) < len(chunk):
            self._file.write(b"\n[bohpo: the log is cut here; the trainer prints too much]\n")
            self._room = -1
        else:
            self._room -= len(kept)

    @property
    def last_line(self) -> str:
        """The last line that is not blank, dropped ones included: printable, at most 300 characters."""
        return _last_line(self._tail)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def last_line_of(path: Path) -> str:
    """Return the last line of a file that is not blank, as `CappedLog` does; empty if there is none."""
    return _last_line(_tail_of(path))


def last_lines_of(path: Path) -> list[str]:
    """Return the lines at the end of a file, printable; none if it cannot be read."""
    return [line.rstrip() for line in _printable(_tail_of(path)).split("\n") if line.strip()]


def _tail_of(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return file.read(_TAIL_BYTES)
    except OSError:
        return b""


def _last_line(tail: bytes) -> str:
    lines = [line.strip() for line in _printable(tail).split("\n") if line.strip()]
    return lines[-1][:_LONGEST_LINE] if lines else ""


def _printable(tail: bytes) -> str:
    return "".join(c if c.isprintable() or c == "\n" else " " for c in tail.decode(errors="replace"))
