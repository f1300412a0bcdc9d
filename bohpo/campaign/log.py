"""Logs: one that cannot fill the disk, and why the process that wrote one ended."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from bohpo.regular_files import append_regular, open_regular

_TAIL_BYTES = 16_384
_LONGEST_LINE = 300

_TRACEBACK = re.compile(r"(?:\[rank\d+\]:\s*)?Traceback \(most recent call last\):")
_RANK = re.compile(r"\[rank\d+\]: ?")
_AFTERMATH_LINES = 12
"""After the error that ended a process at most so many lines follow: the rest of its message, warnings at exit."""


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
    def last_words(self) -> str:
        """The error that ended the process, else the last line that is not blank, dropped ones included.

        Printable, at most 300 characters.
        """
        lines = _lines(self._tail)
        return _raised(lines) or _last_line(lines)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def last_line_of(path: Path) -> str:
    """Return the last line of a file that is not blank: printable, at most 300 characters; empty if there is none."""
    return _last_line(last_lines_of(path))


def last_lines_of(path: Path) -> list[str]:
    """Return the lines at the end of a file that are not blank, printable; none if it cannot be read."""
    try:
        with open_regular(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return _lines(file.read(_TAIL_BYTES))
    except OSError:
        return []


def _lines(tail: bytes) -> list[str]:
    """Return the lines that are not blank, with their indentation."""
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in tail.decode(errors="replace"))
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def _last_line(lines: list[str]) -> str:
    return lines[-1].strip()[:_LONGEST_LINE] if lines else ""


def _raised(lines: list[str]) -> str:
    """Return the first line of the error below the last traceback of Python; empty if the lines do not end with one.

    What a training prints last is often no reason: the end of a long message, or a warning of a library at exit.
    """
    begins = [index for index, line in enumerate(lines) if _TRACEBACK.match(line)]
    after = [_RANK.sub("", line) for line in lines[begins[-1] + 1 :]] if begins else []
    error = next((index for index, line in enumerate(after) if not line.startswith(" ")), None)
    if error is None or len(after) - error - 1 > _AFTERMATH_LINES:
        return ""
    return after[error][:_LONGEST_LINE]
