"""`bohpo simulate`, run as a user runs it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from bohpo.cli import main

STUDY = """
command = ["train"]
[objective]
direction = "maximize"
[budget]
trials = 8
[parallel]
jobs = 2
[space]
x = { type = "float", low = 0.0, high = 1.0 }
"""


@pytest.fixture
def study(tmp_path: Path) -> str:
    (tmp_path / "study.toml").write_text(STUDY)
    return str(tmp_path / "study.toml")


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main(["simulate", *words, "--json"])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert answer["schema"] == 1
    return answer


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str]:
    with pytest.raises(SystemExit) as left:
        main(["simulate", *words])
    return left.value.code, capsys.readouterr().err


def test_it_compares_half_all_and_twice_the_jobs_of_the_study(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer = told(capsys, study, "--seeds", "2")
    kinds = [(case["jobs"], case["mode"]) for case in answer["campaigns"]]
    both = ("asynchronous", "synchronous")
    assert kinds == [(1, "asynchronous"), *((2, mode) for mode in both), *((4, mode) for mode in both)]
    for case in answer["campaigns"]:
        assert case["seconds"]["least"] <= case["seconds"]["mean"] <= case["seconds"]["most"]
        assert 0 < case["busy_fraction"] <= 1
        assert case["best"] is None


def test_the_same_call_gives_the_same_answer(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = (study, "--seeds", "1", "--jobs", "3", "--faults", "node-failed=0.2", "refused=0.2", "driver-deaths=2")
    first = told(capsys, *words)
    assert told(capsys, *words) == first
    assert first["campaigns"][0]["attempts"] > 8


def test_warnings_are_only_silent_while_it_simulates(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("bohpo.campaign")
    before = logger.level
    told(capsys, study, "--seeds", "1", "--jobs", "2", "--faults", "node-failed=0.5")
    assert logger.level == before
    assert "WARNING" not in capsys.readouterr().err


def test_figures_of_the_call_count(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--jobs", "2", "--trials", "4", "--seeds", "1", "--spread", "0", "--queue-wait", "0")
    case = told(capsys, study, *words, "--seconds-per-trial", "1000")["campaigns"][0]
    assert case["job_seconds"] == pytest.approx(4 * 1005.0)
    assert case["seconds"]["mean"] == pytest.approx(2 * 1005.0, abs=4.0)


def test_the_wall_time_of_the_study_counts_unless_another_is_given(
    study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(study)
    path.write_text(path.read_text() + '[cluster]\nbackend = "slurm"\nwall_time = "0:30:00"\n')
    words = (study, "--jobs", "2", "--trials", "2", "--seeds", "1", "--spread", "0")
    assert told(capsys, *words)["campaigns"][0]["attempts"] == 2 * 3
    assert told(capsys, *words, "--wall-time", "7200")["campaigns"][0]["attempts"] == 2


def test_a_budget_of_hours_alone_has_no_batches(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(study)
    path.write_text(path.read_text().replace("trials = 8", "hours = 2.0"))
    (case,) = told(capsys, study, "--jobs", "2", "--seeds", "1", "--spread", "0")["campaigns"]
    assert 2 * 3600 < case["seconds"]["mean"] < 4 * 3600


def test_recorded_results_tell_durations_and_scores(
    study: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results.csv").write_text("params_x,value,seconds\n0.2,0.5,10\n0.7,0.75,10\n")
    words = ("--results", str(tmp_path / "results.csv"), "--jobs", "1", "--seeds", "1", "--optimize")
    case = told(capsys, study, *words)["campaigns"][0]
    assert case["best"] == 0.75
    assert case["job_seconds"] == pytest.approx(8 * 15.0)


def test_people_get_a_table(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["simulate", study, "--jobs", "2", "--seeds", "1"])
    captured = capsys.readouterr()
    header, *rows = [line.split("\t") for line in captured.out.splitlines()]
    assert header == ["jobs", "mode", "lasts", "by seed", "busy", "job hours"]
    assert [row[:2] for row in rows] == [["2", "asynchronous"], ["2", "synchronous"]]
    assert "8 trials, about 1 h 00 min each" in captured.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--jobs", "0"), "--jobs 0"),
        (("--seeds", "0"), "--seeds 0"),
        (("--seconds-per-trial", "-1"), "--seconds-per-trial -1"),
        (("--queue-wait", "inf"), "--queue-wait inf"),
        (("--wall-time", "0"), "--wall-time 0"),
        (("--faults", "fire=0.1"), "no such fault; known are raises"),
        (("--faults", "gone=often"), "write gone=0.01"),
        (("--faults", "gone=1.5"), "a share from 0 to 1"),
        (("--faults", "refused=1"), "up to 0.9"),
        (("--faults", "driver-deaths=0.5"), "a whole number"),
        (("--results", "nowhere.csv"), "bohpo export"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(
    study: str, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refusal(capsys, study, *words)
    assert code == (3 if words[0] == "--results" else 2)
    assert message in said
