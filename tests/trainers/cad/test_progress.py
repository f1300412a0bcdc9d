"""A training's log shows that it lives, and stays short."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from bohpo.trainer import Context
from tests.trainers.cad.balls import CONFIGURATION, train
from trainers.cad.progress import Progress


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        """Begin at a moment that is not 0."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the seconds that were set."""
        return self.now


def printed(seconds: float, *, step_s: float) -> list[str]:
    """Print the progress of a stage whose items take `step_s` each, for so many seconds."""
    clock, stream = Clock(), io.StringIO()
    progress = Progress(speaks=True, stream=stream, monotonic=clock)
    total = int(seconds / step_s)
    for done in range(1, total + 1):
        clock.now += step_s
        progress.count("step", done, total, seconds=done * step_s)
    return stream.getvalue().splitlines()


def test_a_line_comes_every_ten_seconds_with_what_is_left() -> None:
    lines = printed(65.0, step_s=0.5)
    assert [line.partition("  ")[0] for line in lines] == [f"0:00:{second}" for second in (10, 20, 30, 40, 50)] + [
        "0:01:00"
    ]
    assert lines[0] == "0:00:10  step 20 of 130, 2 a second, about 0:00:55 left"


def test_a_slow_stage_prints_at_each_item() -> None:
    assert len(printed(600.0, step_s=60.0)) == 10


def test_a_training_of_a_month_prints_no_more_than_a_thousand_or_two_lines() -> None:
    assert 500 < len(printed(30 * 86400.0, step_s=5.0)) < 2000


def test_stages_of_unknown_length_are_counted_and_the_other_processes_are_silent() -> None:
    clock, stream = Clock(), io.StringIO()
    for speaks in (True, False):
        progress = Progress(speaks=speaks, stream=stream, monotonic=clock)
        clock.now += 11
        progress.count("test cases read:", 3)
        progress.say("done")
    assert stream.getvalue() == "0:00:11  test cases read: 3\n0:00:11  done\n"


@pytest.mark.training
def test_a_training_says_what_it_reads_trains_and_scores(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    train(CONFIGURATION, Context.in_directory(tmp_path, seed=5))
    lines = [line.partition("  ")[2] for line in capfd.readouterr().out.splitlines()]
    wanted = (
        r"begins on the CPU, \d+ CPU threads",
        r"reads the training cases",
        r"\d+ training cases",
        r"reads the validation cases",
        r"\d+ validation cases",
        r"trains [\d,]+ weights for \d+ steps of \d+ patches",
        r"step \d+, early score [\d.]+",
        r"trained for \d+ steps, \d+ s",
        r"scored \d+ validation cases in \d+ s",
    )
    found = [next((at for at, line in enumerate(lines) if re.fullmatch(pattern, line)), None) for pattern in wanted]
    assert None not in found, lines
    assert found == sorted(at for at in found if at is not None), "in this order"
