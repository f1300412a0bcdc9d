"""Phantoms on disk, so that every training after the first reads them instead of making them."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import zipfile
from pathlib import Path

import numpy as np

from bohpo.durable import write_atomically
from trainers.aneurysm.phantom import PHANTOM_VERSION, PRESETS, Phantom, make_phantom

_logger = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Give the folder of cached phantoms: `$BOHPO_CACHE/phantoms`, by default `~/.cache/bohpo/phantoms`."""
    root = os.environ.get("BOHPO_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "bohpo") / "phantoms"


def cached_phantom(preset: str, seed: int, index: int) -> Phantom:
    """Read a phantom from the cache, or make it and put it there.

    Jobs may do this at the same time: files are written whole or not at all, and all of them write the same content.
    A cache that cannot be read or written costs time only.

    Args:
        preset: Key of `PRESETS`.
        seed: Seed of the family.
        index: Number of the case.
    """
    path = cache_folder() / f"aneurysm-v{PHANTOM_VERSION}" / f"{preset}-{seed}-{index}.npz"
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return _read(path)
    phantom = make_phantom(PRESETS[preset], seed, index)
    try:
        _write(path, phantom)
    except OSError as error:
        _logger.warning("cannot cache phantoms in %s (%s); set BOHPO_CACHE to a folder with space", path.parent, error)
    return phantom


def _read(path: Path) -> Phantom:
    with np.load(io.BytesIO(path.read_bytes())) as arrays:
        return Phantom(*(arrays[name] for name in Phantom._fields))


def _write(path: Path, phantom: Phantom) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **phantom._asdict())
    write_atomically(path, stream.getvalue())
