"""Reads cases from CSV files with the columns of the LUNA16 challenge."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bohpo.cli.csv_columns import NAME, Line, find_columns, read_lines, without_trailing_blanks
from bohpo.cli.listed_cases import read_names
from bohpo.errors import UsageError
from bohpo.evaluation import Case, find_patients

MOST_SHOWN = 20
"""Mistakes that one message lists; a file in the wrong unit or format has one on every line."""

_POINT = ("coordX", "coordY", "coordZ")


@dataclass(frozen=True, slots=True)
class ReadCases:
    """Cases, and what is doubtful about the files.

    Attributes:
        cases: One case per scan, in the order of the cases' file.
        warnings: Sentences without a full stop.
    """

    cases: tuple[Case, ...]
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Findings:
    """Points and their diameters or scores, of one scan."""

    points: list[list[float]] = field(default_factory=list)
    figures: list[float] = field(default_factory=list)

    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.array(self.points, dtype=np.float64).reshape(-1, 3), np.array(self.figures, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Table:
    """A file of findings.

    Attributes:
        path: The file.
        figure: Its last column: diameter_mm or probability.
        header: Number of the first line, and its names.
        lines: The lines behind it.
        counts_each: Whether each line counts, so that a line that is there twice would count twice.
    """

    path: Path
    figure: str
    header: Line
    lines: Sequence[Line]
    counts_each: bool = False

    @classmethod
    def read(cls, path: Path, figure: str, *, counts_each: bool = False) -> Self:
        lines = read_lines(path)
        number, header = lines[0] if lines else (1, [])
        return cls(path, figure, (number, without_trailing_blanks(header)), lines[1:], counts_each)

    @property
    def wanted(self) -> tuple[str, ...]:
        return (NAME, *_POINT, self.figure)

    def names(self) -> set[str]:
        """Return the scans that the lines name."""
        at = find_columns(self.header[1]).get(NAME, [0])[0]
        return {values[at] for _, values in self.lines if at < len(values)}


def read_cases(cases: Path, lesions: Path, marks: Path, excluded: Path | None = None) -> tuple[Case, ...]:
    """Read the cases of a detection study; see `read_with_warnings`."""
    return read_with_warnings(cases, lesions, marks, excluded).cases


def read_with_warnings(cases: Path, lesions: Path, marks: Path, excluded: Path | None = None) -> ReadCases:
    """Read the cases of a detection study.

    A lesion, mark or excluded finding of a scan that `cases` does not list is a mistake: LUNA16's own script passes
    over it, which turns a misspelt seriesuid into a missed lesion or an unseen false positive.

    Args:
        cases: One seriesuid a line, with or without a header, and at will the patient of each in a column `patient`;
            without it BIDS prefixes and names of sessions decide. Further columns are not read.
        lesions: Columns seriesuid, coordX, coordY, coordZ (mm) and diameter_mm, negative where unknown.
        marks: Columns seriesuid, coordX, coordY, coordZ (mm) and probability, any finite score.
        excluded: Findings that are neither lesion nor false alarm, columns as `lesions`.

    Returns:
        One case per seriesuid, in the order of `cases`, with warnings.

    Raises:
        NotFoundError: If a file is missing.
        UsageError: If a file cannot be read, or holds mistakes; up to 20 are listed.
    """
    mistakes: list[str] = []
    listed = read_lines(cases)
    tables = [_Table.read(lesions, "diameter_mm", counts_each=True), _Table.read(marks, "probability")]
    tables += [_Table.read(excluded, "diameter_mm")] if excluded else []
    names = read_names(cases, listed, set().union(*(table.names() for table in tables)), mistakes)
    lesions_of, marks_of, *others = (_read_findings(table, names.patients.keys(), mistakes) for table in tables)
    _refuse(mistakes)
    patients, nothing = find_patients(names.patients), _Findings()
    excluded_of = others[0] if others else {}
    return ReadCases(
        tuple(
            Case(
                name,
                *lesions_of.get(name, nothing).arrays(),
                *marks_of.get(name, nothing).arrays(),
                *excluded_of.get(name, nothing).arrays(),
                patients.of[name],
            )
            for name in names.patients
        ),
        tuple(filter(None, (names.warning, patients.describe_unsure(str(cases))))),
    )


def _read_findings(table: _Table, names: AbstractSet[str], mistakes: list[str]) -> Mapping[str, _Findings]:
    """Read the findings of each scan; what is wrong with a line is added to `mistakes`."""
    first, header = table.header
    if problem := _describe_header(table):
        mistakes.append(f"{table.path}, line {first}: {problem}")
        return {}
    columns = find_columns(header)
    at = [columns[column][0] for column in table.wanted]
    findings: dict[str, _Findings] = {}
    first_lines: dict[tuple[str, ...], int] = {}
    for number, cells in table.lines:
        here, values = f"{table.path}, line {number}", without_trailing_blanks(cells, len(header))
        if len(values) != len(header):
            count = f"{len(values)} values where the header names {len(header)} columns"
            mistakes.append(f"{here}: {count}; write one value per column, with commas between them")
            continue
        name, *figures = (values[index] for index in at)
        if name not in names:
            unlisted = f"column {NAME}: {name!r} is not among the cases"
            mistakes.append(f"{here}, {unlisted}; add it to the cases' file, or remove the line")
        if (other := first_lines.setdefault((name, *figures), number)) != number and table.counts_each:
            mistakes.append(f"{here}: is the same lesion as line {other}; list it once")
        numbers = [_number(here, *each, mistakes) for each in zip(table.wanted[1:], figures, strict=True)]
        of_scan = findings.setdefault(name, _Findings())
        of_scan.points.append(numbers[:3])
        of_scan.figures.append(numbers[3])
    return findings


def _describe_header(table: _Table) -> str | None:
    """Describe what is wrong with a header; None if all columns are found, once each."""
    _, header = table.header
    columns = find_columns(header)
    for column in table.wanted:
        if column not in columns:
            remedy = f"begin the file with the line {','.join(table.wanted)}"
            return f"the header {','.join(header)!r} lacks the column {column}; {remedy}"
    for column in table.wanted:
        if len(columns[column]) > 1:
            names = " and ".join(header[index] for index in columns[column])
            return f"the columns {names} both mean {column}; rename the one that does not"
    return None


def _number(here: str, column: str, value: str, mistakes: list[str]) -> float:
    try:
        number = float(value) if value.isascii() and "_" not in value else math.nan  # Python reads 1_0 as 10
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        mistakes.append(f"{here}, column {column}: {value!r} is not a finite number; write one, as in 12.5")
    elif column == "diameter_mm" and number == 0:
        mistakes.append(f"{here}, column {column}: {value!r} is no diameter; write millimetres, or -1 where unknown")
    return number


def _refuse(mistakes: Sequence[str]) -> None:
    if mistakes:
        more = [f"and {len(mistakes) - MOST_SHOWN} more like these"] if len(mistakes) > MOST_SHOWN else []
        raise UsageError("\n".join([*mistakes[:MOST_SHOWN], *more]))
