"""The cache of phantoms changes speed, never content, whatever befalls it."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trainers.aneurysm.cache import cache_folder, cached_phantom
from trainers.aneurysm.phantom import PRESETS, Phantom, make_phantom


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOHPO_CACHE", str(tmp_path))
    return tmp_path


def _files(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


def test_a_cached_phantom_is_the_one_that_was_made(cache: Path) -> None:
    made, first, second = (
        make_phantom(PRESETS["tiny"], 2, 3),
        cached_phantom("tiny", 2, 3),
        cached_phantom("tiny", 2, 3),
    )
    [file] = _files(cache)
    assert file.name == "tiny-2-3.npz"
    for name in Phantom._fields:
        ours, stored, again = (getattr(phantom, name) for phantom in (made, first, second))
        assert ours.tobytes() == stored.tobytes() == again.tobytes()
        assert ours.dtype == again.dtype


@pytest.mark.parametrize("content", [b"", b"torn", b"PK\x03\x04 torn"])
def test_a_broken_file_is_made_again(cache: Path, content: bytes) -> None:
    whole = cached_phantom("tiny", 0, 0)
    [file] = _files(cache)
    file.write_bytes(content)
    assert np.array_equal(cached_phantom("tiny", 0, 0).volume, whole.volume)
    with np.load(file) as arrays:
        assert np.array_equal(arrays["volume"], whole.volume)


def test_a_cache_that_cannot_be_written_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("BOHPO_CACHE", str(blocked))
    with caplog.at_level(logging.WARNING):
        phantom = cached_phantom("tiny", 0, 0)
    assert np.array_equal(phantom.volume, make_phantom(PRESETS["tiny"], 0, 0).volume)
    assert "set BOHPO_CACHE" in caplog.text


def test_two_processes_may_fill_the_cache_at_the_same_time(cache: Path) -> None:
    program = "from trainers.aneurysm.cache import cached_phantom\nfor i in range(3): cached_phantom('tiny', 0, i)"
    jobs = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [job.wait() for job in jobs] == [0, 0]
    assert sorted(file.name for file in _files(cache)) == ["tiny-0-0.npz", "tiny-0-1.npz", "tiny-0-2.npz"]
    assert np.array_equal(cached_phantom("tiny", 0, 1).volume, make_phantom(PRESETS["tiny"], 0, 1).volume)


def test_without_a_wish_the_cache_is_in_the_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BOHPO_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "bohpo" / "phantoms"
