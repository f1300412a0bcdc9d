"""Real cases: which there are in a folder, what is known of them, and which split they belong to.

    folder/
      lesions.csv      case,x,y,z,diameter_mm      x, y, z in mm, LPS, as ITK, DICOM and LUNA16 have them
      excluded.csv     case,x,y,z,diameter_mm      optional; findings that are neither lesion nor false alarm
      labels.csv       case,label                  instead of lesions.csv where an application tells cases apart
      splits.csv       case,split                  optional; split is training, validation or test
                                                   each table may have a column patient, too
      patient-07.nii.gz                            a volume; the case is called patient-07
      patient-12/*.dcm                             a folder with one DICOM series is a case, too

A case without a row in lesions.csv has no lesion. All cases of a patient are of one split, see `splits`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from bohpo.errors import DataError, UsageError
from trainers.cad.cache import cached, in_chance_order
from trainers.cad.case import Case, Floats, Image, Split, normalise
from trainers.cad.splits import select_split, split_by_name
from trainers.cad.tables import (
    EXCLUDED_FILE,
    LABELS_FILE,
    LESIONS_FILE,
    SPLITS_FILE,
    ListedCase,
    add_labels,
    add_lesions,
    add_splits,
)
from trainers.cad.volume import Volume, read_volume

__all__ = ["VOLUME_SUFFIXES", "BrokenCasesError", "Layout", "list_cases", "read_case", "read_folder", "split_by_name"]

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a folder of an application's cases looks like.

    Attributes:
        spacing: Edge of the voxels that volumes are resampled to, mm.
        read: Reads the volume of a case of this name at this path, on voxels of this edge; raises `DataError`.
        normalise: Brings a volume's signal to the scale that the network is trained on.
        version: Raise it with any change of the two functions that alters a volume: those that are cached are stale.
        is_labelled: Whether labels.csv tells of whole cases, instead of lesions.csv of lesions.
    """

    spacing: float
    read: Callable[[str, Path, float], Volume] = read_volume
    normalise: Callable[[Image], Image] = normalise
    version: int = 1
    is_labelled: bool = False


class BrokenCasesError(DataError):
    """Cases of a folder cannot be used; all of them are named.

    Attributes:
        errors: One error for each broken case.
    """

    def __init__(self, errors: tuple[DataError, ...]) -> None:
        """Gather the errors of the broken cases."""
        self.errors = errors
        self.case = ", ".join(dict.fromkeys(error.case for error in errors))
        UsageError.__init__(self, "\n".join(str(error) for error in errors))


def read_folder(folder: Path, split: Split, count: int | None, layout: Layout) -> Iterator[Case]:
    """Read the cases of one split; files and rows of the other splits' cases are passed over, broken ones too.

    Args:
        folder: See the module's description.
        split: Which cases to read.
        count: Most cases to give, the first ones by name; None for all.
        layout: What the folder looks like, and how its volumes are read.

    Yields:
        The cases, in an order by chance.

    Raises:
        UsageError: If there is no such folder, a table lacks a column, or the split is empty.
        BrokenCasesError: After the last case, if some were broken; each is named, so that one run finds them all.
    """
    listed = sorted(select_split(folder, list_cases(folder, layout), split).items())[:count]
    if not listed:
        raise UsageError(f"{folder} has no {split} case; add volumes, or name their split in {SPLITS_FILE}")
    errors: list[DataError] = []
    for name, found in in_chance_order(listed):
        try:
            case = read_case(name, found, layout)
        except BrokenCasesError as broken:
            errors += broken.errors
            continue
        if not errors:
            yield case
    if errors:
        raise BrokenCasesError(tuple(sorted(errors, key=lambda error: error.case)))


def list_cases(folder: Path, layout: Layout) -> dict[str, ListedCase]:
    """List all cases of a folder and what its tables say of them; no volume is read.

    Raises:
        UsageError: If there is no such folder, a table lacks a column, or names are no names.
    """
    if not folder.is_dir():
        raise UsageError(f"data: there is no folder {folder}; give phantom:tiny or a folder of cases")
    listed: dict[str, ListedCase] = defaultdict(ListedCase)
    for name, path in _volumes(folder):
        listed[name].paths.append(path)
    if layout.is_labelled:
        add_labels(folder / LABELS_FILE, listed)
    else:
        add_lesions(folder / LESIONS_FILE, listed)
        if (folder / EXCLUDED_FILE).exists():
            add_lesions(folder / EXCLUDED_FILE, listed)
    add_splits(folder / SPLITS_FILE, listed)
    return listed


def _volumes(folder: Path) -> Iterator[tuple[str, Path]]:
    paths = sorted(folder.iterdir())
    if odd := [ascii(path.name) for path in paths if not path.name.isprintable()]:
        raise UsageError(f"{folder} holds {', '.join(odd)}; rename what has letters that cannot be printed")
    for path in paths:
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield path.name, path
        elif suffix := next((suffix for suffix in VOLUME_SUFFIXES if path.name.endswith(suffix)), None):
            yield path.name.removesuffix(suffix), path


def read_case(name: str, found: ListedCase, layout: Layout, *, from_cache: bool = True) -> Case:
    """Read a case.

    Args:
        name: Its name.
        found: What the folder says of it.
        layout: How its volume is read.
        from_cache: Whether a volume that was read before may be taken from the cache.

    Raises:
        BrokenCasesError: With all that is wrong with the case.
    """
    errors = [*found.errors, *_contradictions(name, found, layout)]
    lesions, excluded = (np.array(rows).reshape(-1, 4) for rows in (found.lesions, found.excluded))
    case = None
    if len(found.paths) == 1:
        try:
            make = partial(_read_volume, name, found.paths[0], layout)
            case = cached(f"volumes/{_digest(found.paths[0], layout)}", make) if from_cache else make()
            errors += _outside(replace(case, name=name), "lesion", lesions)
            errors += _outside(replace(case, name=name), "excluded finding", excluded)
        except DataError as error:
            errors.append(error)
    if errors or case is None:
        raise BrokenCasesError(tuple(errors))
    return replace(
        case,
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
    nothing = (np.empty((0, 3)), np.empty(0))
    return Case("", layout.normalise(volume.signal), volume.spacing, *nothing, volume.origin, volume.axes)


def _digest(path: Path, layout: Layout) -> str:
    """Name the cached volume by all that it depends on; nothing of the case's name can be read from it."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    states = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    how = [f"{function.__module__}.{function.__qualname__}" for function in (layout.read, layout.normalise)]
    return hashlib.sha256(repr((states, how, layout.version, layout.spacing)).encode()).hexdigest()[:32]


def _contradictions(name: str, found: ListedCase, layout: Layout) -> Iterator[DataError]:
    if not found.paths:
        yield DataError(name, "the tables name it, but it has no volume", _where_to_look(name))
    if len(found.paths) > 1:
        files = " and ".join(path.name for path in found.paths)
        yield DataError(name, f"it is there twice, as {files}", "keep one of them")
    if len(found.splits) > 1:
        splits = " and ".join(sorted(found.splits))
        yield DataError(name, f"{SPLITS_FILE} has it in {splits}", "keep one of its lines")
    if len(found.patients) > 1:
        patients = " and ".join(sorted(found.patients))
        yield DataError(name, f"the tables say that it is of patient {patients}", "name one patient in all of them")
    for table, findings in ((LESIONS_FILE, found.lesions), (EXCLUDED_FILE, found.excluded)):
        if len(set(findings)) < len(findings):
            yield DataError(name, f"{table} has the same finding twice", "keep one of its lines")
    if len(found.labels) > 1:
        yield DataError(name, f"{LABELS_FILE} says normal and abnormal", "keep one of its lines")
    if layout.is_labelled and not found.labels and not found.errors:
        yield DataError(name, f"{LABELS_FILE} does not name it", f"add a line {name},normal or {name},abnormal")


def _where_to_look(name: str) -> str:
    stem = next((name.removesuffix(suffix) for suffix in VOLUME_SUFFIXES if name.endswith(suffix)), None)
    return f"add {name}.nii.gz or a folder {name}" if stem is None else f"cases are called without ending, write {stem}"


def _outside(case: Case, kind: str, findings: Floats) -> Iterator[DataError]:
    for (x, y, z, _), is_inside in zip(findings, case.holds(findings[:, :3]), strict=True):
        if not is_inside:
            problem = f"its {kind} at {x:g}, {y:g}, {z:g} lies outside the volume"
            yield DataError(
                case.name, problem, "give world coordinates in mm, LPS (from RAS change the signs of x and y)"
            )
