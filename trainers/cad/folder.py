"""Real cases: which there are in a folder, what is known of them, and which split they belong to.

    folder/
      lesions.csv      case,x,y,z,diameter_mm      x, y, z in mm, LPS, as ITK, DICOM and LUNA16 have them
      excluded.csv     case,x,y,z,diameter_mm      optional; findings that are neither lesion nor false alarm
      labels.csv       case,label                  instead of lesions.csv where an application tells cases apart
      splits.csv       case,split                  optional; split is training, validation or test
                                                   each table may have a column patient, too;
                                                   splits.csv may have it instead of split
      patient-07.nii.gz                            a volume; the case is called patient-07
      patient-12/*.dcm                             a folder with one DICOM series is a case, too

A case without a row in lesions.csv has no lesion. All cases of a patient are of one split, see `splits`.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bohpo.errors import DataError, UsageError
from trainers.cad.cache import in_chance_order
from trainers.cad.case import Case, Split
from trainers.cad.case_reader import read_case
from trainers.cad.coordinates import CoordinateCheck
from trainers.cad.formats import VOLUME_SUFFIXES, find_suffix, is_unread_image, strip_suffix
from trainers.cad.frames import read_frame
from trainers.cad.hypotheses import HYPOTHESES
from trainers.cad.layout import BrokenCasesError, Layout
from trainers.cad.splits import select_split
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

_logger = logging.getLogger(__name__)


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
        UsageError: If there is no such folder, a table lacks a column, or the split is empty; after the last case, if
            its lesions are certainly given in other coordinates.
        BrokenCasesError: After the last case, if some were broken; each is named, so that one run finds them all.
    """
    listed = sorted(select_split(folder, list_cases(folder, layout), split).items())[:count]
    if not listed:
        raise UsageError(f"{folder} has no {split} case; add volumes, or name their split in {SPLITS_FILE}")
    errors: list[DataError] = []
    coordinates = CoordinateCheck((HYPOTHESES,))
    for name, found in in_chance_order(listed):
        try:
            case = read_case(name, found, layout)
        except BrokenCasesError as broken:
            errors += broken.errors
            continue
        # A series has a header for each slice: too much to read again for a volume that is cached.
        [path] = found.paths
        coordinates.add(case, read_frame(name, path) if len(case.centres) > 0 and path.is_file() else None)
        if not errors:
            yield case
    if errors:
        raise BrokenCasesError(tuple(sorted(errors, key=lambda error: error.case)))
    for suspicion in coordinates.suspicions():
        if suspicion.is_certain:
            raise UsageError(f"data: {folder / LESIONS_FILE}: {suspicion.problem}; {suspicion.remedy}")
        if suspicion.is_founded:
            _logger.warning("%s: %s", folder / LESIONS_FILE, suspicion.describe_hint())


@dataclass(frozen=True, slots=True)
class Survey:
    """What is in a folder of cases, before any volume is read.

    Attributes:
        cases: Name -> what the folder says of the case.
        problems: What is wrong with the folder or a table as a whole, each with its remedy.
        ignored: Names of files that look like images and are not read.
    """

    cases: dict[str, ListedCase]
    problems: tuple[str, ...]
    ignored: tuple[str, ...]


def list_cases(folder: Path, layout: Layout) -> dict[str, ListedCase]:
    """List all cases of a folder and what its tables say of them; no volume is read.

    Raises:
        UsageError: If there is no such folder, tables cannot be read or lack a column, or names are no names; all of
            these are named.
    """
    survey = survey_folder(folder, layout)
    if survey.problems:
        raise UsageError("\n".join(survey.problems))
    for name in survey.ignored:
        _logger.warning("%s is not read; volumes end in %s", name, ", ".join(VOLUME_SUFFIXES))
    return survey.cases


def survey_folder(folder: Path, layout: Layout) -> Survey:
    """List all cases of a folder and everything that is wrong with its tables; no volume is read.

    Raises:
        UsageError: If there is no such folder, or what is in it cannot be listed.
    """
    if not folder.is_dir():
        raise UsageError(f"data: there is no folder {folder}; give phantom:tiny or a folder of cases")
    listed: dict[str, ListedCase] = defaultdict(ListedCase)
    for name, path in _volumes(folder):
        listed[name].paths.append(path)
    problems = _find_misnamed_tables(folder, layout)
    for table, add in _tables(folder, layout):
        try:
            add(table, listed)
        except UsageError as error:
            problems.append(str(error))
    ignored = tuple(sorted(path.name for path in folder.iterdir() if is_unread_image(path.name)))
    return Survey(listed, tuple(problems), ignored)


def _find_misnamed_tables(folder: Path, layout: Layout) -> list[str]:
    """Find optional tables that would be passed over for their names, such as Splits.CSV or splits.xlsx."""
    optional = (SPLITS_FILE,) if layout.is_labelled else (SPLITS_FILE, EXCLUDED_FILE)
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    return [
        f"{folder / name} is not read; save it as {table}"
        for table in optional
        if table not in names
        for name in names
        if name.lower().partition(".")[0] == table.removesuffix(".csv") and find_suffix(name) is None and "." in name
    ]


def _tables(folder: Path, layout: Layout) -> Iterator[tuple[Path, Callable[[Path, dict[str, ListedCase]], None]]]:
    if layout.is_labelled:
        yield folder / LABELS_FILE, add_labels
    else:
        yield folder / LESIONS_FILE, add_lesions
        if os.path.lexists(folder / EXCLUDED_FILE):
            yield folder / EXCLUDED_FILE, add_lesions
    yield folder / SPLITS_FILE, add_splits


def _volumes(folder: Path) -> Iterator[tuple[str, Path]]:
    paths = sorted(folder.iterdir())
    if odd := [ascii(path.name) for path in paths if not path.name.isprintable()]:
        raise UsageError(f"{folder} holds {', '.join(odd)}; rename what has letters that cannot be printed")
    for path in paths:
        if path.name.startswith("."):
            continue
        if path.is_dir() or find_suffix(path.name) is not None:
            yield strip_suffix(path.name), path
