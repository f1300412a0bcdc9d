"""Tables that people write: CSV files of any spreadsheet, read row by row, every cell under its own column.

All tables of a folder of cases are read here, so a row is refused by the same rules everywhere. Columns are separated
by commas, semicolons or tabs, as the first line says. Where that is no comma, numbers may have a decimal comma.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bohpo.errors import UsageError

MOST_BYTES = 64 * 2**20
"""Longer tables are refused: a million lesions fit in, and memory is bounded."""

MOST_COLUMNS = 200
"""Wider tables are refused: they are no tables of cases."""

_SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
_ENCODINGS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WITH_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table that is not blank.

    Attributes:
        line: Number of its (last) line in the file, from 1.
        cells: Column -> text, without blanks around it; columns are in small letters.
        problem: What is wrong with the line, empty if its cells can be trusted.
        remedy: What to do about the problem.
    """

    line: int
    cells: Mapping[str, str]
    problem: str = ""
    remedy: str = ""


def read_rows(
    path: Path, columns: Sequence[str], numeric: Sequence[str] = (), is_instead: Callable[[str], bool] | None = None
) -> tuple[Row, ...]:
    """Read the rows of a table.

    Args:
        path: The file: UTF-8, or UTF-16 with its byte order mark.
        columns: Columns that it must have, in small letters; it may have others, too.
        numeric: Those of them that hold numbers. In tables without separating commas `12,5` is read as `12.5` there,
            unless the table has numbers with a point, too.
        is_instead: Whether a table with a column of this name need not have the last one of `columns`.

    Returns:
        All rows that are not blank. A row with more or fewer cells than the header has columns carries its problem.

    Raises:
        UsageError: If the file is missing, is no such table, or its header is unclear; names the line and the remedy.
    """
    text = _read_text(path, columns)
    separator, lines = _split_cells(path, text)
    first, names = next(lines, (1, []))
    _check_header(path, first, names, columns, is_instead)
    while names and not names[-1]:
        names = names[:-1]
    rows = tuple(_to_row(path, line, names, cells, separator) for line, cells in lines)
    return rows if separator == "," else _with_decimal_points(rows, numeric)


def parse_number(text: str) -> float | None:
    """Return the number that a cell holds; None if it holds anything else, `nan`, `inf` and `1_000` included."""
    return float(text) if _NUMBER.fullmatch(text) else None


def _read_text(path: Path, columns: Sequence[str]) -> str:
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is no file; write the table there, with the first line {','.join(columns)}")
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{path} is missing; write it, with the first line {','.join(columns)}") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); name a table that you may read") from error
    if len(content) > MOST_BYTES:
        raise UsageError(f"{path} is longer than {MOST_BYTES // 2**20} MiB; leave only the rows of these cases in it")
    encoding = next((name for mark, name in _ENCODINGS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = f"{path} is no CSV file in UTF-8: line {line} has bytes of another encoding"
        raise UsageError(f"{problem}; save it as CSV, UTF-8") from error
    if (at := text.find("\0")) >= 0:
        problem = f"{path} is no CSV file: line {text.count(chr(10), 0, at) + 1} has a NUL byte"
        raise UsageError(f"{problem}; save it as CSV, UTF-8")
    return text


def _split_cells(path: Path, text: str) -> tuple[str, Iterator[tuple[int, list[str]]]]:
    """Split lines into cells (stripped), blank lines left out; returns the separator as well."""
    lines = list(io.StringIO(text, newline=""))
    skipped = 0
    declared = re.fullmatch(r'"?sep=(.)"?\s*', lines[0]) if lines else None
    if declared:  # a spreadsheet's own first line
        skipped = 1
    header = next((line for line in lines[skipped:] if line.strip()), "")
    separator = declared.group(1) if declared else max(_SEPARATORS, key=header.count)
    if separator not in _SEPARATORS:
        raise UsageError(f"{path} separates cells by {separator!r}; use a comma, a semicolon or a tab")

    def iterate() -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(lines[skipped:], delimiter=separator, skipinitialspace=True, strict=True)
        try:
            for cells in reader:
                stripped = [cell.strip() for cell in cells]
                if any(stripped):
                    yield reader.line_num + skipped, stripped
        except csv.Error as error:
            line = reader.line_num + skipped
            problem = f"{path} is no CSV file: line {line} has cells that cannot be told apart ({error})"
            raise UsageError(f"{problem}; close its quotation marks, save it as CSV, UTF-8") from error

    return separator, iterate()


def _check_header(
    path: Path, line: int, names: list[str], columns: Sequence[str], is_instead: Callable[[str], bool] | None
) -> None:
    names[:] = [name.lower() for name in names]
    remedy = f"make {','.join(columns)} its first line, with commas in all lines"
    if len(names) > MOST_COLUMNS:
        raise UsageError(f"{path} has {len(names)} columns in line {line}, at most {MOST_COLUMNS} are read; {remedy}")
    needed = columns[:-1] if is_instead and any(map(is_instead, names)) else columns
    if absent := [column for column in needed if column not in names]:
        raise UsageError(f"{path} lacks the column {', '.join(absent)}; {remedy}")
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise UsageError(f"{path} has the column {', '.join(twice)} twice in line {line}; keep one of them")


def _to_row(path: Path, line: int, names: Sequence[str], cells: list[str], separator: str) -> Row:
    while len(cells) > len(names) and not cells[-1]:
        cells.pop()
    by_column = dict(zip(names, cells + [""] * (len(names) - len(cells)), strict=False))
    if len(cells) == len(names):
        return Row(line, by_column)
    problem = f"line {line} of {path.name} has {len(cells)} cells where its header has {len(names)} columns"
    remedy = f"write one cell for each column, separated by {_SEPARATORS[separator]}"
    if len(cells) > len(names) and separator == ",":
        remedy = "is there a decimal comma? write 12.5, or separate all cells by semicolons"
    return Row(line, by_column, problem, remedy)


def _with_decimal_points(rows: tuple[Row, ...], numeric: Sequence[str]) -> tuple[Row, ...]:
    """Turn decimal commas into points, unless points are there, too: `1,234` might then be a thousand."""
    figures = [row.cells[column] for row in rows for column in numeric]
    if any("." in figure for figure in figures):
        return rows
    return tuple(
        Row(row.line, {**row.cells, **_with_point(row.cells, numeric)}, row.problem, row.remedy) for row in rows
    )


def _with_point(cells: Mapping[str, str], numeric: Sequence[str]) -> dict[str, str]:
    return {column: cells[column].replace(",", ".") for column in numeric if _WITH_COMMA.fullmatch(cells[column])}
