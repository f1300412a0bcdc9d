"""Files that survive a kill at any moment: written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from pathlib import Path
from typing import Any

from bohpo.regular_files import read_regular


def write_atomically(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Replace `path` by `content` so that a reader sees the old file or the new one, never a torn one.

    The content goes to a temporary file beside it, is synced, renamed, and the directory is synced.

    Args:
        path: File to write; its directory must exist.
        content: All of the new content.
        mode: Permissions of the new file, before the umask.
    """
    temporary = path.parent / f".{path.name}.{uuid.uuid4().hex}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the renames and removals in `directory` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, data: object) -> None:
    """Replace `path` by `data` as JSON, atomically; figures that JSON cannot hold are refused.

    Raises:
        ValueError: If `data` holds a nan or an infinity.
    """
    write_atomically(path, json.dumps(data, indent=1, allow_nan=False).encode() + b"\n")


def write_private_json(path: Path, data: object) -> None:
    """Do as `write_json`, and let nobody but the owner read the file."""
    write_atomically(path, json.dumps(data, indent=1, allow_nan=False).encode() + b"\n", mode=0o600)


def read_json(path: Path) -> Any | None:
    """Read a JSON file; return None if there is none.

    Raises:
        ValueError: If the file holds something else than JSON.
        UnusableFileError: If it is no regular file, or too long.
        OSError: If it cannot be read.
    """
    try:
        return json.loads(read_regular(path))
    except FileNotFoundError:
        return None
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
