"""The tables of a folder of cases: what is known of each case beside its volume, and what is wrong with its rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bohpo.errors import DataError, UsageError
from bohpo.evaluation.patients import PATIENT_COLUMNS, plain_name
from trainers.cad.case import Split
from trainers.cad.table_reader import parse_number, read_rows

LESIONS_FILE, EXCLUDED_FILE, LABELS_FILE, SPLITS_FILE = "lesions.csv", "excluded.csv", "labels.csv", "splits.csv"
LESION_COLUMNS = ("case", "x", "y", "z", "diameter_mm")
LABELS = {"normal": False, "abnormal": True}

UNKNOWN_DIAMETER = -1.0
"""What lesions.csv writes where a diameter is not known, as LUNA16 does."""

GREATEST_MM = 1e5
"""No scanner's coordinates reach so far; larger numbers are in another unit, or no coordinates at all."""


@dataclass(slots=True)
class ListedCase:
    """What a folder says of one case, before its volume is read.

    Attributes:
        paths: Files and folders of its name.
        lesions: x, y, z and diameter of each lesion, mm.
        excluded: Likewise of findings that are neither lesion nor false alarm.
        labels: Whether it is abnormal; empty where no table says so.
        splits: Splits that the table names; one, if all is well.
        patients: Patients that the tables name; at most one, if all is well.
        errors: Rows that make no sense.
        patient: Whose case it is, once that was found out; None before.
    """

    paths: list[Path] = field(default_factory=list)
    lesions: list[tuple[float, ...]] = field(default_factory=list)
    excluded: list[tuple[float, ...]] = field(default_factory=list)
    labels: set[bool] = field(default_factory=set)
    splits: set[Split] = field(default_factory=set)
    patients: set[str] = field(default_factory=set)
    errors: list[DataError] = field(default_factory=list)
    patient: str | None = None


def add_lesions(table: Path, listed: dict[str, ListedCase]) -> None:
    """Add the rows of lesions.csv, or of excluded.csv, to their cases.

    Raises:
        UsageError: If the table cannot be read as a whole; rows that make no sense are errors of their cases.
    """
    for line, row in _sound_rows(table, LESION_COLUMNS, listed, numeric=LESION_COLUMNS[1:]):
        name, *figures = (row[column] for column in LESION_COLUMNS)
        numbers = tuple(parse_number(figure) for figure in figures)
        lesion = tuple(number for number in numbers if number is not None and abs(number) <= GREATEST_MM)
        found = listed[name]
        found.patients |= _patient(row)
        if len(lesion) == len(numbers) and (lesion[3] > 0 or lesion[3] == UNKNOWN_DIAMETER):
            (found.lesions if table.name == LESIONS_FILE else found.excluded).append(lesion)
            continue
        problem = f"line {line} of {table.name} says {', '.join(figures)}"
        remedy = "write x, y, z and the diameter in mm, as numbers such as 12.5; -1 for a diameter that is not known"
        found.errors.append(DataError(name, problem, remedy))


def add_labels(table: Path, listed: dict[str, ListedCase]) -> None:
    """Add the rows of labels.csv to their cases.

    Raises:
        UsageError: If the table cannot be read as a whole; rows that make no sense are errors of their cases.
    """
    for line, row in _sound_rows(table, ("case", "label"), listed):
        found, label = listed[row["case"]], row["label"].lower()
        found.patients |= _patient(row)
        if label in LABELS:
            found.labels.add(LABELS[label])
        else:
            problem = f"line {line} of {table.name} says label {row['label']!r}"
            found.errors.append(DataError(row["case"], problem, f"write one of {', '.join(LABELS)}"))


def add_splits(table: Path, listed: dict[str, ListedCase]) -> None:
    """Add the rows of splits.csv, where there is one, to their cases.

    Raises:
        UsageError: If the table cannot be read as a whole; rows that make no sense are errors of their cases.
    """
    if not os.path.lexists(table):
        return
    for line, row in _sound_rows(table, ("case", "split"), listed, is_instead=_is_of_patients):
        found, split, patient = listed[row["case"]], row.get("split", ""), _patient(row)
        found.patients |= patient
        if split.lower() in list(Split):
            found.splits.add(Split(split.lower()))
        elif split or not patient:  # a row may name the patient alone
            problem = f"line {line} of {table.name} says split {split!r}"
            found.errors.append(DataError(row["case"], problem, f"write one of {', '.join(Split)}"))


def _patient(row: Mapping[str, str]) -> set[str]:
    """Return the patient that a row names, in any column that tables have for it; the most telling one counts."""
    by_name = {plain_name(column): text for column, text in row.items()}
    patient = next((by_name[column] for column in PATIENT_COLUMNS if column in by_name), "")
    return {patient} if patient else set()


def _is_of_patients(column: str) -> bool:
    return plain_name(column) in PATIENT_COLUMNS


def _sound_rows(
    table: Path,
    columns: Sequence[str],
    listed: dict[str, ListedCase],
    numeric: Sequence[str] = (),
    is_instead: Callable[[str], bool] | None = None,
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield the number of the line and the cells of each row; a row that is torn is an error of its case instead."""
    for row in read_rows(table, columns, numeric, is_instead):
        name = row.cells["case"]
        if not name or not name.isprintable():
            called = f"line {row.line} of {table} calls a case {name!a}"
            raise UsageError(f"{called}; write its name, or remove the line")
        if row.problem:
            listed[name].errors.append(DataError(name, row.problem, row.remedy))
        else:
            yield row.line, row.cells
