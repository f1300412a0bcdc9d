"""Reads cases from CSV files with the columns of the LUNA16 challenge."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bohpo.errors import NotFoundError, UsageError
from bohpo.evaluation import Case

MOST_SHOWN = 20
"""Mistakes that one message lists; a file in the wrong unit or format has one on every line."""

_NAME = "seriesuid"
_POINT = ("coordX", "coordY", "coordZ")

_Line = tuple[int, list[str]]


@dataclass(slots=True)
class _Findings:
    """Points and their diameters or scores, of one scan."""

    points: list[list[float]] = field(default_factory=list)
    figures: list[float] = field(default_factory=list)

    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.array(self.points, dtype=np.float64).reshape(-1, 3), np.array(self.figures, dtype=np.float64)


def read_cases(cases: Path, lesions: Path, marks: Path, excluded: Path | None = None) -> tuple[Case, ...]:
    """Read the cases of a detection study.

    A lesion, mark or excluded finding of a scan that `cases` does not list is a mistake: LUNA16's own script passes
    over it, which turns a misspelt seriesuid into a missed lesion or an unseen false positive.

    Args:
        cases: One seriesuid a line, with or without the header; further columns are not read.
        lesions: Columns seriesuid, coordX, coordY, coordZ (mm) and diameter_mm, negative where unknown.
        marks: Columns seriesuid, coordX, coordY, coordZ (mm) and probability, any finite score.
        excluded: Findings that are neither lesion nor false alarm, columns as `lesions`.

    Returns:
        One case per seriesuid, in the order of `cases`.

    Raises:
        NotFoundError: If a file is missing.
        UsageError: If a file cannot be read, or holds mistakes; up to 20 are listed.
    """
    mistakes: list[str] = []
    names = _read_names(cases, mistakes)
    lesions_of = _read_findings(lesions, "diameter_mm", names, mistakes)
    marks_of = _read_findings(marks, "probability", names, mistakes)
    excluded_of = _read_findings(excluded, "diameter_mm", names, mistakes) if excluded else {}
    _refuse(mistakes)
    nothing = _Findings()
    return tuple(
        Case(
            name,
            *lesions_of.get(name, nothing).arrays(),
            *marks_of.get(name, nothing).arrays(),
            *excluded_of.get(name, nothing).arrays(),
        )
        for name in names
    )


def _read_names(path: Path, mistakes: list[str]) -> dict[str, int]:
    """Read the seriesuids and the line of each."""
    lines = _read_lines(path)
    if lines and lines[0][1][0] == _NAME:
        lines = lines[1:]
    if not lines:
        raise UsageError(f"{path}: lists no case; write one {_NAME} a line")
    names: dict[str, int] = {}
    for number, (name, *_) in lines:
        if name in names:
            mistakes.append(f"{path}, line {number}: {name} is listed on line {names[name]} already; list it once")
        names.setdefault(name, number)
    return names


def _read_findings(path: Path, figure: str, names: dict[str, int], mistakes: list[str]) -> dict[str, _Findings]:
    """Read the findings of each scan; what is wrong with a line is added to `mistakes`."""
    wanted = (_NAME, *_POINT, figure)
    lines = _read_lines(path)
    first, header = lines[0] if lines else (1, [])
    if missing := [column for column in wanted if column not in header]:
        problem = f"the header {','.join(header)!r} lacks the column {missing[0]}"
        mistakes.append(f"{path}, line {first}: {problem}; begin the file with the line {','.join(wanted)}")
        return {}
    findings: dict[str, _Findings] = {}
    for number, values in lines[1:]:
        here = f"{path}, line {number}"
        if len(values) != len(header):
            count = f"{len(values)} values where the header names {len(header)} columns"
            mistakes.append(f"{here}: {count}; write one value per column, with commas between them")
            continue
        row = dict(zip(header, values, strict=True))
        if row[_NAME] not in names:
            unlisted = f"column {_NAME}: {row[_NAME]!r} is not among the cases"
            mistakes.append(f"{here}, {unlisted}; add it to the cases' file, or remove the line")
        numbers = [_number(here, column, row[column], mistakes) for column in wanted[1:]]
        of_scan = findings.setdefault(row[_NAME], _Findings())
        of_scan.points.append(numbers[:3])
        of_scan.figures.append(numbers[3])
    return findings


def _number(here: str, column: str, value: str, mistakes: list[str]) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        mistakes.append(f"{here}, column {column}: {value!r} is not a finite number; write one, as in 12.5")
    elif column == "diameter_mm" and number == 0:
        mistakes.append(f"{here}, column {column}: {value!r} is no diameter; write millimetres, or -1 where unknown")
    return number


def _read_lines(path: Path) -> list[_Line]:
    """Read the lines that are not blank, with their numbers; values are stripped."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            lines = [(reader.line_num, [value.strip() for value in values]) for values in reader]
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name a CSV file that you may read") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: is not a CSV file ({error}); save it as CSV text in UTF-8") from error
    return [(number, values) for number, values in lines if any(values)]


def _refuse(mistakes: Sequence[str]) -> None:
    if mistakes:
        more = [f"and {len(mistakes) - MOST_SHOWN} more like these"] if len(mistakes) > MOST_SHOWN else []
        raise UsageError("\n".join([*mistakes[:MOST_SHOWN], *more]))
