"""Checkpoints that are whole or absent: atomic, checksummed, the last two intact ones kept."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bohpo.durable import sync_directory, write_atomically
from bohpo.finite import to_step
from bohpo.regular_files import UnusableFileError, open_regular

KEPT = 2
GREATEST_STEP = 10**12 - 1

_NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES)
"""Errors of a folder that lasts as it is; any other one may pass, and a training must not begin anew for it."""

_LONGEST_HEADER = 1000
_NAME = re.compile(r"step-(\d{12})\.ckpt")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The checkpoints of one attempt, and those that earlier attempts at the same trial left.

    A file is one line of JSON (step, length, SHA-256 of the payload), then the payload. What the payload is, is the
    trainer's business; load it without executing it (`torch.load(..., weights_only=True)`, safetensors).

    Attributes:
        directory: Where this attempt saves.
        earlier: Directories of earlier attempts, latest first; read, never written.
    """

    directory: Path
    earlier: tuple[Path, ...] = ()

    def save(self, step: int, payload: bytes) -> None:
        """Save `payload` as the state after `step`; keep it and the last two checkpoints that are intact.

        Args:
            step: Steps done, 0 to 10^12 - 1; a whole number of any kind.
            payload: The trainer's state.

        Raises:
            AttemptError: If `step` is no such number; under another name it would never be found again.
        """
        step = to_step("checkpoint.save(step, ...): the step", step, GREATEST_STEP)
        self.directory.mkdir(parents=True, exist_ok=True)
        header = {"step": step, "bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}
        path = self.directory / f"step-{step:012d}.ckpt"
        write_atomically(path, json.dumps(header).encode() + b"\n" + payload)
        _INTACT[path] = _version(path)
        for stale in _stale(self.directory, path):
            with contextlib.suppress(OSError):
                stale.unlink()
                _INTACT.pop(stale, None)
        sync_directory(self.directory)

    def load(self) -> tuple[int, bytes] | None:
        """Load the latest checkpoint that is intact, of this attempt or else of an earlier one.

        Returns:
            Steps done and the payload, or None where there is nothing to resume from.
        """
        candidates = [found for directory in (self.directory, *self.earlier) for found in _by_step(directory)]
        for step, path in sorted(candidates, key=lambda found: -found[0]):
            with contextlib.suppress(OSError, _DamagedError):
                return step, _read(path)
        return None


class _DamagedError(Exception):
    """A file is no checkpoint, or not a whole one, and never will be."""


_INTACT: dict[Path, tuple[int, ...]] = {}
"""Checkpoints that this process wrote or found intact, as they were then: they need not be read again at each save."""


def _version(path: Path) -> tuple[int, ...]:
    status = path.lstat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _stale(directory: Path, saved: Path) -> Iterator[Path]:
    """List what a save makes superfluous: damaged files, and what is older than the last intact ones."""
    intact = 0
    for _, path in _by_step(directory):
        try:
            if _INTACT.get(path) != _version(path):
                _read(path)
                _INTACT[path] = _version(path)
        except _DamagedError:
            yield path
            continue
        except OSError:  # it may be readable again
            continue
        intact += 1
        if intact > KEPT and path != saved:
            yield path


def _by_step(directory: Path) -> list[tuple[int, Path]]:
    """List what is named like a checkpoint, latest first; nothing if there is no folder that can be listed."""
    try:
        paths = list(directory.iterdir())
    except OSError as error:
        if error.errno not in _NO_FOLDER:
            raise
        return []
    return sorted(((int(match[1]), path) for path in paths if (match := _NAME.fullmatch(path.name))), reverse=True)


def _read(path: Path) -> bytes:
    """Read a checkpoint's payload.

    Raises:
        _DamagedError: If it is damaged, or no regular file.
        OSError: If it cannot be read, which says nothing of it.
    """
    try:
        with open_regular(path) as file:
            header = json.loads(file.readline(_LONGEST_HEADER))
            length = os.fstat(file.fileno()).st_size - file.tell()
            payload = file.read(length) if header["bytes"] == length else None
        if payload is not None and hashlib.sha256(payload).hexdigest() == header["sha256"]:
            return payload
    except (UnusableFileError, IsADirectoryError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _DamagedError from error
    raise _DamagedError
