"""Logs and pictures of trainers that write what they like."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bohpo.errors import NotFoundError
from bohpo.service.attempt_files import TAIL_BYTES, last_traceback, pictures, read_picture, read_tail
from bohpo.trainer import AttemptDirectory
from tests.service.pages.specimen import write_picture


def test_the_tail_of_a_long_log_begins_with_a_line(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("".join(f"line {number}\n" for number in range(20_000)))
    tail = read_tail(log)
    assert tail is not None
    assert not tail.is_whole and tail.size == log.stat().st_size
    assert len(tail.text) <= TAIL_BYTES
    assert tail.text.startswith("line ") and tail.text.endswith("line 19999\n")


def test_a_log_that_is_no_text_is_shown_all_the_same(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"\xff\xfe\x00 \x1b[31mred\x1b[0m \x1b]0;title\x07done\r\n10 %\r20 %\n")
    tail = read_tail(log)
    assert tail is not None
    assert tail.text == "\ufffd\ufffd\ufffd red done\n20 %\n"


def test_what_is_no_regular_file_is_no_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert [read_tail(tmp_path / name) for name in ("pipe", "link", "nothing", ".")] == [None] * 4


def test_the_last_traceback_ends_with_its_error(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    first = 'Traceback (most recent call last):\n  File "a.py", line 1\nKeyError: 1\n'
    log.write_text(f"{first}again\n{first.replace('KeyError: 1', 'ValueError: x')}after\n")
    assert last_traceback(log).endswith("ValueError: x")
    assert last_traceback(log).count("Traceback") == 1
    log.write_text("all is well\n")
    assert last_traceback(log) == ""


def test_pictures_are_found_in_folders_but_no_other_files(tmp_path: Path) -> None:
    (tmp_path / "slices").mkdir()
    for name in ("b.png", "slices/a.png"):
        write_picture(tmp_path / name)
    for name in ("evil.svg", "page.html", "log.txt"):
        (tmp_path / name).write_text("<script>")
    files = AttemptDirectory(tmp_path)
    assert pictures(files) == ["b.png", "slices/a.png"]
    assert read_picture(files, "slices/a.png")[1] == "image/png"


@pytest.mark.parametrize(
    "name", ["../outside.png", "/etc/passwd", "evil.svg", "missing.png", "link.png", "a\0.png", ""]
)
def test_nothing_else_is_given_as_a_picture(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "attempt"
    folder.mkdir()
    write_picture(tmp_path / "outside.png")
    (folder / "evil.svg").write_text("<svg/>")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(NotFoundError, match="no picture"):
        read_picture(AttemptDirectory(folder), name)
