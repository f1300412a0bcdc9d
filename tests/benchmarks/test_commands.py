"""The commands as a user of a clone runs them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks import ablation, latency, race
from tests.benchmarks.processes import ONE_THREAD, one_thread_each


def test_a_race_is_run_in_processes_of_its_own_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "race.jsonl"
    chosen = "--samplers tpe,random --reference tpe --tasks pairwise-choices --trials 6"
    arguments = [*chosen.split(), "--out", str(out)]
    assert race.main([*arguments, "--seeds", "2"]) == 0
    first = capsys.readouterr()
    assert "[4/4] pairwise-choices" in first.err
    assert "tasks 1, pairs 2, workers 8, trials 6" in first.out
    assert "random" in first.out
    written = out.read_text()
    assert race.main([*arguments, "--seeds", "2"]) == 0
    second = capsys.readouterr()
    assert "4 runs, 4 of them in" in second.err
    assert second.out == first.out
    assert out.read_text() == written


@pytest.mark.parametrize(
    ("command", "arguments", "remedy"),
    [
        (race.main, ["--samplers", "bohpo,ranodm"], "did you mean 'random'?"),
        (race.main, ["--samplers", "gp", "--tasks", "netwrok-17"], "did you mean 'network-17'?"),
        (race.main, ["--samplers", "gp", "--catalogue", "nowhere/tasks.py"], "give the path of a tasks.py"),
        (race.main, ["--without", "xyz"], "the recipe has no part 'xyz'; there are"),
        (race.main, ["--reference", "tpee"], "add it to --samplers"),
        (ablation.main, ["--only", "xyz"], "the recipe has no part 'xyz'; there are"),
    ],
)
def test_what_is_unknown_ends_with_exit_code_2_and_the_remedy(
    command: Callable[[list[str]], int],
    arguments: list[str],
    remedy: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "race.jsonl"
    assert command([*arguments, "--out", str(out)]) == 2
    captured = capsys.readouterr()
    assert remedy in captured.err
    assert captured.out == ""
    assert not out.exists()


@pytest.mark.parametrize("sizes", ["50", "50/x", "0/8", "50/8/1"])
def test_a_size_that_is_none_ends_with_exit_code_2(sizes: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        latency.main(["--sizes", sizes])
    assert caught.value.code == 2
    assert "50/8,200/8" in capsys.readouterr().err


def test_latency_is_measured_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert latency.main(["--sizes", "12/2", "--repeats", "1"]) == 0
    last = capsys.readouterr().out.splitlines()[-1].split()
    assert last[0] == "12/2"
    steady, cold = last[1:5], last[5:]
    for bohpo, propose, peer, ratio in (map(float, steady), map(float, cold)):
        assert min(bohpo, propose, peer) > 0
        assert ratio == pytest.approx(peer / bohpo, rel=0.05)


def test_processes_have_one_thread_and_leave_no_trace_here() -> None:
    before = dict(os.environ)
    with one_thread_each(1) as executor:
        threads = executor.submit(os.getenv, "OMP_NUM_THREADS").result()
    assert threads == ONE_THREAD["OMP_NUM_THREADS"] == "1"
    assert dict(os.environ) == before
