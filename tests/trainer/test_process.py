"""What a trainer's process does with its outcome where the file system does not take it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bohpo.durable import read_json, write_json
from bohpo.trainer import AttemptDirectory, Outcome, process
from bohpo.trainer.attempt import STOPPED_EXIT_CODE


class Disk:
    """A disk that is full for so many writings."""

    def __init__(self, refusals: int) -> None:
        """Refuse `refusals` times."""
        self.refusals = refusals

    def write(self, path: Path, data: object) -> None:
        """Write, or refuse."""
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_json(path, data)


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have time pass only where the process sleeps, and give how long it does."""
    slept: list[float] = []
    monkeypatch.setattr("bohpo.trainer.process.time.sleep", slept.append)
    monkeypatch.setattr("bohpo.trainer.process.time.monotonic", lambda: sum(slept))
    return slept


def test_an_outcome_is_written_as_soon_as_the_disk_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], naps: list[float]
) -> None:
    monkeypatch.setattr(process, "write_json", Disk(refusals=3).write)
    attempt = AttemptDirectory(tmp_path)
    assert process.leave(attempt, Outcome(0.5)) == 0
    assert (read_json(attempt.outcome) or {})["value"] == 0.5
    assert len(naps) == 3
    assert capsys.readouterr().err.count("outcome.json cannot be written: No space left on device") == 3


def test_a_disk_that_stays_full_ends_the_attempt_as_if_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, naps: list[float]
) -> None:
    monkeypatch.setattr(process, "write_json", Disk(refusals=10**9).write)
    assert process.leave(AttemptDirectory(tmp_path), Outcome(0.5)) == STOPPED_EXIT_CODE
    assert process.WRITE_PATIENCE_S < sum(naps) < process.WRITE_PATIENCE_S + 10.0


def test_a_folder_in_the_place_of_the_outcome_is_the_trainers_own_mistake(tmp_path: Path) -> None:
    (tmp_path / "outcome.json").mkdir()
    with pytest.raises(IsADirectoryError):
        process.leave(AttemptDirectory(tmp_path), Outcome(0.5))
