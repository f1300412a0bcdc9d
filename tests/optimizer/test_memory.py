"""What is kept between proposals: rows by identity, as many as are in use."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bohpo.optimizer import History, Memory, RandomOptimizer, memory
from bohpo.optimizer.cube import Cube, Mask, Points
from bohpo.optimizer.fit import Hyperparameters
from bohpo.trial import Configuration
from tests.optimizer.test_gaussian_process import SPACE


def configurations(count: int, seed: int = 0) -> list[Configuration]:
    return [p.configuration for p in RandomOptimizer(SPACE, seed=seed).propose(History(), count)]


def test_rows_are_those_of_the_cube_in_any_order() -> None:
    kept = Memory()
    kept.cube_of(SPACE)
    known = configurations(30)
    kept.encode(known[:7])
    for order in (known, known[::-1], [*known[5:9], *known[5:9]]):
        for rows, expected in zip(kept.encode(order), Cube(SPACE).encode(order), strict=True):
            np.testing.assert_array_equal(rows, expected)
    assert kept.place(known) == set(Cube(SPACE).keys(Cube(SPACE).encode(known)[0]))


def test_an_object_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Memory()
    kept.cube_of(SPACE)
    known = configurations(10)
    kept.place(known[:8])
    encoded: list[int] = []
    original = Cube.encode

    def counting(self: Cube, new: Sequence[Configuration]) -> tuple[Points, Mask]:
        encoded.append(len(new))
        return original(self, new)

    monkeypatch.setattr(Cube, "encode", counting)
    kept.place(known)
    kept.encode(known)
    assert encoded == [2]


def test_rows_that_are_no_longer_in_use_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SPARE_ROWS", 5)
    kept = Memory()
    kept.cube_of(SPACE)
    for seed in range(20):
        kept.place(configurations(10, seed))
        assert len(kept._placed) <= 2 * 10 + 5 + 10


def test_the_oldest_fit_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_FITS", 3)
    kept = Memory()
    for key in (b"a", b"b", b"c", b"d"):
        kept.keep_fit(key, Hyperparameters(np.zeros(1)))
    assert list(kept.fits) == [b"b", b"c", b"d"]
