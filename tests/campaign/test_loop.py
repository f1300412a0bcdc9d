"""The loop, with real jobs and a real database."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from bohpo.campaign.attempts import attempt_directory, training_seed
from bohpo.campaign.clock import SystemClock
from bohpo.campaign.ending import Ending, find_ending
from bohpo.campaign.launch import begin, drive, study_of
from bohpo.campaign.ledger import driven_seconds
from bohpo.campaign.loop import Loop
from bohpo.campaign.retention import completed_attempt
from bohpo.cluster.local import LocalCluster
from bohpo.cluster.protocol import Cluster
from bohpo.durable import write_json
from bohpo.errors import (
    Detached,
    LeaseError,
    NotFoundError,
    NoUsableTrialError,
    QueueError,
    StoreError,
    UsageError,
)
from bohpo.optimizer import RandomOptimizer
from bohpo.processes import ATTEMPT_DIRECTORY, processes_with_environment
from bohpo.store import Campaign, CampaignState, Owner, StopRequest, Store, open_store
from bohpo.study import Study
from bohpo.trainer import AttemptSpec
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


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not is_so() and time.monotonic() < give_up:
        time.sleep(0.02)


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
        wait_until(lambda: steps.exists() and len(steps.read_text().split()) >= 5)
        store.request_stop("specimen", StopRequest.NOW)

    stopper = threading.Thread(target=stop_after_some_steps)
    stopper.start()
    with pytest.raises(Detached, match="bohpo resume specimen"):
        drive(wanted, campaign, store)
    stopper.join()
    assert store.campaign("specimen").state is CampaignState.STOPPED
    assert [attempt.state for attempt in store.trial("specimen", 0).attempts] == [AttemptState.PREEMPTED]

    again = store.campaign("specimen")
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
        wait_until((campaign.directory / "trials" / "1" / "steps.txt").exists)
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
    again = store.campaign("specimen")
    drive(study_of(again), again, store, trials=4)
    assert len(store.trials("specimen")) == 4
    with pytest.raises(UsageError, match="4 were proposed already"):
        drive(study_of(again), again, store, trials=3)


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


class Interrupted:
    """A store or a cluster some of whose calls fail, by a seeded chance, before they are done or after."""

    def __init__(self, real: Any, error: Exception, *, methods: frozenset[str], seed: int, after: bool) -> None:
        """Let a third of the calls of `methods` fail, at most forty, half of them after they were done if `after`."""
        self._real = real
        self._error = error
        self._methods = methods
        self._chance = random.Random(seed)
        self._after = after
        self.failures = 0

    def __getattr__(self, name: str) -> Any:
        """Give the real method, or one that may fail."""
        method = getattr(self._real, name)
        if name not in self._methods:
            return method

        def call(*arguments: Any, **options: Any) -> Any:
            fails = self._chance.random() < 1 / 3 and self.failures < 40
            if fails:
                self.failures += 1
            if not fails or (self._after and self._chance.random() < 0.5):
                result = method(*arguments, **options)
            if fails:
                raise self._error
            return result

        return call


WRITES = frozenset(
    {"add_trial", "save_attempt", "complete_trial", "fail_trial", "add_event", "set_state", "campaign", "trials"}
)


@pytest.mark.parametrize("seed", range(4))
def test_an_outage_of_the_database_loses_nothing_and_doubles_nothing(
    store: Store, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bohpo.campaign.loop._OUTAGE_TICK_S", 0.0)
    campaign = begin(study(trials=5), store, tmp_path)
    lease = store.acquire_lease("specimen", Owner.this_process(), 30.0)
    error = StoreError("the database is out of reach")
    outage = Interrupted(store, error, methods=WRITES, seed=seed, after=True)
    with contextlib.closing(LocalCluster()) as cluster:
        optimizer = RandomOptimizer(study().space, seed=0)
        loop = Loop(
            study(trials=5),
            campaign,
            lease,
            optimizer=optimizer,
            store=cast(Store, outage),
            cluster=cluster,
            clock=SystemClock(),
        )
        assert loop.run() is CampaignState.FINISHED
    assert outage.failures > 3
    trials = store.trials("specimen")
    assert [trial.number for trial in trials] == list(range(5))
    assert [(trial.state, len(trial.attempts)) for trial in trials] == [(TrialState.COMPLETE, 1)] * 5


def test_a_queue_that_refuses_now_and_then_is_asked_again(store: Store, tmp_path: Path) -> None:
    wanted = study("stepwise", trials=4)
    campaign = begin(wanted, store, tmp_path)
    lease = store.acquire_lease("specimen", Owner.this_process(), 30.0)
    with contextlib.closing(LocalCluster()) as real:
        cluster = Interrupted(real, QueueError("the queue is full"), methods=frozenset({"submit"}), seed=1, after=False)
        optimizer = RandomOptimizer(wanted.space, seed=0)
        loop = Loop(
            wanted,
            campaign,
            lease,
            optimizer=optimizer,
            store=store,
            cluster=cast(Cluster, cluster),
            clock=SystemClock(),
        )
        assert loop.run() is CampaignState.FINISHED
    assert cluster.failures > 0
    assert all(trial.state is TrialState.COMPLETE for trial in store.trials("specimen"))


def test_a_queue_that_refuses_everything_ends_the_driver_and_loses_nothing(store: Store, tmp_path: Path) -> None:
    campaign = begin(study(trials=1), store, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bohpo.campaign.attempts.PYTHON", ("/nowhere/python", "-P"))
        with pytest.raises(QueueError, match="/nowhere/python"):
            drive(study(trials=1), campaign, store)
    assert QueueError.exit_code == 4
    assert drive(study(trials=1), campaign, store).state is CampaignState.FINISHED


@pytest.mark.parametrize("function", ["reporting_a_negative_step", "breaking_its_folder"])
def test_a_trainer_that_spoils_its_files_cannot_end_the_campaign(store: Store, tmp_path: Path, function: str) -> None:
    with contextlib.suppress(NoUsableTrialError):
        run(study(function, trials=2), store, tmp_path)
    assert store.campaign("specimen").state is CampaignState.FINISHED


def test_files_of_another_trial_are_moved_aside_not_taken(store: Store, tmp_path: Path) -> None:
    campaign = begin(study(trials=1), store, tmp_path)
    foreign = attempt_directory(campaign, 0, 1)
    foreign.prepare(AttemptSpec("specimen", 0, 1, uid="another"), {"x": 0.9})
    write_json(foreign.outcome, {"value": 0.123, "metrics": {"score": 0.123}})
    ended = Ending(AttemptState.COMPLETED, "", 1.0, 2.0)
    write_json(foreign.ended, ended.to_json())
    drive(study(trials=1), campaign, store)
    assert store.trial("specimen", 0).value != 0.123
    assert len(list(foreign.path.parent.glob("attempt-1.aside-*"))) == 1


def test_a_broken_ending_is_a_lost_attempt(store: Store, tmp_path: Path) -> None:
    campaign = begin(study(trials=1), store, tmp_path)
    files = attempt_directory(campaign, 0, 1)
    files.path.mkdir(parents=True)
    write_json(files.spec, AttemptSpec("specimen", 0, 1, uid="u").to_json())
    files.ended.write_text('{"state": ')
    ending = find_ending(files, files.read_spec(), now=2.0)
    assert ending.state is AttemptState.LOST


def test_a_worker_that_does_not_heed_the_stop_is_ended(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bohpo.campaign.loop.STUCK_S", 1.0)
    wanted = study("stepwise", trials=1, jobs=1, pace=0.5)
    campaign = begin(wanted, store, tmp_path)
    folder = attempt_directory(campaign, 0, 1).path

    def suspend_then_stop() -> None:
        wait_until((folder / "progress.jsonl").exists)
        for pid in processes_with_environment(ATTEMPT_DIRECTORY, str(folder)):
            os.kill(pid, signal.SIGSTOP)
        store.request_stop("specimen", StopRequest.NOW)

    stopper = threading.Thread(target=suspend_then_stop)
    stopper.start()
    with pytest.raises(Detached):
        drive(wanted, campaign, store)
    stopper.join()
    assert processes_with_environment(ATTEMPT_DIRECTORY, str(folder)) == []
    assert store.trial("specimen", 0).attempts[0].state is AttemptState.LOST


def test_a_campaign_whose_folder_is_gone_is_not_begun_anew(store: Store, tmp_path: Path) -> None:
    campaign = begin(study(), store, tmp_path)
    shutil.rmtree(campaign.directory)
    with pytest.raises(NotFoundError, match="put it back"):
        drive(study(), campaign, store)


def test_campaigns_of_two_databases_never_share_a_folder(store: Store, tmp_path: Path) -> None:
    with contextlib.closing(open_store(str(tmp_path / "another.db"))) as other:
        folders = {begin(study(), each, tmp_path).directory.name for each in (store, other)}
    assert folders == {"specimen", "specimen-2"}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_driver_whose_database_was_removed_ends_and_says_so(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bohpo.campaign.ledger.RENEW_S", 0.0)
    wanted = study("stepwise", trials=2)
    campaign = begin(wanted, store, tmp_path)

    def remove() -> None:
        wait_until((campaign.directory / "trials" / "0" / "steps.txt").exists)
        (tmp_path / "bohpo.db").rename(tmp_path / "elsewhere.db")

    remover = threading.Thread(target=remove)
    remover.start()
    with pytest.raises(LeaseError, match="put it back"):
        drive(wanted, campaign, store)
    remover.join()
    (tmp_path / "elsewhere.db").rename(tmp_path / "bohpo.db")
    assert drive(wanted, store.campaign("specimen"), store).state is CampaignState.FINISHED
