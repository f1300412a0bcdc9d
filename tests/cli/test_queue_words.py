"""What `status` and `trial` tell of the queue, and `stop` where no driver is at work."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bohpo.campaign.launch import begin
from bohpo.campaign.queue_report import QueueState
from bohpo.cluster.protocol import JobState, JobStatus
from bohpo.service.answers import AttemptAnswer, as_json, queue_answer, trial_answer
from bohpo.service.queue_words import queue_rows, queue_word
from bohpo.space import Space
from bohpo.store import Campaign, Owner, open_store
from bohpo.study import Study
from bohpo.trial import Attempt, AttemptState, Proposal, Trial, TrialState
from bohpo.views.campaign import CampaignView
from tests.cli.test_campaign_commands import bohpo, write_study

RESOURCES = JobStatus(JobState.QUEUED, "PENDING (Resources)")
PRIORITY = JobStatus(JobState.QUEUED, "PENDING (Priority)")
STATE = QueueState(
    1_000_000.0, True, {"1": RESOURCES, "2": RESOURCES, "3": PRIORITY, "4": JobStatus(JobState.RUNNING, "RUNNING")}
)


def view_of(*attempts: Attempt) -> CampaignView:
    trials = tuple(
        Trial(a.trial, f"u{a.trial}", {}, TrialState.PENDING, Proposal({}, "startup"), attempts=(a,)) for a in attempts
    )
    return CampaignView(Campaign("c", "", "", Path()), Space(()), "score", True, 4, trials)


def attempt(trial: int, job: str, state: AttemptState = AttemptState.SUBMITTED) -> Attempt:
    return Attempt(trial, 1, state, job=job)


def told(trial: int, job: str, state: AttemptState = AttemptState.SUBMITTED) -> AttemptAnswer:
    view = view_of(attempt(trial, job, state))
    return trial_answer(view, view.trials[0]).attempts[0]


def test_waiting_jobs_are_counted_by_what_the_queue_gives_as_the_reason() -> None:
    view = view_of(attempt(0, "1"), attempt(1, "2"), attempt(2, "3"), attempt(3, "4", AttemptState.RUNNING))
    [(name, words)] = queue_rows(queue_answer(view, STATE))
    assert name == "queue"
    assert words.startswith("2 PENDING (Resources), 1 PENDING (Priority), has not answered since ")
    assert as_json(queue_answer(view, STATE))["jobs"]["3"] == {"state": "queued", "detail": "PENDING (Priority)"}


def test_jobs_of_ended_attempts_are_not_told_of() -> None:
    view = view_of(attempt(0, "1", AttemptState.LOST))
    assert queue_rows(queue_answer(view, QueueState(1.0, False, STATE.jobs))) == []
    assert queue_answer(view, STATE).jobs == {}


def test_an_attempt_that_waits_is_shown_with_the_queues_reason() -> None:
    answer = queue_answer(view_of(attempt(0, "3"), attempt(1, "99")), STATE)
    assert queue_word(told(0, "3"), answer) == "PENDING (Priority)"
    assert queue_word(told(0, "3", AttemptState.COMPLETED), answer) == ""
    assert queue_word(told(0, "99"), answer) == ""


@pytest.mark.parametrize("text", ["", "{", '{"jobs": []}', '{"answered": null, "silent": 1, "jobs": {"1": ["x", ""]}}'])
def test_a_report_that_is_missing_or_broken_tells_nothing(tmp_path: Path, text: str) -> None:
    campaign = Campaign("c", "", "", tmp_path)
    assert QueueState.read(campaign) == QueueState(None, False, {})
    (tmp_path / "queue.json").write_text(text)
    assert QueueState.read(campaign) == QueueState(None, False, {})


def test_stop_without_a_driver_tells_of_a_queues_jobs_that_they_run_on(tmp_path: Path) -> None:
    write_study(tmp_path)
    text = (tmp_path / "study.toml").read_text() + '[cluster]\nbackend = "slurm"\n'
    study = Study.parse(text, directory=tmp_path)
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as store:
        campaign = begin(study, store, tmp_path / "campaigns")
        lease = store.acquire_lease(campaign.name, Owner.this_process(), 30.0)
        number = store.add_trial(lease, "u", Proposal({"x": 0.5}, "startup"))
        store.save_attempt(lease, attempt(number, "101", AttemptState.RUNNING))
        store.release_lease(lease)
    told = bohpo(tmp_path, "stop", "specimen").stderr
    assert "jobs that it left: 1, run on; `bohpo stop specimen --now` ends them" in told


def test_stop_without_a_driver_tells_of_the_jobs_that_it_left_and_ends_them_with_now(tmp_path: Path) -> None:
    write_study(tmp_path, "stepwise", trials=2)
    driver = subprocess.Popen((sys.executable, "-m", "bohpo", "launch", "study.toml"), cwd=tmp_path)
    progress = tmp_path / "campaigns/specimen/trials/1/attempt-1/progress.jsonl"
    give_up = time.monotonic() + 120
    while not progress.exists():
        assert time.monotonic() < give_up
        time.sleep(0.05)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    assert "jobs that may run on: 2" in bohpo(tmp_path, "status", "specimen").stdout
    told = bohpo(tmp_path, "stop", "specimen").stderr
    assert "jobs that it left: 2, save checkpoints and end with it; `bohpo resume specimen` goes on with them" in told
    assert json.loads(bohpo(tmp_path, "stop", "specimen", "--now", "--json").stdout)["jobs"] == 2
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as store:
        ends = {attempt.state for trial in store.trials("specimen") for attempt in trial.attempts}
        assert ends <= {AttemptState.PREEMPTED, AttemptState.LOST}
    assert "nothing runs" in bohpo(tmp_path, "stop", "specimen", "--now").stderr
    assert bohpo(tmp_path, "resume", "specimen").returncode == 0
