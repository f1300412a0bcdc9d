"""What a tryout makes of what it saw, case by case, without running anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bohpo.campaign.ending import Ending
from bohpo.campaign.supervision import STOP_GRACE_S
from bohpo.campaign.tryout import Course, Tryout
from bohpo.campaign.tryout_checks import Check, Result, judge
from bohpo.trainer import AttemptDirectory, AttemptSpec, Checkpoint
from bohpo.trial import AttemptState

COMPLETED = Ending(AttemptState.COMPLETED, "", 1.0, 2.0)
STOPPED = Ending(AttemptState.PREEMPTED, "asked to stop", 1.0, 2.0)
RAISED = Ending(AttemptState.RAISED, "ValueError: no", 1.0, 2.0)


def course(
    folder: Path,
    ending: Ending = STOPPED,
    *,
    steps: tuple[int, ...] = (1, 2),
    saved: int | None = None,
    stop_s: float | None = 0.5,
    outcome: object = None,
    entry: str = "mine:train",
) -> Course:
    files = AttemptDirectory(folder)
    folder.mkdir()
    if saved is not None:
        Checkpoint(files.checkpoint).save(saved, b"state")
    if outcome is not None:
        files.outcome.write_text(json.dumps(outcome))
    spec = AttemptSpec("try", 0, 1, entry=entry, metric="dice", bounds=(0.0, 1.0))
    return Course(files, spec, ending, tuple((step, 0.5) for step in steps), stop_s, is_cut=False, seconds=9.0)


def second(folder: Path, **changes: Any) -> Course:
    outcome = {"value": 0.5, "metrics": {"dice": 0.5}}
    return course(folder / "2", **{"ending": COMPLETED, "outcome": outcome, "stop_s": None, "steps": (3, 4), **changes})


def by_name(seen: Tryout, *, evaluates: bool = True) -> Mapping[str, Check]:
    return {check.name: check for check in judge(seen, evaluates=evaluates)}


def results(seen: Tryout) -> dict[str, str]:
    return {name: check.result.value for name, check in by_name(seen).items()}


def test_a_trainer_that_does_all_that_campaigns_need_is_fine(tmp_path: Path) -> None:
    scored = course(tmp_path / "3", COMPLETED, stop_s=None)
    checks = by_name(Tryout(course(tmp_path / "1", saved=2), second(tmp_path), scored))
    assert {check.result for check in checks.values()} == {Result.OK}
    assert list(checks) == ["training", "reports", "stop", "checkpoint", "resume", "outcome", "evaluate"]
    assert checks["resume"].detail == "went on at step 3 from step 2"
    assert checks["outcome"].detail == "dice 0.5, variance not measured"


def test_a_training_that_fails_is_all_there_is_to_say(tmp_path: Path) -> None:
    [check] = judge(Tryout(course(tmp_path / "1", RAISED)), evaluates=True)
    assert (check.name, check.result, check.detail) == ("training", Result.FAIL, "raised: ValueError: no")
    [check] = judge(Tryout(course(tmp_path / "2", STOPPED, stop_s=None)), evaluates=True)
    assert (check.result, check.detail) == (Result.FAIL, "it stopped without being asked to")


def test_a_job_that_never_began_is_not_taken_for_a_training(tmp_path: Path) -> None:
    unbegun = Ending(AttemptState.PREEMPTED, "its job was cancelled in the queue", None, 2.0)
    [check] = judge(Tryout(course(tmp_path / "1", unbegun, steps=())), evaluates=True)
    assert (check.name, check.result) == ("training", Result.FAIL)
    assert check.detail == "its job did not begin within 9 s, and was removed from the queue"
    assert check.remedy.startswith("give it more --minutes")


def test_a_training_that_is_too_quick_to_be_stopped_says_so(tmp_path: Path) -> None:
    done = course(tmp_path / "1", COMPLETED, stop_s=None, outcome={"value": 0.5})
    assert results(Tryout(done)) == {
        "training": "ok",
        "reports": "ok",
        "stop": "not seen",
        "checkpoint": "not seen",
        "resume": "not seen",
        "outcome": "ok",
        "evaluate": "warn",
    }


@pytest.mark.parametrize(
    ("saved", "before", "after", "result"),
    [
        (2, (1, 2), (3, 4), Result.OK),
        (2, (0, 1, 2), (2, 3), Result.OK),  # steps counted from 0: the saved one is reported next
        (2, (1, 2), (1, 2), Result.FAIL),
        (40, (10, 20, 30, 40), (30, 40), Result.FAIL),
        (0, (0,), (0, 1), Result.OK),  # nothing is lost
        (2, (1, 2), (), Result.UNSEEN),
        (None, (1, 2), (1, 2), Result.UNSEEN),
    ],
)
def test_a_resumed_training_goes_on_after_what_was_saved(
    tmp_path: Path, saved: int | None, before: tuple[int, ...], after: tuple[int, ...], result: Result
) -> None:
    first = course(tmp_path / "1", saved=saved, steps=before)
    check = by_name(Tryout(first, second(tmp_path, steps=after)))["resume"]
    assert check.result is result
    assert bool(check.remedy) == (result is Result.FAIL)


@pytest.mark.parametrize(("after", "result"), [((3, 4), Result.OK), ((1, 2), Result.FAIL)])
def test_a_commands_own_checkpoint_is_judged_by_its_reports(
    tmp_path: Path, after: tuple[int, ...], result: Result
) -> None:
    first = course(tmp_path / "1")
    first.files.checkpoint.mkdir()
    (first.files.checkpoint / "weights.bin").write_bytes(b"state")
    checks = by_name(Tryout(first, second(tmp_path, steps=after)))
    assert (checks["checkpoint"].result, checks["checkpoint"].detail) == (Result.OK, "saved")
    assert checks["resume"].result is result


def test_a_trainer_that_has_to_be_killed_fails(tmp_path: Path) -> None:
    check = by_name(Tryout(course(tmp_path / "1", stop_s=STOP_GRACE_S + 1.0), second(tmp_path)))["stop"]
    assert check.result is Result.FAIL
    assert "did not stop within 20 s" in check.detail
    assert "context.should_stop" in check.remedy


def test_a_trainer_without_checkpoint_or_reports_is_warned_of(tmp_path: Path) -> None:
    checks = by_name(Tryout(course(tmp_path / "1", steps=()), second(tmp_path)))
    assert (checks["checkpoint"].result, checks["reports"].result) == (Result.WARN, Result.WARN)
    unordered = by_name(Tryout(course(tmp_path / "3", steps=(2, 1)), second(tmp_path / "3")))["reports"]
    assert unordered.result is Result.WARN


@pytest.mark.parametrize(
    ("outcome", "detail"),
    [
        ({"value": 0.5, "metrics": {"auc": 0.5}}, "the outcome has no metric 'dice', only auc"),
        ({"value": 1.5}, "dice is 1.5, outside objective.bounds"),
        ({"loss": 0.5}, "the outcome is not an object with a 'value'"),
    ],
)
def test_an_outcome_that_a_campaign_would_refuse_fails(tmp_path: Path, outcome: object, detail: str) -> None:
    check = by_name(Tryout(course(tmp_path / "1", saved=2), second(tmp_path, outcome=outcome)))["outcome"]
    assert check.result is Result.FAIL
    assert check.detail.startswith(detail)


def test_what_does_not_fit_into_the_time_is_not_seen(tmp_path: Path) -> None:
    first = course(tmp_path / "1", saved=2)
    checks = by_name(Tryout(first, second(tmp_path, ending=STOPPED, stop_s=0.3)))
    assert (checks["resume"].result, checks["outcome"].result) == (Result.OK, Result.UNSEEN)
    assert checks["outcome"].detail == "stopped after 9 s, before it ended"
    assert checks["evaluate"].result is Result.UNSEEN


def test_a_training_that_fails_once_resumed_fails_there(tmp_path: Path) -> None:
    checks = by_name(Tryout(course(tmp_path / "1", saved=2), second(tmp_path, ending=RAISED)))
    assert (checks["resume"].result, checks["resume"].detail) == (Result.FAIL, "raised: ValueError: no")
    assert "outcome" not in checks


def test_an_evaluation_fails_only_where_there_is_one(tmp_path: Path) -> None:
    first, last = course(tmp_path / "1", saved=2), second(tmp_path)
    failed = course(tmp_path / "3", RAISED, stop_s=None)
    assert by_name(Tryout(first, last, failed))["evaluate"].result is Result.FAIL
    reason = "bohpo.errors.UsageError: mine:evaluate: mine has no function 'evaluate'; define it or name another"
    absent = course(tmp_path / "4", Ending(AttemptState.RAISED, reason, 1.0, 2.0), stop_s=None, entry="mine:evaluate")
    assert by_name(Tryout(first, last, absent))["evaluate"].result is Result.WARN
    assert by_name(Tryout(first, last), evaluates=False)["evaluate"].result is Result.WARN
    assert "left no model" in by_name(Tryout(first, last))["evaluate"].detail
