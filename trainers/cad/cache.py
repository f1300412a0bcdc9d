"""Cases on disk, normalised and ready to be mapped into memory.

Every training after the first maps them instead of making them, and all trainings of a machine share the same pages.
A file is a line of JSON (geometry and findings), blanks up to a page's end, then the voxels as they lie in memory.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bohpo.durable import write_atomically
from trainers.cad.case import Case

_PAGE = 4096
_ARRAYS = ("centres", "diameters", "origin", "axes", "excluded", "excluded_diameters")

_T = TypeVar("_T")
_logger = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Give the folder of cached cases: `$BOHPO_CACHE`, by default `~/.cache/bohpo`."""
    root = os.environ.get("BOHPO_CACHE")
    return Path(root) if root else Path.home() / ".cache" / "bohpo"


def cached(name: str, make: Callable[[], Case]) -> Case:
    """Map a case from the cache, or make it and put it there.

    Jobs may do this at the same time: files are written whole or not at all, and all of them write the same content.
    A cache that cannot be read or written costs time and memory only.

    Args:
        name: What the case's file is called, folders included; changes with everything that the case depends on.
        make: Makes the case.
    """
    path = cache_folder() / f"{name}.case"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return _map(path)
    case = make()
    try:
        _write(path, case)
        return _map(path)
    except OSError as error:
        _logger.warning("cannot cache cases in %s (%s); set BOHPO_CACHE to a folder with space", path.parent, error)
    return case


def in_chance_order(wanted: Iterable[_T]) -> list[_T]:
    """Give what is wanted of the cache in an order that differs from call to call.

    Trainings that start at the same time then make different cases first, and find the others made.
    """
    items = list(wanted)
    return [items[at] for at in np.random.default_rng().permutation(len(items))]


def _map(path: Path) -> Case:
    with path.open("rb") as stream:
        header: dict[str, Any] = json.loads(stream.readline())
        start = -(-stream.tell() // _PAGE) * _PAGE
    header["notes"] = tuple(header.get("notes", ()))
    # Copy on write: torch takes no array that is read-only.
    voxels = np.memmap(path, header.pop("dtype"), "c", start, tuple(header.pop("shape")))
    for name in _ARRAYS:
        header[name] = np.array(header[name], np.float64)
    for name in ("centres", "excluded"):
        header[name] = header[name].reshape(-1, 3)
    return Case(volume=np.asarray(voxels), **header)


def _write(path: Path, case: Case) -> None:
    header = {field.name: getattr(case, field.name) for field in fields(Case) if field.name != "volume"}
    header |= {name: header[name].tolist() for name in _ARRAYS}
    line = json.dumps({**header, "dtype": case.volume.dtype.str, "shape": case.volume.shape}).encode() + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(path, line + b" " * (-len(line) % _PAGE) + np.ascontiguousarray(case.volume).tobytes())
