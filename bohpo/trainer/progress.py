"""Reading `progress.jsonl` while it grows: each look reads what is new, in bounded memory, whatever a trainer wrote."""

from __future__ import annotations

import json
import math
import os
import threading
from collections import deque
from pathlib import Path
from typing import BinaryIO

from bohpo.regular_files import UnusableFileError, open_regular

GREATEST_STEP = 2**31 - 1
"""Steps are counted from 0 to this, the greatest that a database's integer holds; other reports are foreign."""

KEPT = 2000
"""At least so many reports are kept of a training with more, evenly spread over it; at most twice as many."""

LONGEST_LINE = 65_536
"""A longer line is no report. It is passed over without being kept in memory."""

MOST_NEW_BYTES = 256 * 2**20
"""So much of what is new is read at a look; of more, the latest part."""

_CHUNK = 2**20
_MARK = 64
_RECENT = 8


class ProgressReader:
    """Reads one `progress.jsonl` again and again; safe to share between threads.

    A file that was replaced, cut or written anew is read from its beginning.
    """

    def __init__(self, path: Path) -> None:
        """Begin at the start of the file, which need not exist yet."""
        self._path = path
        self._lock = threading.Lock()
        self._start_over()

    def read(self) -> list[tuple[int, float]]:
        """Return the reports so far as (step, value) in the file's order; lines that are torn or foreign are left out.

        Of more than `2 * KEPT` reports some are left out, never the last one.
        """
        with self._lock:
            try:
                with open_regular(self._path) as file:
                    self._read_new(file)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError, UnusableFileError):
                self._start_over()
            except OSError:  # the file server may be away: what is known stays true
                pass
            return self._reports.with_last(self._rest)

    def _start_over(self) -> None:
        self._identity = (0, 0)
        self._offset = 0
        self._head = self._mark = b""
        self._rest = b""
        self._is_overlong = False
        self._reports = _Thinned()

    def _read_new(self, file: BinaryIO) -> None:
        status = os.fstat(file.fileno())
        identity = (status.st_dev, status.st_ino)
        if identity != self._identity or status.st_size < self._offset or not self._has_only_grown(file):
            self._start_over()
            self._identity = identity
        if status.st_size - self._offset > MOST_NEW_BYTES:
            self._offset, self._rest, self._is_overlong = status.st_size - MOST_NEW_BYTES, b"", True
        file.seek(self._offset)
        while self._offset < status.st_size:
            chunk = file.read(min(_CHUNK, status.st_size - self._offset))
            if not chunk:
                break
            self._offset += len(chunk)
            self._take(chunk)

    def _has_only_grown(self, file: BinaryIO) -> bool:
        """Whether the file still begins as it did, and has the same bytes before the place that was read up to."""
        file.seek(0)
        head = file.read(len(self._head))
        file.seek(self._offset - len(self._mark))
        return head == self._head and file.read(len(self._mark)) == self._mark

    def _take(self, chunk: bytes) -> None:
        self._head += chunk[: _MARK - len(self._head)]
        self._mark = (self._mark + chunk)[-_MARK:]
        *lines, rest = (self._rest + chunk).replace(b"\r", b"\n").split(b"\n")
        if self._is_overlong and lines:
            lines, self._is_overlong = lines[1:], False
        self._is_overlong |= len(rest) > LONGEST_LINE
        self._rest = b"" if self._is_overlong else rest
        for line in lines:
            if line and len(line) <= LONGEST_LINE:
                self._reports.add(line)


class _Thinned:
    """Reports of which, as they grow more, only every second, fourth ... is kept, and the last.

    Most lines of a long training are not even parsed.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[int, float]] = []
        self._stride = 1
        self._since_kept = 0
        self._latest: tuple[int, float] | None = None
        self._recent: deque[bytes] = deque(maxlen=_RECENT)

    def add(self, line: bytes) -> None:
        """Take the next line."""
        self._since_kept += 1
        report = parse_report(line) if self._since_kept >= self._stride else None
        if report is None:
            self._recent.append(line)
            return
        self._kept.append(report)
        self._latest, self._since_kept = report, 0
        self._recent.clear()
        if len(self._kept) >= 2 * KEPT:
            self._kept, self._stride = self._kept[::2], self._stride * 2

    def with_last(self, rest: bytes) -> list[tuple[int, float]]:
        """Return the reports that are kept and the last one, which may be `rest`, a line without its end."""
        newest = map(parse_report, (rest, *reversed(self._recent)))
        last = next((report for report in newest if report is not None), self._latest)
        is_kept = last is None or self._kept[-1:] == [last]
        return list(self._kept) if is_kept or last is None else [*self._kept, last]


def parse_report(line: bytes) -> tuple[int, float] | None:
    """Parse a line as (step, value); return None if it is torn, foreign, or out of range."""
    try:
        report = json.loads(line)
        step, value = int(report["step"]), float(report["value"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return (step, value) if 0 <= step <= GREATEST_STEP and math.isfinite(value) else None
