"""Files are written whole or not at all."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bohpo.durable import read_json, write_atomically, write_json

WRITE_FOREVER = """
import sys
from pathlib import Path
from bohpo.durable import write_atomically

path = Path(sys.argv[1])
for number in range(10**9):
    write_atomically(path, (b"%d" % (number % 10)) * 300_000)
    print(number, flush=True)
"""


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"lr": 0.1, "names": ["ü"]})
    assert read_json(tmp_path / "a.json") == {"lr": 0.1, "names": ["ü"]}


def test_an_absent_file_is_none_and_a_torn_one_an_error(tmp_path: Path) -> None:
    assert read_json(tmp_path / "absent.json") is None
    (tmp_path / "torn.json").write_text('{"lr": 0.')
    with pytest.raises(ValueError, match="Expecting"):
        read_json(tmp_path / "torn.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(tmp_path / "deep.json")


@pytest.mark.parametrize("figure", [math.nan, math.inf])
def test_a_figure_that_json_cannot_hold_leaves_the_old_file(tmp_path: Path, figure: float) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"value": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"value": figure})
    assert read_json(path) == {"value": 1}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    write_atomically(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.kills
def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for kill in range(10):
        writer = subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _ in range(1 + kill):
            writer.stdout.readline()
        writer.kill()
        writer.communicate()
        content = path.read_bytes()
        assert len(content) == 300_000
        assert len(set(content)) == 1
