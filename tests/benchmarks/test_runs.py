"""Runs are kept, and never simulated twice."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bohpo.errors import UsageError
from tests.benchmarks.runs import Job, Run, play, read_runs, simulate_job

JOBS = [Job("pairwise-choices", "random", 3, 6, seed) for seed in range(3)]


class Idle(Executor):
    """An executor that has nothing to do."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Refuse."""
        raise AssertionError(f"{args} was simulated again")


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "race.jsonl"
    runs = play(JOBS, path, ThreadPoolExecutor(1))
    assert [run.job for run in runs] == JOBS
    assert {run.job: run for run in read_runs(path)} == {run.job: run for run in runs}
    assert all(len(run.regret) == len(run.ended) == len(run.ask) == 6 for run in runs)


def test_a_race_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "race.jsonl"
    first = play(JOBS[:2], path, ThreadPoolExecutor(1))
    written = path.read_text()
    assert play(JOBS[:2], path, Idle()) == first
    assert play(JOBS, path, ThreadPoolExecutor(1))[:2] == first
    assert path.read_text().startswith(written)
    assert len(read_runs(path)) == 3


def test_other_workers_trials_or_seeds_are_other_runs(tmp_path: Path) -> None:
    path = tmp_path / "race.jsonl"
    play(JOBS[:1], path, ThreadPoolExecutor(1))
    for change in ({"workers": 2}, {"trials": 5}, {"seed": 9}, {"sampler": "tpe"}, {"task": "measured-noise"}):
        with pytest.raises(AssertionError, match="simulated again"):
            play([dataclasses.replace(JOBS[0], **change)], path, Idle())


@pytest.mark.parametrize("cut", [1, 40])
def test_a_line_that_was_left_unfinished_is_simulated_again(tmp_path: Path, cut: int) -> None:
    """Where the newline alone is missing, the line is whole."""
    path = tmp_path / "race.jsonl"
    runs = play(JOBS[:2], path, ThreadPoolExecutor(1))
    path.write_bytes(path.read_bytes()[:-cut])
    assert len(read_runs(path)) == (2 if cut == 1 else 1)
    again = play(JOBS, path, ThreadPoolExecutor(1))
    assert [run.regret for run in again[:2]] == [run.regret for run in runs]
    assert sorted(run.job.seed for run in read_runs(path)) == [0, 1, 2]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n")
    with pytest.raises(UsageError, match=r"notes.txt:1: this is no run"):
        play(JOBS, path, Idle())
    assert path.read_text() == "buy milk\n"


def test_further_keys_of_a_run_are_left_out(tmp_path: Path) -> None:
    run = Run(JOBS[0], (1.0, 0.5), (1.0, 2.0), (0.1, 0.2))
    path = tmp_path / "race.jsonl"
    path.write_text(json.dumps({**run.to_json(), "host": "elsewhere"}) + "\n")
    assert read_runs(path) == [run]


def test_half_of_the_trainings_is_rounded_down_but_never_none() -> None:
    run = Run(JOBS[0], (0.9, 0.7, 0.5, 0.3, 0.1), (1.0,) * 5, (0.1,) * 5)
    assert (run.regret_at_half, run.regret_at_end) == (0.7, 0.1)
    assert dataclasses.replace(run, regret=(0.9,)).regret_at_half == 0.9


def test_the_run_that_broke_is_named(tmp_path: Path) -> None:
    job = Job("pairwise-choices", "tests.benchmarks.test_runs:explode", 1, 1, 7)
    with pytest.raises(ZeroDivisionError) as caught:
        play([job], tmp_path / "race.jsonl", ThreadPoolExecutor(1))
    assert "seed=7" in caught.value.__notes__[0]


def explode(seed: int) -> None:
    raise ZeroDivisionError


def test_a_run_follows_from_its_job() -> None:
    runs = [simulate_job(JOBS[0], None) for _ in range(2)]
    assert runs[0].regret == runs[1].regret
    assert runs[0].ended == runs[1].ended
    assert runs[0].regret != simulate_job(JOBS[1], None).regret
