"""Real cases: which there are in a folder, what is known of them, and which split they belong to.

    folder/
      lesions.csv      case,x,y,z,diameter_mm      x, y, z in mm, LPS, as ITK, DICOM and LUNA16 have them
      excluded.csv     case,x,y,z,diameter_mm      optional; findings that are neither lesion nor false alarm
      labels.csv       case,label                  instead of lesions.csv where an application tells cases apart
      splits.csv       case,split                  optional; split is training, validation or test
      patient-07.nii.gz                            a volume; the case is called patient-07
      patient-12/*.dcm                             a folder with one DICOM series is a case, too

A case without a row in lesions.csv has no lesion. Without splits.csv a case's name decides: see `split_by_name`.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bohpo.errors import DataError, UsageError
from trainers.cad.cache import cached
from trainers.cad.case import Case, Floats, Image, Split, normalise
from trainers.cad.volume import Volume, read_volume

LESIONS_FILE, EXCLUDED_FILE, LABELS_FILE, SPLITS_FILE = "lesions.csv", "excluded.csv", "labels.csv", "splits.csv"
LESION_COLUMNS = ("case", "x", "y", "z", "diameter_mm")
LABELS = {"normal": False, "abnormal": True}
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


@dataclass(slots=True)
class _Listed:
    """What a folder says of one case, before its volume is read."""

    paths: list[Path] = field(default_factory=list)
    lesions: list[tuple[float, ...]] = field(default_factory=list)
    excluded: list[tuple[float, ...]] = field(default_factory=list)
    labels: set[bool] = field(default_factory=set)
    splits: set[Split] = field(default_factory=set)
    errors: list[DataError] = field(default_factory=list)


def read_folder(folder: Path, split: Split, count: int | None, layout: Layout) -> Iterator[Case]:
    """Read the cases of one split; files and rows of the other splits' cases are passed over, broken ones too.

    Args:
        folder: See the module's description.
        split: Which cases to read.
        count: Most cases to give, in the order of their names; None for all.
        layout: What the folder looks like, and how its volumes are read.

    Yields:
        The cases, in the order of their names.

    Raises:
        UsageError: If there is no such folder, a table lacks a column, or the split is empty.
        BrokenCasesError: After the last case, if some were broken; each is named, so that one run finds them all.
    """
    listed = sorted(_list_split(folder, split, layout).items())[:count]
    if not listed:
        raise UsageError(f"{folder} has no {split} case; add volumes, or name their split in {SPLITS_FILE}")
    errors: list[DataError] = []
    for name, found in listed:
        try:
            case = _read_case(name, found, layout)
        except BrokenCasesError as broken:
            errors += broken.errors
            continue
        if not errors:
            yield case
    if errors:
        raise BrokenCasesError(tuple(errors))


def split_by_name(name: str) -> Split:
    """Give the split of a case that `splits.csv` does not name, from the SHA-256 of its name.

    It is the same on every machine and does not change when cases are added: 60% training, 20% validation, 20% test.
    """
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    return Split.TRAINING if share < 0.6 else Split.VALIDATION if share < 0.8 else Split.TEST


def _list_split(folder: Path, split: Split, layout: Layout) -> dict[str, _Listed]:
    return {name: found for name, found in _list_cases(folder, layout).items() if _concerns(split, name, found)}


def _list_cases(folder: Path, layout: Layout) -> dict[str, _Listed]:
    if not folder.is_dir():
        raise UsageError(f"data: there is no folder {folder}; give phantom:tiny or a folder of cases")
    listed: dict[str, _Listed] = defaultdict(_Listed)
    for name, path in _volumes(folder):
        listed[name].paths.append(path)
    if layout.is_labelled:
        _add_labels(folder / LABELS_FILE, listed)
    else:
        _add_lesions(folder / LESIONS_FILE, listed)
        if (folder / EXCLUDED_FILE).exists():
            _add_lesions(folder / EXCLUDED_FILE, listed)
    _add_splits(folder / SPLITS_FILE, listed)
    return listed


def _concerns(split: Split, name: str, found: _Listed) -> bool:
    """Tell whether a case is the split's; a row that names no volume may be anyone's, misspelt."""
    is_stray = not found.paths and not found.splits
    return is_stray or split in (found.splits or {split_by_name(name)})


def _volumes(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield path.name, path
        elif suffix := next((suffix for suffix in VOLUME_SUFFIXES if path.name.endswith(suffix)), None):
            yield path.name.removesuffix(suffix), path


def _add_lesions(table: Path, listed: dict[str, _Listed]) -> None:
    for row in _rows(table, LESION_COLUMNS):
        name, *figures = (row[column] for column in LESION_COLUMNS)
        try:
            lesion = tuple(float(figure) for figure in figures)
        except ValueError:
            lesion = (math.nan,)
        if all(math.isfinite(figure) for figure in lesion) and lesion[3] != 0:
            found = listed[name]
            (found.lesions if table.name == LESIONS_FILE else found.excluded).append(lesion)
            continue
        problem = f"line {row['line']} of {table.name} says {', '.join(figures)}"
        remedy = "write x, y, z and the diameter in mm, as numbers; -1 for a diameter that is not known"
        listed[name].errors.append(DataError(name, problem, remedy))


def _add_labels(table: Path, listed: dict[str, _Listed]) -> None:
    for row in _rows(table, ("case", "label")):
        found = listed[row["case"]]
        if row["label"] in LABELS:
            found.labels.add(LABELS[row["label"]])
        else:
            problem = f"line {row['line']} of {table.name} says label {row['label']!r}"
            found.errors.append(DataError(row["case"], problem, f"write one of {', '.join(LABELS)}"))


def _add_splits(table: Path, listed: dict[str, _Listed]) -> None:
    if not table.exists():
        return
    for row in _rows(table, ("case", "split")):
        found = listed[row["case"]]
        if row["split"] in list(Split):
            found.splits.add(Split(row["split"]))
        else:
            problem = f"line {row['line']} of {table.name} says split {row['split']!r}"
            found.errors.append(DataError(row["case"], problem, f"write one of {', '.join(Split)}"))


def _rows(table: Path, columns: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    """Give the rows of a table with the number of their line; a cell that is missing is empty."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restval="", skipinitialspace=True)
            absent = [column for column in columns if column not in (reader.fieldnames or ())]
            if absent:
                raise UsageError(f"{table} lacks the column {', '.join(absent)}; its first line is {','.join(columns)}")
            for row in reader:
                yield {**{column: row[column].strip() for column in columns}, "line": str(reader.line_num)}
    except FileNotFoundError:
        raise UsageError(f"{table} is missing; write it, with the first line {','.join(columns)}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{table} is no CSV file ({error}); save it as CSV, UTF-8") from error


def _read_case(name: str, found: _Listed, layout: Layout) -> Case:
    errors = [*found.errors, *_contradictions(name, found, layout)]
    lesions, excluded = (np.array(rows).reshape(-1, 4) for rows in (found.lesions, found.excluded))
    case = None
    if len(found.paths) == 1:
        try:
            case = _read_volume(name, found.paths[0], layout)
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
    )


def _read_volume(name: str, path: Path, layout: Layout) -> Case:
    """Read a volume, or map it from the cache: resampling takes far longer than a step of a training."""

    def read() -> Case:
        volume = layout.read(name, path, layout.spacing)
        signal = layout.normalise(volume.signal)
        return Case(path_digest, signal, volume.spacing, np.empty((0, 3)), np.empty(0), volume.origin, volume.axes)

    path_digest = _digest(path, layout)
    return cached(f"volumes/{path_digest}", read)


def _digest(path: Path, layout: Layout) -> str:
    """Name the cached volume by all that it depends on; nothing of the case's name can be read from it."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    states = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    how = [f"{function.__module__}.{function.__qualname__}" for function in (layout.read, layout.normalise)]
    return hashlib.sha256(repr((states, how, layout.version, layout.spacing)).encode()).hexdigest()[:32]


def _contradictions(name: str, found: _Listed, layout: Layout) -> Iterator[DataError]:
    if not found.paths:
        yield DataError(name, "the tables name it, but it has no volume", f"add {name}.nii.gz or a folder {name}")
    if len(found.paths) > 1:
        files = " and ".join(path.name for path in found.paths)
        yield DataError(name, f"it is there twice, as {files}", "keep one of them")
    if len(found.splits) > 1:
        splits = " and ".join(sorted(found.splits))
        yield DataError(name, f"{SPLITS_FILE} has it in {splits}", "keep one of its lines")
    for table, findings in ((LESIONS_FILE, found.lesions), (EXCLUDED_FILE, found.excluded)):
        if len(set(findings)) < len(findings):
            yield DataError(name, f"{table} has the same finding twice", "keep one of its lines")
    if len(found.labels) > 1:
        yield DataError(name, f"{LABELS_FILE} says normal and abnormal", "keep one of its lines")
    if layout.is_labelled and not found.labels and not found.errors:
        yield DataError(name, f"{LABELS_FILE} does not name it", f"add a line {name},normal or {name},abnormal")


def _outside(case: Case, kind: str, findings: Floats) -> Iterator[DataError]:
    for (x, y, z, _), is_inside in zip(findings, case.holds(findings[:, :3]), strict=True):
        if not is_inside:
            problem = f"its {kind} at {x:g}, {y:g}, {z:g} lies outside the volume"
            yield DataError(
                case.name, problem, "give world coordinates in mm, LPS (from RAS change the signs of x and y)"
            )
