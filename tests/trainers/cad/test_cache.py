"""The cache of cases changes speed and memory, never content, whatever befalls it."""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from trainers.cad.cache import cache_folder, cached, in_chance_order
from trainers.cad.case import Case


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOHPO_CACHE", str(tmp_path))
    return tmp_path


def _make(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    return Case(
        name=f"case {seed}",
        volume=rng.normal(size=(2, 5, 6, 7)).astype(np.float32),
        spacing=0.1 + 0.2,
        centres=rng.normal(size=(3, 3)),
        diameters=np.array([3.0, -1.0, 1 / 3]),
        origin=rng.normal(size=3),
        axes=np.linalg.qr(rng.normal(size=(3, 3)))[0],
        label=True,
    )


def _must_not() -> Case:
    raise AssertionError("the case was made although it is in the cache")


def _files(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


def test_a_cached_case_is_the_one_that_was_made(cache: Path) -> None:
    made, first, second = _make(), cached("family/1", _make), cached("family/1", _must_not)
    assert _files(cache) == [cache / "family" / "1.case"]
    for field in fields(Case):
        ours, stored, again = (getattr(case, field.name) for case in (made, first, second))
        if isinstance(ours, np.ndarray):
            assert ours.tobytes() == stored.tobytes() == again.tobytes()
            assert (ours.dtype, ours.shape) == (again.dtype, again.shape)
        else:
            assert ours == stored == again


def test_a_case_without_lesions_keeps_its_shapes(cache: Path) -> None:
    def make() -> Case:
        return Case("free", np.zeros((4, 4, 4), np.float32), 1.0, np.empty((0, 3)), np.empty(0))

    for case in (cached("free", make), cached("free", _must_not)):
        assert (case.centres.shape, case.excluded.shape, case.label) == ((0, 3), (0, 3), None)


def test_a_mapped_volume_is_torchs_to_take_and_nobodys_to_change(cache: Path) -> None:
    cached("1", _make)
    volume = cached("1", _must_not).volume
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.from_numpy(volume).zero_()
    assert np.array_equal(cached("1", _must_not).volume, _make().volume)


@pytest.mark.parametrize("length", [0, 10, 4096, 4100])
def test_a_torn_file_is_made_again(cache: Path, length: int) -> None:
    cached("1", _make)
    [file] = _files(cache)
    file.write_bytes(file.read_bytes()[:length])
    assert np.array_equal(cached("1", _make).volume, _make().volume)
    assert np.array_equal(cached("1", _must_not).volume, _make().volume)


def test_a_foreign_file_is_replaced(cache: Path) -> None:
    (cache / "1.case").write_bytes(b'{"name": "no case"}\n' + b"x" * 9000)
    assert np.array_equal(cached("1", _make).volume, _make().volume)


def test_a_cache_that_cannot_be_written_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("BOHPO_CACHE", str(blocked))
    with caplog.at_level(logging.WARNING):
        case = cached("1", _make)
    assert np.array_equal(case.volume, _make().volume)
    assert "set BOHPO_CACHE" in caplog.text


def test_two_processes_may_fill_the_cache_at_the_same_time(cache: Path) -> None:
    program = (
        "from tests.trainers.cad.test_cache import _make, cached\n"
        "for seed in range(3): cached(str(seed), lambda: _make(seed))"
    )
    jobs = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [job.wait() for job in jobs] == [0, 0]
    assert sorted(file.name for file in _files(cache)) == ["0.case", "1.case", "2.case"]
    assert np.array_equal(cached("1", _must_not).volume, _make(1).volume)


def test_without_a_wish_the_cache_is_in_the_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BOHPO_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "bohpo"


def test_trainings_that_start_together_begin_with_different_cases() -> None:
    orders = [in_chance_order(range(100)) for _ in range(2)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(100))
