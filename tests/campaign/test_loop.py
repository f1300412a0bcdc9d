"""The loop, with real jobs and a real database."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bohpo.campaign.attempts import attempt_directory, training_seed
from bohpo.campaign.launch import begin, drive, prepare_to_resume, study_of
from bohpo.campaign.loop import driven_seconds
from bohpo.campaign.retention import completed_attempt
from bohpo.errors import Detached, LeaseError, NoUsableTrialError, UsageError
from bohpo.store import Campaign, CampaignState, Owner, StopRequest, Store, open_store
from bohpo.study import Study
from bohpo.trial import AttemptState, Trial, TrialState

HERE = Path(__file__).parent
SPACE = 'x = { type = "float", low = 0.0, high = 1.0 }'


def study(
    function: str = "quadratic",
    *,
    trials: int = 6,
    jobs: int = 2,
    extra: str = "",
    space: str = SPACE,
    pace: float = 0.05,
) -> Study:
    text = f"""
        name = "specimen"
        trainer = "specimens:{function}"
        [objective]
        metric = "score"
        direction = "maximize"
        [budget]
        trials = {trials}
        {extra}
        [parallel]
        jobs = {jobs}
        [optimizer]
        method = "random"
        [space]
        {space}
        [fixed]
        step_seconds = {pace}
    """
    return Study.parse(text, source="specimen.toml", directory=HERE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as opened:
        yield opened


def run(wanted: Study, store: Store, home: Path) -> Campaign:
    return drive(wanted, begin(wanted, store, home), store)


def overlapping(trials: list[Trial]) -> int:
    """Give the greatest number of attempts that ran at one moment."""
    spans = [(a.started, a.ended) for trial in trials for a in trial.attempts if a.started and a.ended]
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)


def test_a_campaign_runs_its_budget_two_jobs_at_a_time(store: Store, tmp_path: Path) -> None:
    campaign = run(study(), store, tmp_path)
    trials = store.trials("specimen")
    assert campaign.state is CampaignState.FINISHED
    assert [trial.number for trial in trials] == list(range(6))
    assert all(trial.state is TrialState.COMPLETE for trial in trials)
    assert overlapping(trials) == 2
    assert all(trial.value == pytest.approx(1 - (float(str(trial.configuration["x"])) - 0.3) ** 2) for trial in trials)
    assert {trial.variance for trial in trials} == {0.0004}
    assert {attempt.worker for trial in trials for attempt in trial.attempts} == {0, 1}
    assert store.lease("specimen") is None


def test_only_the_models_of_the_best_trials_are_kept(store: Store, tmp_path: Path) -> None:
    campaign = run(study(extra="keep_models = 2"), store, tmp_path)
    ranked = sorted(store.trials("specimen"), key=lambda trial: -(trial.value or 0.0))
    kept = [trial.number for trial in ranked if (completed_attempt(campaign, trial).model / "model.json").exists()]
    assert kept == [trial.number for trial in ranked[:2]]


def test_a_failing_configuration_costs_one_trial_and_its_reason_is_kept(store: Store, tmp_path: Path) -> None:
    run(study("raising", trials=8), store, tmp_path)
    trials = store.trials("specimen")
    for trial in trials:
        fails = float(str(trial.configuration["x"])) > 0.5
        assert trial.state is (TrialState.FAILED if fails else TrialState.COMPLETE)
        assert ("17 GB wanted" in trial.reason) is fails
        assert len(trial.attempts) == 1
    assert {trial.state for trial in trials} == {TrialState.FAILED, TrialState.COMPLETE}


def test_a_trainer_that_is_killed_gets_three_attempts(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NoUsableTrialError, match="bohpo trial specimen 0"):
        run(study("killed", trials=1), store, tmp_path)
    trial = store.trial("specimen", 0)
    assert [attempt.state for attempt in trial.attempts] == [AttemptState.KILLED] * 3
    assert trial.reason.startswith("killed: the trainer was killed by SIGKILL")


def test_a_hanging_trainer_costs_one_trial(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NoUsableTrialError):
        run(study("hanging", trials=1, extra="attempt_seconds = 1.0"), store, tmp_path)
    assert "budget.attempt_seconds = 1" in store.trial("specimen", 0).reason


def test_stop_now_saves_checkpoints_and_resume_goes_on_from_them(store: Store, tmp_path: Path) -> None:
    wanted = study("stepwise", trials=3, pace=0.2)
    campaign = begin(wanted, store, tmp_path)
    steps = campaign.directory / "trials" / "0" / "steps.txt"

    def stop_after_some_steps() -> None:
        while not steps.exists() or len(steps.read_text().split()) < 5:
            time.sleep(0.02)
        store.request_stop("specimen", StopRequest.NOW)

    stopper = threading.Thread(target=stop_after_some_steps)
    stopper.start()
    with pytest.raises(Detached, match="bohpo resume specimen"):
        drive(wanted, campaign, store)
    stopper.join()
    assert store.campaign("specimen").state is CampaignState.STOPPED
    assert [attempt.state for attempt in store.trial("specimen", 0).attempts] == [AttemptState.PREEMPTED]

    again = prepare_to_resume(store, "specimen")
    assert drive(study_of(again), again, store).state is CampaignState.FINISHED
    trials = store.trials("specimen")
    assert [len(trial.attempts) for trial in trials] == [2, 2, 1]
    for trial in trials:
        assert trial.value == pytest.approx(20 * float(str(trial.configuration["x"])))
        taken = (campaign.directory / "trials" / str(trial.number) / "steps.txt").read_text().split()
        assert [int(step) for step in taken] == list(range(20))


def test_drain_finishes_what_runs_and_starts_nothing(store: Store, tmp_path: Path) -> None:
    wanted = study("stepwise", trials=9)
    campaign = begin(wanted, store, tmp_path)

    def drain_once_running() -> None:
        while not (campaign.directory / "trials" / "1" / "steps.txt").exists():
            time.sleep(0.02)
        store.request_stop("specimen", StopRequest.DRAIN)

    drainer = threading.Thread(target=drain_once_running)
    drainer.start()
    with pytest.raises(Detached):
        drive(wanted, campaign, store)
    drainer.join()
    trials = store.trials("specimen")
    assert len(trials) < 9
    assert all(trial.state is TrialState.COMPLETE and len(trial.attempts) == 1 for trial in trials)


def test_a_finished_campaign_goes_on_with_a_greater_budget(store: Store, tmp_path: Path) -> None:
    run(study(trials=2), store, tmp_path)
    again = prepare_to_resume(store, "specimen", trials=4)
    drive(study_of(again), again, store)
    assert len(store.trials("specimen")) == 4
    with pytest.raises(UsageError, match="4 were proposed already"):
        prepare_to_resume(store, "specimen", trials=3)


def test_launching_the_same_study_again_finds_its_campaign_and_another_one_is_refused(
    store: Store, tmp_path: Path
) -> None:
    first = begin(study(), store, tmp_path)
    assert begin(study(), store, tmp_path).directory == first.directory
    with pytest.raises(UsageError, match="another study"):
        begin(study(space='x = { type = "float", low = 0.0, high = 2.0 }'), store, tmp_path)


def test_a_second_driver_is_refused(store: Store, tmp_path: Path) -> None:
    campaign = begin(study(), store, tmp_path)
    store.acquire_lease("specimen", Owner.this_process(), 30.0)
    with pytest.raises(LeaseError):
        drive(study(), campaign, store)
    assert store.trials("specimen") == []


def test_hours_end_a_campaign_without_a_number_of_trials(store: Store, tmp_path: Path) -> None:
    text = study().text.replace("trials = 6", "hours = 0.001")
    campaign = run(Study.parse(text, source="specimen.toml", directory=HERE), store, tmp_path)
    trials = store.trials("specimen")
    assert campaign.state is CampaignState.FINISHED
    assert len(trials) > 2
    assert all(trial.state is TrialState.COMPLETE for trial in trials)


def test_an_outcome_left_by_a_dead_driver_is_recorded_and_not_trained_again(store: Store, tmp_path: Path) -> None:
    wanted = study(trials=1)
    campaign = run(wanted, store, tmp_path)
    with contextlib.closing(open_store(str(tmp_path / "again.db"))) as other:
        second = begin(wanted, other, tmp_path)
        shutil.copytree(campaign.directory / "trials", second.directory / "trials")
        files = attempt_directory(second, 0, 1)
        before = files.progress.stat().st_mtime_ns
        lease = other.acquire_lease("specimen", Owner.this_process(), 30.0)
        trial = store.trial("specimen", 0)
        other.add_trial(lease, trial.uid, trial.proposal)
        other.save_attempt(lease, trial.attempts[0])
        other.release_lease(lease)
        drive(wanted, second, other)
        assert other.trial("specimen", 0).value == trial.value
        assert len(other.trials("specimen")) == 1
        assert files.progress.stat().st_mtime_ns == before


def test_a_folder_with_another_databases_attempts_is_left_alone(store: Store, tmp_path: Path) -> None:
    first = run(study(trials=1), store, tmp_path)
    with contextlib.closing(open_store(str(tmp_path / "another.db"))) as other:
        second = run(study(trials=1), other, tmp_path)
    assert (first.directory.name, second.directory.name) == ("specimen", "specimen-2")
    assert attempt_directory(second, 0, 1).ended.exists()


def test_every_trial_has_a_training_seed_of_its_own_unless_one_is_fixed() -> None:
    assert len({training_seed(study(), number) for number in range(100)}) == 100
    text = study().text + "\n        [training]\n        seed = 7\n"
    assert training_seed(Study.parse(text), 3) == 7


def test_time_between_two_drivers_does_not_count_as_driven() -> None:
    events = [(0.0, "driver-started"), (10.0, "completed"), (500.0, "driver-started"), (505.0, "driver-ended")]
    assert driven_seconds(events) == 15.0
