"""The worker, with real trainers that go wrong in every way that trainers do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bohpo.campaign.ending import Ending, classify, find_ending, read_outcome
from bohpo.campaign.supervision import trainer_environment
from bohpo.durable import write_json
from bohpo.processes import ATTEMPT_DIRECTORY, process_started, processes_with_environment
from bohpo.trainer import AttemptDirectory, AttemptSpec, Checkpoint
from bohpo.trial import AttemptState
from tests.unreadable import DamagedFiles

HERE = str(Path(__file__).parent)


def prepare(folder: Path, function: str, **spec: Any) -> AttemptDirectory:
    attempt = AttemptDirectory(folder / "attempt-1")
    fields = {"entry": f"specimens:{function}", "working_directory": HERE, "metric": "score", **spec}
    attempt.prepare(AttemptSpec("c", 0, 1, **fields), {"x": 0.7})
    return attempt


def start(attempt: AttemptDirectory) -> subprocess.Popen[bytes]:
    command = (sys.executable, "-P", "-m", "bohpo.campaign.worker", str(attempt.path))
    environment = {key: value for key, value in os.environ.items() if key != "BOHPO_DRIVER_PID"}
    return subprocess.Popen(command, env={**environment, ATTEMPT_DIRECTORY: str(attempt.path)})


def run(attempt: AttemptDirectory) -> Ending:
    assert start(attempt).wait() == 0
    ending = Ending.read(attempt)
    assert ending is not None
    return ending


def wait_for(path: Path) -> None:
    give_up = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < give_up, f"{path} never came"
        time.sleep(0.02)


def stop_once_it_reports(attempt: AttemptDirectory) -> Ending:
    worker = start(attempt)
    wait_for(attempt.progress)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait() == 0
    ending = Ending.read(attempt)
    assert ending is not None
    return ending


def test_a_good_training_completes(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "quadratic")
    ending = run(attempt)
    assert (ending.state, ending.reason) == (AttemptState.COMPLETED, "")
    assert ending.started is not None and ending.started < ending.ended
    [(step, value)] = attempt.read_progress()
    assert step == 1
    assert value == pytest.approx(0.84)


@pytest.mark.parametrize(
    ("function", "state", "reason"),
    [
        ("raising", AttemptState.RAISED, "ValueError: the batch does not fit: 17 GB wanted"),
        ("diverging", AttemptState.RAISED, "the training diverged: step 2 reported nan"),
        ("returning_text", AttemptState.RAISED, "returned a str, '0.9'; return a bohpo.trainer.Outcome, a number"),
        ("absent", AttemptState.RAISED, "specimens has no function 'absent'"),
        ("claiming_infinity", AttemptState.INVALID_OUTCOME, "value is inf"),
        ("writing_garbage", AttemptState.INVALID_OUTCOME, "outcome.json is not JSON"),
        ("exhausting_pythons_memory", AttemptState.OUT_OF_MEMORY, "MemoryError"),
        ("exhausting_a_gpu", AttemptState.OUT_OF_MEMORY, "OutOfMemoryError: out of memory on the GPU"),
        ("leaving_quietly", AttemptState.INVALID_OUTCOME, "ended without outcome.json"),
        ("killed", AttemptState.KILLED, "killed by SIGKILL"),
        ("breaking_its_folder", AttemptState.INVALID_OUTCOME, "outcome.json cannot be read"),
        ("leaving_a_link_to_itself", AttemptState.INVALID_OUTCOME, "cannot be read: it is a symbolic link"),
        ("leaving_pipes", AttemptState.INVALID_OUTCOME, "cannot be read: it is a named pipe"),
    ],
)
def test_a_bad_training_ends_with_its_reason(tmp_path: Path, function: str, state: AttemptState, reason: str) -> None:
    ending = run(prepare(tmp_path, function))
    assert ending.state is state
    assert reason in ending.reason
    assert "\n" not in ending.reason


@pytest.mark.parametrize(
    "function",
    [
        "removing_its_folder",
        "replacing_its_folder_by_a_file",
        "replacing_its_folder_by_a_link",
        "replacing_its_folder_by_a_link_to_itself",
    ],
)
def test_a_trainer_that_loses_its_folder_fails_and_says_why(tmp_path: Path, function: str) -> None:
    attempt = prepare(tmp_path, function)
    spec = attempt.read_spec()
    ending = run(attempt)
    told = f"its trainer removed or replaced the attempt's own folder, {attempt.path}; delete only what lies below it"
    assert (ending.state, ending.reason) == (AttemptState.RAISED, told)
    assert find_ending(attempt, spec, now=0.0) == ending


@pytest.mark.parametrize("function", ["moving_its_folder", "removing_its_task"])
def test_a_trainer_that_keeps_its_outcome_completes(tmp_path: Path, function: str) -> None:
    attempt = prepare(tmp_path, function)
    spec = attempt.read_spec()
    assert run(attempt).state is AttemptState.COMPLETED
    assert find_ending(attempt, spec, now=0.0).state is AttemptState.COMPLETED


def test_a_worker_does_not_wait_for_a_pipe_in_place_of_its_own_files(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "quadratic")
    os.mkfifo(attempt.log)
    ending = run(attempt)
    assert ending.state is AttemptState.RAISED
    assert "log.txt" in ending.reason and "named pipe" in ending.reason


def test_an_outcome_that_the_file_system_does_not_give_loses_the_attempt_and_not_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = prepare(tmp_path, "quadratic")
    write_json(attempt.outcome, {"value": 0.5, "metrics": {"score": 0.5}})
    DamagedFiles(monkeypatch).paths.add(attempt.outcome)
    state, reason = classify(attempt, attempt.read_spec(), exit_code=0, last_words="", stopped_for=None)
    assert state is AttemptState.LOST
    assert reason == "its outcome.json cannot be read: Input/output error"


@pytest.mark.parametrize("function", ["returning_a_number", "returning_figures"])
def test_a_number_or_a_dictionary_completes_a_training(tmp_path: Path, function: str) -> None:
    attempt = prepare(tmp_path, function, metric="dice")
    assert run(attempt).state is AttemptState.COMPLETED
    value, _ = read_outcome(attempt, attempt.read_spec())
    assert value == 0.5


def test_an_outcome_out_of_bounds_is_refused(tmp_path: Path) -> None:
    ending = run(prepare(tmp_path, "out_of_bounds", bounds=(0.0, 1.0)))
    assert ending.state is AttemptState.INVALID_OUTCOME
    assert "objective.bounds" in ending.reason


def test_an_outcome_without_the_metric_names_those_that_are_there(tmp_path: Path) -> None:
    ending = run(prepare(tmp_path, "quadratic", metric="partial_auc"))
    assert ending.state is AttemptState.INVALID_OUTCOME
    assert "no metric 'partial_auc', only score, train_seconds" in ending.reason


def test_a_hanging_trainer_that_ignores_sigterm_is_killed_at_its_deadline(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "hanging", deadline_seconds=1.5)
    assert run(attempt).state is AttemptState.TIMED_OUT
    assert processes_with_environment(ATTEMPT_DIRECTORY, str(attempt.path)) == []


def test_a_trainer_that_reports_nothing_is_killed(tmp_path: Path) -> None:
    assert run(prepare(tmp_path, "hanging", silence_seconds=1.0)).state is AttemptState.SILENT


def test_the_log_is_cut_and_says_so(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "talkative", log_bytes=100_000)
    assert run(attempt).state is AttemptState.COMPLETED
    log = attempt.log.read_bytes()
    assert len(log) < 101_000
    assert log.endswith(b"[bohpo: the log is cut here; the trainer prints too much]\n")


def test_children_that_a_trainer_left_behind_are_ended(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "with_children")
    assert run(attempt).state is AttemptState.COMPLETED
    assert processes_with_environment(ATTEMPT_DIRECTORY, str(attempt.path)) == []


def test_sigterm_saves_a_checkpoint_from_which_the_next_attempt_goes_on(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "stepwise")
    assert stop_once_it_reports(attempt).state is AttemptState.PREEMPTED
    saved = Checkpoint(attempt.checkpoint).load()
    assert saved is not None and saved[0] >= 1

    again = AttemptDirectory(tmp_path / "attempt-2")
    spec = AttemptSpec(
        "c", 0, 2, entry="specimens:stepwise", working_directory=HERE, earlier_checkpoints=(str(attempt.checkpoint),)
    )
    again.prepare(spec, {"x": 0.7})
    assert run(again).state is AttemptState.COMPLETED
    steps = [int(line) for line in (tmp_path / "steps.txt").read_text().split()]
    assert steps == list(range(20))


def test_a_killed_worker_takes_its_trainer_along(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "hanging")
    worker = start(attempt)
    wait_for(attempt.log)
    give_up = time.monotonic() + 120
    while len(trainers := processes_with_environment(ATTEMPT_DIRECTORY, str(attempt.path))) < 2:
        assert time.monotonic() < give_up, trainers
        time.sleep(0.02)
    worker.kill()
    worker.wait()
    while any(process_started(pid) for pid in trainers):
        assert time.monotonic() < give_up, trainers
        time.sleep(0.02)
    assert Ending.read(attempt) is None


def test_an_attempt_that_has_ended_is_not_run_again(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "quadratic")
    first = run(attempt)
    assert run(attempt) == first


def test_an_external_command_speaks_through_files(tmp_path: Path) -> None:
    script = (
        'echo \'{"step": 1, "value": 0.2}\' >> $BOHPO_DIRECTORY/progress.jsonl\n'
        'grep -q 0.7 "$BOHPO_CONFIG" && echo \'{"value": 0.41}\' > $BOHPO_DIRECTORY/outcome.json'
    )
    attempt = prepare(tmp_path, "", entry="", command=("sh", "-c", script))
    assert run(attempt).state is AttemptState.COMPLETED
    assert attempt.read_progress() == [(1, 0.2)]


def test_a_command_that_is_not_there_is_the_trials_own_failure(tmp_path: Path) -> None:
    ending = run(prepare(tmp_path, "", entry="", command=("no-such-program",)))
    assert ending.state is AttemptState.RAISED
    assert "no-such-program" in ending.reason


def test_a_stop_is_not_told_to_the_children_that_load_data(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "with_loader")
    assert stop_once_it_reports(attempt).state is AttemptState.PREEMPTED
    assert Checkpoint(attempt.checkpoint).load() == (1, b"saved")
    assert processes_with_environment(ATTEMPT_DIRECTORY, str(attempt.path)) == []


def test_a_trainer_that_leaves_quietly_when_stopped_is_preempted_not_failed(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "exiting_on_sigterm")
    assert stop_once_it_reports(attempt).state is AttemptState.PREEMPTED


def test_a_valid_outcome_counts_even_if_the_trainer_was_killed_after_it(tmp_path: Path) -> None:
    assert run(prepare(tmp_path, "crashing_at_the_end")).state is AttemptState.COMPLETED


def test_a_child_in_a_session_of_its_own_is_ended_too(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "daemonising")
    assert run(attempt).state is AttemptState.COMPLETED
    assert processes_with_environment(ATTEMPT_DIRECTORY, str(attempt.path)) == []


def test_a_suspended_worker_does_not_use_up_the_silence(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "stepwise", silence_seconds=6.0)
    worker = start(attempt)
    wait_for(attempt.progress)
    worker.send_signal(signal.SIGSTOP)
    trainers = [p for p in processes_with_environment(ATTEMPT_DIRECTORY, str(attempt.path)) if p != worker.pid]
    for pid in trainers:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(8)
    for pid in (*trainers, worker.pid):
        os.kill(pid, signal.SIGCONT)
    worker.wait()
    ending = Ending.read(attempt)
    assert ending is not None and ending.state is AttemptState.COMPLETED, ending


def test_a_trainer_whose_reports_cannot_be_looked_at_is_watched_on(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "hanging", silence_seconds=3.0)
    attempt.progress.symlink_to(attempt.progress)
    assert run(attempt).state is AttemptState.SILENT


def test_a_trainer_learns_no_password_of_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOHPO_STORE", "postgresql://u:canary@h/d")
    monkeypatch.setenv("PGPASSWORD", "canary")
    attempt = prepare(tmp_path, "quadratic")
    assert "canary" not in str(trainer_environment(attempt, attempt.read_spec()))
