"""A file system that does not give some files: an I/O error, as on a damaged disk or a file server that is away."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bohpo import regular_files


class DamagedFiles:
    """Files whose opening is an I/O error, for as long as their paths are in `paths`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Damage nothing yet."""
        self.paths: set[Path] = set()
        open_path = regular_files._open

        def open_or_fail(path: Path, flags: int) -> int:
            if path in self.paths:
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
            return open_path(path, flags)

        monkeypatch.setattr(regular_files, "_open", open_or_fail)
