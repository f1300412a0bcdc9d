"""CSV files as spreadsheets and scripts write them: separators, blanks, and headers in many spellings."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from bohpo.errors import NotFoundError, UsageError
from bohpo.evaluation.patients import PATIENT_COLUMNS, plain_name

Line: TypeAlias = tuple[int, list[str]]
"""Number of a line in its file, and its values."""

SEPARATORS = (",", ";", "\t")

NAME = "seriesuid"
PATIENT = "patient"

# fmt: off
SPELLINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        NAME: (
            "seriesuid", "seriesinstanceuid", "series", "seriesid", "scan", "scanid", "scanuid", "scanname",
            "case", "caseid", "caseuid", "casename", "cases", "image", "imageid", "imagename",
            "volume", "volumeid", "exam", "examid", "study", "studyid", "studyuid", "studyinstanceuid",
            "file", "filename", "uid", "id", "name", "patient", "patientid", "subject",
            "subjectid", "seriesuids",
            "scans", "images", "path", "filepath", "imagepath", "accession", "accessionnumber",
        ),
        "coordX": ("coordx",),
        "coordY": ("coordy",),
        "coordZ": ("coordz",),
        "diameter_mm": ("diametermm", "diameter"),
        "probability": ("probability", "score"),
        PATIENT: PATIENT_COLUMNS,
    }
)
# fmt: on
"""Each column and how files call it, the most telling name first; capitals, blanks and punctuation do not matter.

A column x is not taken for coordX: it may hold voxels.
"""


def read_lines(path: Path) -> list[Line]:
    """Read the lines that are not blank; values are stripped.

    The values are separated by the separator that the first of these lines has: a comma, a semicolon or a tab.

    Raises:
        NotFoundError: If there is no such file.
        UsageError: If it cannot be read, or is no CSV text.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            text = file.read()
        first = next((line for line in text.splitlines() if line.strip()), "")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(first), skipinitialspace=True)
        lines = [(reader.line_num, [value.strip() for value in values]) for values in reader]
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name a CSV file that you may read") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: is not a CSV file ({error}); save it as CSV text in UTF-8") from error
    return [(number, values) for number, values in lines if any(values)]


def find_columns(header: Sequence[str]) -> dict[str, list[int]]:
    """Find the columns that a header names.

    Args:
        header: Names of the columns.

    Returns:
        Column of `SPELLINGS` -> indices of its most telling name, several if the header has that name several times;
        columns without any are left out.
    """
    plain = [plain_name(name) for name in header]
    found = {}
    for column, spellings in SPELLINGS.items():
        best = next((spelling for spelling in spellings if spelling in plain), None)
        if best is not None:
            found[column] = [index for index, name in enumerate(plain) if name == best]
    return found


def without_trailing_blanks(values: list[str], count: int = 0) -> list[str]:
    """Drop the empty values that trailing separators make, as long as more than `count` values are left."""
    end = len(values)
    while end > count and not values[end - 1]:
        end -= 1
    return values[:end]


def _separator(line: str) -> str:
    outside_quotes = re.sub(r'"[^"]*"', "", line)
    return max(SEPARATORS, key=lambda separator: (outside_quotes.count(separator), separator == ","))
