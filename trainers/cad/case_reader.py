"""A case read: its volume, what the tables say of it, and all that is wrong with either."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from bohpo.errors import DataError
from bohpo.evaluation.patient_names import distinct_patients
from trainers.cad.cache import cached
from trainers.cad.case import Case, Floats
from trainers.cad.formats import strip_suffix
from trainers.cad.layout import BrokenCasesError, Layout
from trainers.cad.place import find_place_problems
from trainers.cad.tables import EXCLUDED_FILE, LABELS_FILE, LESIONS_FILE, SPLITS_FILE, ListedCase
from trainers.cad.volume import READING_VERSION

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class CaseReading:
    """What came of reading a case.

    Attributes:
        case: The case; None if its volume cannot be read. With errors it must not be used but to explain them.
        errors: All that is wrong with it.
        notes: What its owner should know, though it can be used.
    """

    case: Case | None
    errors: tuple[DataError, ...]
    notes: tuple[str, ...] = ()


def read_case(name: str, found: ListedCase, layout: Layout, *, from_cache: bool = True) -> Case:
    """Read a case that can be used; the log has its notes.

    Args:
        name: Its name.
        found: What the folder says of it.
        layout: How its volume is read.
        from_cache: Whether a volume that was read before may be taken from the cache.

    Raises:
        BrokenCasesError: With all that is wrong with the case.
    """
    reading = inspect_case(name, found, layout, from_cache=from_cache)
    if reading.errors or reading.case is None:
        raise BrokenCasesError(reading.errors)
    for note in reading.notes:
        _logger.warning("%s: %s", name, note)
    return reading.case


def inspect_case(name: str, found: ListedCase, layout: Layout, *, from_cache: bool = True) -> CaseReading:
    """Read a case and find all that is wrong with it.

    Args:
        name: Its name.
        found: What the folder says of it.
        layout: How its volume is read.
        from_cache: Whether a volume that was read before may be taken from the cache.
    """
    errors = [*found.errors, *_contradictions(name, found, layout)]
    if len(found.paths) != 1:
        return CaseReading(None, tuple(errors))
    [path] = found.paths
    try:
        make = partial(_read_volume, name, path, layout)
        volume = cached(f"volumes/{_digest(path, layout)}", make) if from_cache else make()
    except DataError as error:
        return CaseReading(None, (*errors, error))
    case = _with_findings(name, volume, found)
    errors += _outside(case, "lesion", case.centres)
    errors += _outside(case, "excluded finding", case.excluded)
    unclear = list(find_place_problems(path))
    if found.lesions or found.excluded or path.is_dir():
        errors += [DataError(name, problem, remedy) for problem, remedy in unclear]
        unclear = []
    return CaseReading(case, tuple(errors), (*case.notes, *(f"{problem}; {remedy}" for problem, remedy in unclear)))


def _with_findings(name: str, volume: Case, found: ListedCase) -> Case:
    lesions, excluded = (np.array(rows, np.float64).reshape(-1, 4) for rows in (found.lesions, found.excluded))
    return replace(
        volume,
        name=name,
        centres=lesions[:, :3],
        diameters=lesions[:, 3],
        excluded=excluded[:, :3],
        excluded_diameters=excluded[:, 3],
        label=next(iter(found.labels), None),
        patient=found.patient,
    )


def _read_volume(name: str, path: Path, layout: Layout) -> Case:
    """Read and normalise a volume, which takes far longer than a step of a training."""
    volume = layout.read(name, path, layout.spacing)
    return Case(
        name="",
        volume=layout.normalise(volume.signal),
        spacing=volume.spacing,
        centres=np.empty((0, 3)),
        diameters=np.empty(0),
        origin=volume.origin,
        axes=volume.axes,
        notes=volume.notes,
    )


def _digest(path: Path, layout: Layout) -> str:
    """Name the cached volume by all that it depends on; nothing of the case's name can be read from it."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    states = [(os.path.realpath(file), *_state(file)) for file in files]
    how = [f"{function.__module__}.{function.__qualname__}" for function in (layout.read, layout.normalise)]
    return hashlib.sha256(repr((states, how, READING_VERSION, layout.version, layout.spacing)).encode()).hexdigest()[
        :32
    ]


def _state(file: Path) -> tuple[int, int]:
    """Return size in bytes and time of change in ns; of what cannot be looked at, such as a loop of links, zeros."""
    try:
        state = file.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def _contradictions(name: str, found: ListedCase, layout: Layout) -> Iterator[DataError]:
    if not found.paths:
        yield DataError(name, "the tables name it, but it has no volume", _where_to_look(name))
    for path in found.paths:
        if path.is_dir() and strip_suffix(path.name) != path.name:
            yield DataError(name, f"{path.name} is a folder", "put the volume's file there, or rename the folder")
    if len(found.paths) > 1:
        files = " and ".join(path.name for path in found.paths)
        yield DataError(name, f"it is there twice, as {files}", "keep one of them")
    if len(found.splits) > 1:
        splits = " and ".join(sorted(found.splits))
        yield DataError(name, f"{SPLITS_FILE} has it in {splits}", "keep one of its lines")
    if len(patients := distinct_patients(found.patients)) > 1:
        yield DataError(
            name, f"the tables say that it is of patient {' and '.join(patients)}", "name one patient in all of them"
        )
    for table, findings in ((LESIONS_FILE, found.lesions), (EXCLUDED_FILE, found.excluded)):
        if len(set(findings)) < len(findings):
            yield DataError(name, f"{table} has the same finding twice", "keep one of its lines")
    if len(found.labels) > 1:
        yield DataError(name, f"{LABELS_FILE} says normal and abnormal", "keep one of its lines")
    if layout.is_labelled and not found.labels and not found.errors:
        yield DataError(name, f"{LABELS_FILE} does not name it", f"add a line {name},normal or {name},abnormal")


def _where_to_look(name: str) -> str:
    stem = strip_suffix(name)
    return f"add {name}.nii.gz or a folder {name}" if stem == name else f"cases are called without ending, write {stem}"


def _outside(case: Case, kind: str, findings: Floats) -> Iterator[DataError]:
    for (x, y, z), is_inside in zip(findings, case.holds(findings), strict=True):
        if not is_inside:
            problem = f"its {kind} at {x:g}, {y:g}, {z:g} lies outside the volume"
            yield DataError(
                case.name, problem, "give world coordinates in mm, LPS (from RAS change the signs of x and y)"
            )
