"""A training of several processes: each knows its place, and the worker learns how they ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bohpo.errors import StudyError
from bohpo.processes import ATTEMPT_DIRECTORY, processes_with_environment
from bohpo.study import Study
from bohpo.trial import AttemptState
from tests.campaign.test_worker import prepare, run, stop_once_it_reports

STUDY = """
name = "ranks"
{program}
[objective]
metric = "score"
direction = "maximize"
[budget]
trials = 1
[parallel]
jobs = 1
[training]
processes = 2
[space]
x = {{ type = "float", low = 0.0, high = 1.0 }}
"""


def test_each_process_knows_its_place_and_the_first_ones_outcome_counts(tmp_path: Path) -> None:
    attempt = prepare(tmp_path, "in_ranks", processes=3, threads=6)
    assert run(attempt).state is AttemptState.COMPLETED
    told = [json.loads((attempt.path / f"rank-{rank}.json").read_text()) for rank in range(3)]
    assert [(each["RANK"], each["LOCAL_RANK"], each["WORLD_SIZE"]) for each in told] == [
        ("0", "0", "3"),
        ("1", "1", "3"),
        ("2", "2", "3"),
    ]
    assert {each["threads"] for each in told} == {"2"}
    assert len({(each["MASTER_ADDR"], each["MASTER_PORT"]) for each in told}) == 1
    assert json.loads(attempt.outcome.read_text())["value"] == 0


@pytest.mark.parametrize(
    ("function", "state"),
    [
        ("losing_a_rank", AttemptState.KILLED),
        ("exhausting_a_rank", AttemptState.OUT_OF_MEMORY),
        ("exhausting_a_rank_that_ends_last", AttemptState.OUT_OF_MEMORY),
    ],
)
def test_the_others_end_with_the_one_that_fails_and_its_end_is_told(
    tmp_path: Path, function: str, state: AttemptState
) -> None:
    attempt = prepare(tmp_path, function, processes=2)
    assert run(attempt).state is state
    assert processes_with_environment(ATTEMPT_DIRECTORY, str(attempt.path)) == []


def test_all_processes_are_asked_to_stop(tmp_path: Path) -> None:
    ending = stop_once_it_reports(prepare(tmp_path, "stopping_in_ranks", processes=2))
    assert ending.state is AttemptState.PREEMPTED


def test_a_study_says_how_many_processes_train() -> None:
    study_text = STUDY.format(program='trainer = "trainers.aneurysm:train"')
    study = Study.parse(study_text)
    assert study.training.processes == 2
    alone = Study.parse(study_text.replace("processes = 2", "processes = 1"))
    assert alone.hash == Study.parse(study_text.replace("processes = 2", "")).hash != study.hash


def test_a_command_starts_its_own_processes() -> None:
    with pytest.raises(StudyError, match=r"training\.processes: a command starts its own processes"):
        Study.parse(STUDY.format(program='command = ["true"]'))
