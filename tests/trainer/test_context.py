"""What a trainer tells bohpo through its context, and is told."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bohpo.errors import AttemptError
from bohpo.trainer import AttemptDirectory, AttemptSpec, Context

WAIT_FOR_STOP = """
import sys
from pathlib import Path
from bohpo.trainer import Context

context = Context.in_directory(Path(sys.argv[1]))
context.listen_for_stop()
print(context.should_stop, flush=True)
while not context.should_stop:
    context.report(1, 0.5)
context.checkpoint.save(1, b"state")
print(context.should_stop, flush=True)
"""


def test_reports_are_read_in_the_order_they_were_made(tmp_path: Path) -> None:
    context = Context.in_directory(tmp_path / "by-hand")
    context.report(1, 0.5)
    context.report(2, 1)
    assert AttemptDirectory(context.directory).read_progress() == [(1, 0.5), (2, 1.0)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_diverged_training_ends(tmp_path: Path, value: float) -> None:
    context = Context.in_directory(tmp_path)
    with pytest.raises(AttemptError, match=f"the training diverged: step 3 reported {value}"):
        context.report(3, value)
    assert AttemptDirectory(tmp_path).read_progress() == []


def test_an_attempt_resumes_what_earlier_ones_left(tmp_path: Path) -> None:
    first = Context.in_directory(tmp_path / "attempt-1")
    first.checkpoint.save(5, b"state")
    spec = AttemptSpec("c", 0, 2, seed=9, threads=3, earlier_checkpoints=(str(first.checkpoint.directory),))
    second = Context.for_attempt(AttemptDirectory(tmp_path / "attempt-2"), spec)
    assert second.checkpoint.load() == (5, b"state")
    assert (second.seed, second.threads, second.deadline, second.should_stop) == (9, 3, None, False)


def test_the_deadline_counts_from_the_start(tmp_path: Path) -> None:
    spec = AttemptSpec("c", 0, 1, deadline_seconds=1e9)
    deadline = Context.for_attempt(AttemptDirectory(tmp_path), spec).deadline
    assert deadline is not None
    assert deadline > 1e9


def test_the_model_has_a_folder_of_its_own(tmp_path: Path) -> None:
    context = Context.in_directory(tmp_path)
    assert context.model == tmp_path / "model"
    assert context.model.is_dir()


def test_sigterm_asks_to_stop(tmp_path: Path) -> None:
    trainer = subprocess.Popen([sys.executable, "-c", WAIT_FOR_STOP, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert trainer.stdout is not None
    assert trainer.stdout.readline() == "False\n"
    os.kill(trainer.pid, signal.SIGTERM)
    assert trainer.communicate()[0] == "True\n"
    assert trainer.returncode == 0
    assert Context.in_directory(tmp_path).checkpoint.load() == (1, b"state")
