"""Tables as spreadsheets save them: read where they are clear, refused with line and remedy where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohpo.errors import UsageError
from trainers.cad.table_reader import MOST_COLUMNS, Row, parse_number, read_rows

COLUMNS = ("case", "x", "y", "z", "diameter_mm")
NUMERIC = COLUMNS[1:]
EXPECTED = [("a", "12.5", "3", "-4", "5"), ("b", "1", "2.25", "3", "-1")]


def _read(path: Path, content: bytes | str) -> tuple[Row, ...]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_rows(path, COLUMNS, NUMERIC)


def _cells(rows: tuple[Row, ...]) -> list[tuple[str, ...]]:
    assert [row.problem for row in rows] == [""] * len(rows)
    return [tuple(row.cells[column] for column in COLUMNS) for row in rows]


PLAIN = "case,x,y,z,diameter_mm\na,12.5,3,-4,5\nb,1,2.25,3,-1\n"
GERMAN = "case;x;y;z;diameter_mm\na;12,5;3;-4;5\nb;1;2,25;3;-1\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        GERMAN,
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", ";"),
        GERMAN.replace(";", "\t"),
        "sep=;\r\n" + GERMAN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r\n").encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        GERMAN.encode("utf-16"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("case,x,y,z,diameter_mm", " Case , X,Y ,z,Diameter_MM,,"),
        PLAIN.replace("case", "\n\n,,,,\ncase", 1) + "\n,,,,\n \n",
        PLAIN.replace("a,12.5", '"a", "12.5"').replace("5\n", "5,,\n", 1),
        "remark,diameter_mm,z,y,x,case\nround,5,-4,3,12.5,a\n,-1,3,2.25,1,b\n",
    ],
)
def test_every_way_of_writing_a_table_gives_the_same_rows(tmp_path: Path, content: bytes | str) -> None:
    assert _cells(_read(tmp_path / "lesions.csv", content)) == EXPECTED


def test_rows_know_their_line(tmp_path: Path) -> None:
    rows = _read(tmp_path / "lesions.csv", "\ncase,x,y,z,diameter_mm\n\na,1,2,3,4\n\n\nb,1,2,3,4\n")
    assert [row.line for row in rows] == [4, 7]


def test_a_decimal_comma_shifts_no_column(tmp_path: Path) -> None:
    content = "case,x,y,z,diameter_mm\na,12,5,3,-4,5\nb,1,2,3,4\n"
    shifted, sound = _read(tmp_path / "lesions.csv", content)
    assert shifted.problem == "line 2 of lesions.csv has 6 cells where its header has 5 columns"
    assert shifted.remedy == "is there a decimal comma? write 12.5, or separate all cells by semicolons"
    assert sound.problem == ""


@pytest.mark.parametrize(("row", "count"), [("a,1,2,3", 4), ("a", 1), ("a,1,2,3,4,5,,6", 8), ("a;1;2;3;4", 1)])
def test_rows_with_other_cells_than_columns_are_refused(tmp_path: Path, row: str, count: int) -> None:
    [read] = _read(tmp_path / "lesions.csv", f"case,x,y,z,diameter_mm\n{row}\n")
    assert f"line 2 of lesions.csv has {count} cell" in read.problem
    assert read.remedy


def test_a_comma_beside_a_point_is_no_decimal_comma(tmp_path: Path) -> None:
    mixed = "case;x;y;z;diameter_mm\na;1,234;2.5;3;4\n"
    [row] = _read(tmp_path / "lesions.csv", mixed)
    assert parse_number(row.cells["x"]) is None, "a thousand, or a decimal comma?"
    assert parse_number(row.cells["y"]) == 2.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"case,x,y,z,diameter_mm\nM\xfcller,1,2,3,4\n", "line 2 has bytes of another encoding; save it as CSV, UTF-8"),
        (b"case,x,y,z,diameter_mm\na,1,2,3,4\nb\0,1,2,3,4\n", "line 3 has a NUL byte; save it as CSV, UTF-8"),
        (PLAIN.encode("utf-16-le"), "line 1 has a NUL byte; save it as CSV, UTF-8"),
        (PLAIN.encode("utf-16")[:-1], "bytes of another encoding"),
        (b"case,x,x,y,z,diameter_mm\na,1,1,2,3,4\n", "has the column x twice in line 1; keep one of them"),
        (b"case,x,X,y,z,diameter_mm\na,1,1,2,3,4\n", "has the column x twice in line 1; keep one of them"),
        (b"case,x,y,z\na,1,2,3\n", "lacks the column diameter_mm; make case,x,y,z,diameter_mm its first line"),
        (b"", "lacks the column case, x, y, z, diameter_mm"),
        (b"sep=|\ncase|x|y|z|diameter_mm\n", r"separates cells by '|'; use a comma, a semicolon or a tab"),
        (b'case,x,y,z,diameter_mm\na,1,2,"3,4\nb,1,2,3,4\n', "cells that cannot be told apart"),
        (b'case,x,y,z,diameter_mm\na,1,2,"3"3,4\n', "line 2 has cells that cannot be told apart"),
        (b"case,x,y,z,diameter_mm\na,1,2,3," + b"9" * 200_000, "line 2 has cells that cannot be told apart"),
        (b"case,x,y,z,diameter_mm" + b",more" * 5000, f"at most {MOST_COLUMNS} are read"),
    ],
)
def test_tables_that_are_unclear_as_a_whole_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        _read(tmp_path / "lesions.csv", content)
    assert str(caught.value).startswith(str(tmp_path / "lesions.csv"))
    assert message in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "nowhere.csv").symlink_to(tmp_path / "none")
    for name, message in (
        ("folder.csv", "is no file; write the table there"),
        ("loop.csv", "cannot be read"),
        ("nowhere.csv", "is missing; write it, with the first line case,x,y,z,diameter_mm"),
        ("none.csv", "is missing; write it"),
    ):
        with pytest.raises(UsageError, match=message):
            read_rows(tmp_path / name, COLUMNS)


@pytest.mark.parametrize("text", ["", "nan", "inf", "-inf", "1_000", "0x10", "1,5", "1 2", "1e", "--1", "\uff11", "١"])
def test_what_is_no_plain_number_is_none(text: str) -> None:
    assert parse_number(text) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_is_written_is_read(number: float) -> None:
    assert parse_number(repr(number)) == number
