"""A training's reports are read at the cost of what is new, whatever its trainer wrote, and in bounded memory."""

from __future__ import annotations

import itertools
import json
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from bohpo import regular_files
from bohpo.trainer import progress
from bohpo.trainer.progress import KEPT, LONGEST_LINE, MOST_NEW_BYTES, ProgressReader

MILLION = 1_000_000


def line(step: int, value: float) -> str:
    return json.dumps({"step": step, "value": value, "time": 1764540000.123}) + "\n"


def write(path: Path, steps: range, value: float = 0.5) -> None:
    path.write_text("".join(line(step, value) for step in steps))


class Counted:
    """Counts the bytes that are asked of files, and the lines that are parsed."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.bytes = 0
        self.parsed = 0


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted, open_regular, parse_report = Counted(), regular_files.open_regular, progress.parse_report

    class File:
        def __init__(self, file: BinaryIO) -> None:
            self._file = file
            self.fileno, self.seek = file.fileno, file.seek

        def read(self, most: int) -> bytes:
            content = self._file.read(most)
            counted.bytes += len(content)
            return content

    @contextmanager
    def opened(path: Path) -> Iterator[File]:
        with open_regular(path) as file:
            yield File(file)

    def parsed(text: bytes) -> tuple[int, float] | None:
        counted.parsed += 1
        return parse_report(text)

    monkeypatch.setattr(progress, "open_regular", opened)
    monkeypatch.setattr(progress, "parse_report", parsed)
    return counted


def test_of_a_million_reports_a_look_reads_what_is_new_and_keeps_a_few_thousand(
    tmp_path: Path, counted: Counted
) -> None:
    path = tmp_path / "progress.jsonl"
    write(path, range(MILLION))
    reader = ProgressReader(path)
    reports = reader.read()
    assert KEPT <= len(reports) <= 2 * KEPT + 1
    assert reports[0] == (0, 0.5)
    assert reports[-1] == (MILLION - 1, 0.5)
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(reports[:-1])]
    assert max(gaps) <= 2 * min(gaps), "they are spread evenly"
    assert counted.parsed < MILLION / 25

    counted.bytes = counted.parsed = 0
    with path.open("a") as file:
        file.write(line(MILLION, 0.75))
    assert reader.read()[-1] == (MILLION, 0.75)
    assert counted.bytes < 300
    assert counted.parsed < 20


def test_reports_that_are_few_are_all_kept(tmp_path: Path) -> None:
    write(tmp_path / "progress.jsonl", range(KEPT))
    assert ProgressReader(tmp_path / "progress.jsonl").read() == [(step, 0.5) for step in range(KEPT)]


def test_reports_between_foreign_lines_are_thinned_like_others(tmp_path: Path) -> None:
    foreign = '{"epoch": 1}\n'
    text = "".join(line(step, 0.5) + foreign for step in range(20 * KEPT))
    (tmp_path / "progress.jsonl").write_text(text)
    reports = ProgressReader(tmp_path / "progress.jsonl").read()
    assert KEPT <= len(reports) <= 2 * KEPT + 1
    assert reports[-1] == (20 * KEPT - 1, 0.5)


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_a_file_that_grows_in_pieces_is_read_as_if_at_once(tmp_path: Path, pieces: int) -> None:
    path = tmp_path / "progress.jsonl"
    content = "".join(line(step, step / 7) for step in range(3 * KEPT)).encode()
    reader, length = ProgressReader(path), len(content) // pieces + 1
    with path.open("wb") as file:
        for start in range(0, len(content), length):
            file.write(content[start : start + length])
            file.flush()
            reader.read()
    assert reader.read() == ProgressReader(path).read()


def test_a_last_line_without_its_end_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    path.write_text(line(1, 0.5) + line(2, 0.25).rstrip())
    reader = ProgressReader(path)
    assert reader.read() == reader.read() == [(1, 0.5), (2, 0.25)]
    with path.open("a") as file:
        file.write("\n" + line(3, 0.125))
    assert reader.read() == [(1, 0.5), (2, 0.25), (3, 0.125)]


def test_a_line_without_an_end_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    with path.open("wb") as file:
        file.write(line(1, 0.5).encode())
        file.seek(120 * 2**20, os.SEEK_CUR)
        file.write(b"\n" + line(2, 0.25).encode())
    reader = ProgressReader(path)
    tracemalloc.start()
    try:
        assert reader.read() == [(1, 0.5), (2, 0.25)]
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


def test_of_a_file_of_many_gigabytes_the_latest_part_is_read(tmp_path: Path, counted: Counted) -> None:
    path = tmp_path / "progress.jsonl"
    with path.open("wb") as file:
        file.write(line(1, 0.5).encode())
        file.seek(2**40)
        file.write(b"\n" + line(2, 0.25).encode())
    assert ProgressReader(path).read() == [(2, 0.25)]
    assert counted.bytes == MOST_NEW_BYTES


def test_a_long_line_in_the_midst_is_no_report(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    long = json.dumps({"step": 2, "value": 0.5, "note": "x" * LONGEST_LINE}) + "\n"
    path.write_text(line(1, 0.5) + long + line(3, 0.5))
    assert ProgressReader(path).read() == [(1, 0.5), (3, 0.5)]


def test_a_file_that_is_cut_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    write(path, range(100))
    reader = ProgressReader(path)
    reader.read()
    write(path, range(3), 0.25)
    assert reader.read() == [(0, 0.25), (1, 0.25), (2, 0.25)]


def test_a_file_that_is_written_anew_and_longer_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    write(path, range(3), 0.5)
    reader = ProgressReader(path)
    reader.read()
    write(path, range(5), 0.25)  # into the same file
    assert reader.read() == [(step, 0.25) for step in range(5)]


def test_a_file_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    write(path, range(3))
    reader = ProgressReader(path)
    reader.read()
    write(tmp_path / "other", range(7, 9))
    (tmp_path / "other").replace(path)
    assert reader.read() == [(7, 0.5), (8, 0.5)]
    path.unlink()
    assert reader.read() == []


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "progress.jsonl")
    assert ProgressReader(tmp_path / "progress.jsonl").read() == []
