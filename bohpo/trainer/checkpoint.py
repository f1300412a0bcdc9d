"""Checkpoints that are whole or absent: atomic, checksummed, the last two kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from bohpo.durable import sync_directory, write_atomically
from bohpo.finite import to_step

KEPT = 2
GREATEST_STEP = 10**12 - 1
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
        """Save `payload` as the state after `step`, and remove all but the last two checkpoints.

        Args:
            step: Steps done, 0 to 10^12 - 1; a whole number of any kind.
            payload: The trainer's state.

        Raises:
            AttemptError: If `step` is no such number; under another name it would never be found again.
        """
        step = to_step("checkpoint.save(step, ...): the step", step, GREATEST_STEP)
        self.directory.mkdir(parents=True, exist_ok=True)
        header = {"step": step, "bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}
        write_atomically(self.directory / f"step-{step:012d}.ckpt", json.dumps(header).encode() + b"\n" + payload)
        for _, stale in _by_step(self.directory)[KEPT:]:
            stale.unlink(missing_ok=True)
        sync_directory(self.directory)

    def load(self) -> tuple[int, bytes] | None:
        """Load the latest checkpoint that is whole, of this attempt or else of an earlier one.

        Returns:
            Steps done and the payload, or None where there is nothing to resume from.
        """
        candidates = [found for directory in (self.directory, *self.earlier) for found in _by_step(directory)]
        for step, path in sorted(candidates, key=lambda found: -found[0]):
            payload = _read(path)
            if payload is not None:
                return step, payload
        return None


def _by_step(directory: Path) -> list[tuple[int, Path]]:
    found = []
    with contextlib.suppress(FileNotFoundError):
        for path in directory.iterdir():
            if match := _NAME.fullmatch(path.name):
                found.append((int(match[1]), path))
    return sorted(found, reverse=True)


def _read(path: Path) -> bytes | None:
    try:
        first_line, _, payload = path.read_bytes().partition(b"\n")
        header = json.loads(first_line)
        whole = header["bytes"] == len(payload) and header["sha256"] == hashlib.sha256(payload).hexdigest()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return payload if whole else None
