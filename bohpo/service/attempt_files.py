"""What a training left in its folder, read with care: trainers write what they like, as much as they like."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from bohpo.clean_text import is_clean
from bohpo.errors import NotFoundError
from bohpo.regular_files import open_regular
from bohpo.trainer import AttemptDirectory

TAIL_BYTES = 40_000
"""So much of a log is shown; the rest can be downloaded."""

TRACEBACK_BYTES = 400_000
"""So far from the end of a log a traceback is looked for."""

PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
"""Pictures that cannot carry a script."""

MOST_PICTURES = 48
DEEPEST = 3
"""Folders below the attempt's own in which pictures are looked for."""

GREATEST_PICTURE = 20_000_000

TRACEBACK = "Traceback (most recent call last):"


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a log.

    Attributes:
        text: What it says.
        size: Bytes of the whole log.
    """

    text: str
    size: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out."""
        return self.size <= TAIL_BYTES


def read_tail(path: Path, most: int = TAIL_BYTES) -> Tail | None:
    """Read the end of a log, from a line's beginning; None where there is none."""
    try:
        with open_regular(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            content = file.read(most)
    except OSError:
        return None
    if size > most:
        content = content.partition(b"\n")[2] or content
    return Tail(printable(content.decode(errors="replace")), size)


def last_traceback(path: Path) -> str:
    """Give the last Python traceback of a log; empty where there is none."""
    tail = read_tail(path, TRACEBACK_BYTES)
    if tail is None or TRACEBACK not in tail.text:
        return ""
    lines = tail.text[tail.text.rindex(TRACEBACK) :].splitlines()
    # The frames are indented; the line after them names the exception.
    for at, line in enumerate(lines[1:], start=1):
        if line and not line[0].isspace():
            return "\n".join(lines[: at + 1])
    return "\n".join(lines)


def printable(text: str) -> str:
    """Leave out a terminal's colours and cursor movements, and what a carriage return wrote over."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07", "", text.replace("\r\n", "\n"))
    lines = (line.rsplit("\r", 1)[-1] for line in text.split("\n"))
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in "\n".join(lines))


def pictures(files: AttemptDirectory) -> list[str]:
    """List the pictures that a training wrote, as paths below its folder, in order."""
    found: list[str] = []
    for folder, folders, names in os.walk(files.path):
        here = Path(folder).relative_to(files.path)
        folders[:] = sorted(folders) if len(here.parts) < DEEPEST else []
        named = (str(here / name) for name in sorted(names) if Path(name).suffix.lower() in PICTURES)
        found += filter(is_clean, named)  # no address leads to the others
        if len(found) >= MOST_PICTURES:
            break
    return found[:MOST_PICTURES]


def read_picture(files: AttemptDirectory, name: str) -> tuple[bytes, str]:
    """Give a picture and its media type.

    Raises:
        NotFoundError: If there is none of this name within the folder, or it is too large.
    """
    media_type = PICTURES.get(Path(name).suffix.lower())
    missing = NotFoundError(f"there is no picture {name[:200]!r}; the trial's page lists those that are")
    try:
        path = (files.path / name).resolve()
        if media_type is None or not path.is_relative_to(files.path.resolve()):
            raise missing
        with open_regular(path) as file:
            content = file.read(GREATEST_PICTURE + 1)
    except (OSError, ValueError) as error:
        raise missing from error
    if len(content) > GREATEST_PICTURE:
        raise NotFoundError(f"{name}: the picture is larger than {GREATEST_PICTURE} bytes; look at the file itself")
    return content, media_type
