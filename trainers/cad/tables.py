"""The tables of a folder of cases: what is known of each case beside its volume, and what is wrong with its rows."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bohpo.errors import DataError, UsageError
from trainers.cad.case import Split

LESIONS_FILE, EXCLUDED_FILE, LABELS_FILE, SPLITS_FILE = "lesions.csv", "excluded.csv", "labels.csv", "splits.csv"
PATIENT_COLUMN = "patient"
"""Column that any of the tables may have beside its own: the same text in all cases of a patient."""

LESION_COLUMNS = ("case", "x", "y", "z", "diameter_mm")
LABELS = {"normal": False, "abnormal": True}


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
    """Add the rows of lesions.csv, or of excluded.csv, to their cases."""
    for row in _rows(table, LESION_COLUMNS):
        name, *figures = (row[column] for column in LESION_COLUMNS)
        try:
            lesion = tuple(float(figure) for figure in figures)
        except ValueError:
            lesion = (math.nan,)
        if all(math.isfinite(figure) for figure in lesion) and lesion[3] != 0:
            found = listed[name]
            found.patients |= _patient(row)
            (found.lesions if table.name == LESIONS_FILE else found.excluded).append(lesion)
            continue
        problem = f"line {row['line']} of {table.name} says {', '.join(figures)}"
        remedy = "write x, y, z and the diameter in mm, as numbers; -1 for a diameter that is not known"
        listed[name].errors.append(DataError(name, problem, remedy))


def add_labels(table: Path, listed: dict[str, ListedCase]) -> None:
    """Add the rows of labels.csv to their cases."""
    for row in _rows(table, ("case", "label")):
        found = listed[row["case"]]
        found.patients |= _patient(row)
        if row["label"] in LABELS:
            found.labels.add(LABELS[row["label"]])
        else:
            problem = f"line {row['line']} of {table.name} says label {row['label']!r}"
            found.errors.append(DataError(row["case"], problem, f"write one of {', '.join(LABELS)}"))


def add_splits(table: Path, listed: dict[str, ListedCase]) -> None:
    """Add the rows of splits.csv, where there is one, to their cases."""
    if not table.exists():
        return
    for row in _rows(table, ("case", "split")):
        found = listed[row["case"]]
        found.patients |= _patient(row)
        if row["split"] in list(Split):
            found.splits.add(Split(row["split"]))
        elif row["split"] or not row[PATIENT_COLUMN]:  # a row may name the patient alone
            problem = f"line {row['line']} of {table.name} says split {row['split']!r}"
            found.errors.append(DataError(row["case"], problem, f"write one of {', '.join(Split)}"))


def _patient(row: Mapping[str, str]) -> set[str]:
    return {row[PATIENT_COLUMN]} if row[PATIENT_COLUMN] else set()


def _rows(table: Path, columns: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    """Give the rows of a table that are not blank, with the number of their line; a cell that is missing is empty."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restval="", skipinitialspace=True)
            absent = [column for column in columns if column not in (reader.fieldnames or ())]
            if absent:
                remedy = f"make {','.join(columns)} its first line, with commas in all lines"
                raise UsageError(f"{table} lacks the column {', '.join(absent)}; {remedy}")
            for row in reader:
                cells = {column: row[column].strip() for column in columns}
                cells[PATIENT_COLUMN] = (row.get(PATIENT_COLUMN) or "").strip()
                if not any(cells.values()):
                    continue
                if not cells["case"] or not cells["case"].isprintable():
                    called = f"line {reader.line_num} of {table} calls a case {cells['case']!a}"
                    raise UsageError(f"{called}; write its name, or remove the line")
                yield {**cells, "line": str(reader.line_num)}
    except FileNotFoundError:
        raise UsageError(f"{table} is missing; write it, with the first line {','.join(columns)}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{table} is no CSV file ({error}); save it as CSV, UTF-8") from error
