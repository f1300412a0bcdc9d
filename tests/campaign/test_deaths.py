"""Every way in which a job ends: what is recorded, what it counts against, and what the queue is asked."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from bohpo.campaign.attempts import attempt_directory, may_try_again
from bohpo.campaign.launch import begin
from bohpo.campaign.loop import Loop
from bohpo.campaign.queue import FIRST_ANSWER_S
from bohpo.campaign.queue_report import QueueState
from bohpo.cluster.protocol import JobState
from bohpo.durable import write_json
from bohpo.errors import QueueError
from bohpo.optimizer import RandomOptimizer
from bohpo.simulation.store import MemoryStore
from bohpo.store import CampaignState, Owner, Store
from bohpo.trainer import AttemptDirectory
from bohpo.trial import Attempt, AttemptState, Proposal, Trial, TrialState
from tests.campaign.scripted import Course, ScriptedCluster, StepClock, nothing, say, succeed
from tests.campaign.test_loop import study


@pytest.fixture
def cluster() -> ScriptedCluster:
    return ScriptedCluster(StepClock())


@pytest.fixture
def store(cluster: ScriptedCluster) -> Store:
    return MemoryStore(cluster.clock)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bohpo.campaign.loop.TICK_S", 5.0)
    monkeypatch.setattr("bohpo.campaign.loop.STARTING_TICK_S", 1.0)


def make_loop(store: Store, home: Path, cluster: ScriptedCluster, *, trials: int = 1, jobs: int = 2) -> Loop:
    wanted = study(trials=trials, jobs=jobs)
    campaign = begin(wanted, store, home)
    lease = store.acquire_lease(campaign.name, Owner.this_process(), 30.0)
    optimizer = RandomOptimizer(wanted.space, seed=0)
    return Loop(
        wanted,
        campaign,
        lease,
        optimizer=optimizer,
        store=store,
        cluster=cluster,
        clock=cluster.clock,
        leaves_jobs=True,
    )


def run(store: Store, home: Path, cluster: ScriptedCluster, *, trials: int = 1, jobs: int = 2) -> list[Trial]:
    loop = make_loop(store, home, cluster, trials=trials, jobs=jobs)
    try:
        assert loop.run() is CampaignState.FINISHED
    finally:
        give_back_lease(store)
    return store.trials("specimen")


def give_back_lease(store: Store) -> None:
    lease = store.lease("specimen")
    assert lease is not None
    store.release_lease(lease)


def leave_outcome(files: AttemptDirectory) -> None:
    """Leave an outcome, but no word of the worker."""
    value = 1.0 - (float(json.loads(files.config.read_bytes())["x"]) - 0.3) ** 2
    write_json(files.outcome, {"value": value, "metrics": {"score": value}})


def print_and_die(files: AttemptDirectory) -> None:
    files.worker_log.write_text("module: command not found\n/opt/python: no such file\n")


@pytest.mark.parametrize(
    ("course", "told"),
    [
        (Course(leaves=nothing, state=JobState.TIME_LIMIT), (AttemptState.PREEMPTED, "ended its job at the wall time")),
        (Course(leaves=nothing, state=JobState.CANCELLED), (AttemptState.PREEMPTED, "was cancelled in the queue")),
        (Course(leaves=nothing, state=JobState.PREEMPTED), (AttemptState.PREEMPTED, "made way for another")),
        (Course(leaves=nothing, state=JobState.NODE_FAILED), (AttemptState.LOST, "its node failed")),
        (Course(leaves=nothing, state=JobState.GONE), (AttemptState.LOST, "its worker vanished")),
        (Course(leaves=nothing, state=JobState.FAILED), (AttemptState.LOST, "its worker vanished")),
        (Course(leaves=nothing, state=JobState.OUT_OF_MEMORY), (AttemptState.KILLED, "ran out of memory")),
        (Course(leaves=say(AttemptState.KILLED), state=JobState.FAILED), (AttemptState.KILLED, "")),
        (Course(leaves=say(AttemptState.KILLED), state=JobState.CANCELLED), (AttemptState.PREEMPTED, "cancelled")),
        (Course(leaves=say(AttemptState.KILLED), state=JobState.TIME_LIMIT), (AttemptState.PREEMPTED, "wall time")),
        (Course(leaves=say(AttemptState.PREEMPTED, "asked"), state=JobState.FAILED), (AttemptState.PREEMPTED, "asked")),
        (
            Course(leaves=print_and_die, state=JobState.FAILED, begins=False),
            (AttemptState.LOST, "its job ended before its worker began: /opt/python: no such file"),
        ),
    ],
)
def test_after_an_early_end_the_trial_goes_on_and_the_end_is_told_by_its_cause(
    store: Store, tmp_path: Path, cluster: ScriptedCluster, course: Course, told: tuple[AttemptState, str]
) -> None:
    cluster.courses[0, 1] = course
    [trial] = run(store, tmp_path, cluster)
    state, reason = told
    assert [attempt.state for attempt in trial.attempts] == [state, AttemptState.COMPLETED]
    assert reason in trial.attempts[0].reason
    assert trial.state is TrialState.COMPLETE


@pytest.mark.parametrize("state", [state for state in JobState if not state.is_alive])
@pytest.mark.parametrize("leaves", [succeed, leave_outcome])
def test_a_valid_outcome_counts_whatever_the_queue_says(
    store: Store,
    tmp_path: Path,
    cluster: ScriptedCluster,
    state: JobState,
    leaves: Callable[[AttemptDirectory], None],
) -> None:
    cluster.courses[0, 1] = Course(leaves=leaves, state=state)
    [trial] = run(store, tmp_path, cluster)
    assert [attempt.state for attempt in trial.attempts] == [AttemptState.COMPLETED]


def test_what_raises_fails_at_once_whatever_the_queue_says(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.courses[0, 1] = Course(leaves=say(AttemptState.RAISED, "no such file"), state=JobState.FAILED)
    [trial] = run(store, tmp_path, cluster)
    assert (trial.state, trial.reason) == (TrialState.FAILED, "raised: no such file")


def test_a_configuration_that_runs_out_of_memory_gets_three_attempts(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.courses |= {(0, k): Course(leaves=nothing, state=JobState.OUT_OF_MEMORY) for k in range(1, 30)}
    [trial] = run(store, tmp_path, cluster)
    assert trial.state is TrialState.FAILED
    assert len(trial.attempts) == 3


def test_what_is_the_infrastructures_fault_has_a_budget_of_twenty_in_all_and_leaves_the_other_alone(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    ends = [JobState.NODE_FAILED, JobState.CANCELLED, JobState.TIME_LIMIT, JobState.GONE]
    cluster.courses |= {(0, k): Course(leaves=nothing, state=ends[k % 4]) for k in range(1, 40)}
    cluster.courses[0, 2] = cluster.courses[0, 7] = Course(leaves=nothing, state=JobState.OUT_OF_MEMORY)
    [trial] = run(store, tmp_path, cluster)
    assert trial.state is TrialState.FAILED
    assert len(trial.attempts) == 22


def attempts_that_ended(*states: AttemptState) -> Trial:
    attempts = tuple(Attempt(0, number, state) for number, state in enumerate(states, 1))
    return Trial(0, "u", {}, TrialState.PENDING, Proposal({}, "startup"), attempts=attempts)


def test_a_long_training_may_take_any_number_of_short_jobs_while_each_brings_it_forward() -> None:
    trial = attempts_that_ended(*[AttemptState.PREEMPTED] * 100)
    assert may_try_again(trial, AttemptState.PREEMPTED, has_progressed=lambda _: True)
    assert not may_try_again(trial, AttemptState.PREEMPTED, has_progressed=lambda attempt: attempt.number > 20)
    lost = attempts_that_ended(*[AttemptState.LOST] * 20)
    assert not may_try_again(lost, AttemptState.LOST, has_progressed=lambda _: True)


# -- the queue does not answer, or refuses ---------------------------------------------------------------------------


def test_a_silent_queue_is_no_death(
    store: Store, tmp_path: Path, cluster: ScriptedCluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.courses |= {(0, 1): Course(runs_s=400.0, leaves=leave_outcome), (1, 1): Course(runs_s=60.0)}
    cluster.is_silent = lambda: 20.0 < cluster.clock.elapsed < 500.0
    trials = run(store, tmp_path, cluster, trials=3)
    assert [len(trial.attempts) for trial in trials] == [1, 1, 1]
    assert caplog.text.count("the queue does not answer") == 1
    assert caplog.text.count("the queue answers again") == 1


def test_an_outcome_is_recorded_while_the_queue_is_silent(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.is_silent = lambda: 2.0 < cluster.clock.elapsed < 500.0
    recorded: list[float] = []

    def look() -> None:
        if not recorded and any(trial.state is TrialState.COMPLETE for trial in store.trials("specimen")):
            recorded.append(cluster.clock.elapsed)

    cluster.each_wait = look
    cluster.courses[1, 1] = Course(runs_s=900.0)
    run(store, tmp_path, cluster, trials=2)
    assert recorded[0] < 20.0


def test_a_refusal_is_waited_out_while_other_jobs_run_and_costs_no_attempt(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.courses[0, 1] = Course(runs_s=3000.0)
    cluster.refusals = []

    def refuse_from_now_on() -> None:
        if 3.0 < cluster.clock.elapsed < 2000.0:
            cluster.refusals = [QueueError("QOSMaxSubmitJobPerUserLimit")]
        elif cluster.clock.elapsed >= 2000.0:
            cluster.refusals = []

    cluster.each_wait = refuse_from_now_on
    trials = run(store, tmp_path, cluster, trials=3)
    assert not cluster.refusals
    assert [len(trial.attempts) for trial in trials] == [1, 1, 1]


def test_a_queue_that_refuses_from_the_start_is_given_up_with_what_it_says(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.refusals = [QueueError("invalid partition specified: gpuu")] * 99
    with pytest.raises(QueueError, match="gpuu"):
        run(store, tmp_path, cluster)
    assert len(cluster.refusals) == 96
    cluster.refusals.clear()
    assert [len(trial.attempts) for trial in run(store, tmp_path, cluster)] == [1]


def test_a_refusal_for_good_is_given_up_at_once(store: Store, tmp_path: Path, cluster: ScriptedCluster) -> None:
    cluster.refusals = [QueueError("no such account", is_for_good=True)] * 99
    with pytest.raises(QueueError, match="no such account"):
        run(store, tmp_path, cluster)
    assert len(cluster.refusals) == 98


def test_a_queue_that_is_silent_from_the_start_is_given_up_soon_and_nothing_is_lost(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.is_silent = lambda: True
    with pytest.raises(QueueError, match=r"not answered for 2 min.*contact slurm controller; see what `bohpo doctor`"):
        run(store, tmp_path, cluster, trials=2)
    assert FIRST_ANSWER_S < cluster.clock.elapsed < FIRST_ANSWER_S + 60.0
    cluster.is_silent = lambda: False
    trials = run(store, tmp_path, cluster, trials=2)
    assert [(trial.state, len(trial.attempts)) for trial in trials] == [(TrialState.COMPLETE, 1)] * 2


def test_a_driver_with_running_jobs_waits_for_a_queue_that_is_silent_from_its_start(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.courses |= {(number, 1): Course(runs_s=2000.0) for number in range(2)}
    first = make_loop(store, tmp_path, cluster, trials=2)
    cluster.each_wait = lambda: first.stop() if cluster.clock.elapsed > 10.0 else None
    assert first.run() is CampaignState.STOPPED
    give_back_lease(store)
    cluster.each_wait, cluster.is_silent = lambda: None, lambda: cluster.clock.elapsed < 1500.0
    trials = run(store, tmp_path, cluster, trials=2)
    assert [(trial.state, len(trial.attempts)) for trial in trials] == [(TrialState.COMPLETE, 1)] * 2


def test_a_queue_that_took_jobs_before_may_be_down_for_minutes(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.is_silent = lambda: 3.0 < cluster.clock.elapsed < 1200.0
    trials = run(store, tmp_path, cluster, trials=4)
    assert [(trial.state, len(trial.attempts)) for trial in trials] == [(TrialState.COMPLETE, 1)] * 4


def test_a_queue_that_took_jobs_and_then_refuses_them_all_is_given_up_after_an_hour(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.each_wait = lambda: cluster.refusals.append(QueueError("the account is used up"))
    with pytest.raises(QueueError, match="used up"):
        run(store, tmp_path, cluster, trials=6)
    assert 3600.0 < cluster.clock.elapsed < 5000.0


def test_a_submission_that_was_not_acknowledged_is_found_by_name_and_not_repeated(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.unacknowledged = 2
    cluster.courses |= {(0, 1): Course(runs_s=300.0), (1, 1): Course(runs_s=1.0)}
    trials = run(store, tmp_path, cluster, trials=2)
    assert sorted(cluster.submitted) == [(0, 1), (1, 1)]
    assert [len(trial.attempts) for trial in trials] == [1, 1]


# -- jobs that do not start ------------------------------------------------------------------------------------------


def test_several_jobs_that_end_before_their_workers_begin_are_told_with_their_log(
    store: Store, tmp_path: Path, cluster: ScriptedCluster, caplog: pytest.LogCaptureFixture
) -> None:
    dud = Course(runs_s=1.0, leaves=print_and_die, state=JobState.FAILED, begins=False)
    cluster.courses |= {(trial, attempt): dud for trial in range(4) for attempt in range(1, 3)}
    trials = run(store, tmp_path, cluster, trials=4, jobs=4)
    assert all(trial.state is TrialState.COMPLETE for trial in trials)
    [told] = [event.message for event in store.events("specimen") if event.kind == "jobs-end-early"]
    assert "worker.log: /opt/python: no such file" in told
    assert told in caplog.text


def test_jobs_that_never_begin_are_given_up_in_the_end_and_cost_no_trial(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    dud = Course(runs_s=1.0, leaves=print_and_die, state=JobState.FAILED, begins=False)
    cluster.courses |= {(trial, attempt): dud for trial in range(2) for attempt in range(1, 99)}
    with pytest.raises(QueueError, match="no such file"):
        run(store, tmp_path, cluster, trials=2)
    assert len(cluster.entries) == 20
    assert cluster.clock.elapsed > 1800.0
    cluster.courses.clear()
    assert all(trial.state is TrialState.COMPLETE for trial in run(store, tmp_path, cluster, trials=2))


def test_a_job_that_waits_for_long_is_told_once_with_the_queues_reason_and_waited_for(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.courses |= {(k, 1): Course(queued_s=9000.0, detail="PENDING (Resources)") for k in range(2)}
    shown: set[str] = set()
    made = make_loop(store, tmp_path, cluster, trials=2)

    def look() -> None:
        shown.update(status.detail for status in QueueState.read(store.campaign("specimen")).jobs.values())

    cluster.each_wait = look
    logging.getLogger("bohpo").setLevel(logging.WARNING)
    assert made.run() is CampaignState.FINISHED
    told = [event.message for event in store.events("specimen") if event.kind == "waiting-long"]
    assert told == ["jobs that have waited for more than 30 min: 2; the queue says 'PENDING (Resources)'"]
    assert shown >= {"PENDING (Resources)"}


# -- jobs that hang, and attempts that were given up -------------------------------------------------------------------


def test_an_attempt_whose_node_hangs_is_given_up_and_resumed_elsewhere(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.courses[0, 1] = Course(runs_s=1e9, beats=False)
    [trial] = run(store, tmp_path, cluster)
    assert [attempt.state for attempt in trial.attempts] == [AttemptState.LOST, AttemptState.COMPLETED]
    assert "hangs: no sign of life for 5 min" in trial.attempts[0].reason
    assert cluster.cancelled[0].startswith("specimen-0-1-")


def test_a_job_that_runs_on_after_its_attempt_was_given_up_is_ended(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.courses |= {(0, 1): Course(runs_s=1e9, beats=False), (0, 2): Course(runs_s=600.0)}
    run(store, tmp_path, cluster)
    assert cluster.alive() == []


def test_the_first_valid_outcome_wins_though_its_attempt_was_given_up_and_the_newer_one_is_ended(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.courses |= {(0, 1): Course(leaves=nothing, state=JobState.NODE_FAILED), (0, 2): Course(runs_s=1e9)}
    made = make_loop(store, tmp_path, cluster, trials=2)
    files = attempt_directory(store.campaign("specimen"), 0, 1)

    def come_back() -> None:
        if cluster.clock.elapsed > 100.0 and not files.ended.exists():
            succeed(files)

    cluster.each_wait = come_back
    assert made.run() is CampaignState.FINISHED
    first, _ = store.trials("specimen")
    assert first.state is TrialState.COMPLETE
    assert first.value == json.loads(files.outcome.read_bytes())["value"]
    assert [attempt.state for attempt in first.attempts] == [AttemptState.COMPLETED, AttemptState.LOST]
    assert cluster.alive() == []


def test_files_of_another_attempt_are_no_outcome(store: Store, tmp_path: Path, cluster: ScriptedCluster) -> None:
    made = make_loop(store, tmp_path, cluster)
    campaign = store.campaign("specimen")

    def put_a_copy_there(files: AttemptDirectory) -> None:
        succeed(files)
        spec = json.loads(files.spec.read_bytes())
        write_json(files.spec, {**spec, "number": 7})

    cluster.courses[0, 1] = Course(leaves=put_a_copy_there)
    assert made.run() is CampaignState.FINISHED
    [trial] = store.trials("specimen")
    assert [attempt.state for attempt in trial.attempts] == [AttemptState.LOST, AttemptState.COMPLETED]
    assert attempt_directory(campaign, 0, 1).outcome.exists()


def test_a_queue_that_lost_its_memory_and_repeats_an_id_mixes_up_no_trials(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.courses |= {(0, 1): Course(runs_s=1e9), (1, 1): Course(runs_s=3.0), (2, 1): Course(runs_s=60.0)}
    cluster.next_ids = ["7", "8", "7"]
    trials = run(store, tmp_path, cluster, trials=3)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    assert [[attempt.state.value for attempt in trial.attempts] for trial in trials] == [
        ["lost", "completed"],
        ["completed"],
        ["completed"],
    ]


def test_what_an_earlier_driver_told_of_an_attempt_is_not_told_again(
    store: Store, tmp_path: Path, cluster: ScriptedCluster
) -> None:
    cluster.courses[0, 1] = Course(leaves=nothing, state=JobState.NODE_FAILED)
    cluster.each_wait = lambda: cluster.refusals.extend([QueueError("closed", is_for_good=True)] * 9)
    with pytest.raises(QueueError, match="closed"):
        run(store, tmp_path, cluster)
    cluster.each_wait = cluster.refusals.clear
    cluster.refusals.clear()
    run(store, tmp_path, cluster)
    assert [event.kind for event in store.events("specimen")].count("attempt-ended") == 1


@pytest.mark.parametrize("state", [JobState.NODE_FAILED, JobState.GONE])
def test_a_queue_that_lost_sight_of_a_worker_is_not_believed_while_the_worker_shows_life(
    store: Store, tmp_path: Path, cluster: ScriptedCluster, state: JobState
) -> None:
    cluster.courses[0, 1] = Course(state=state, outlives_s=600.0)
    [trial] = run(store, tmp_path, cluster)
    assert [attempt.state for attempt in trial.attempts] == [AttemptState.COMPLETED]
    assert cluster.clock.elapsed > 600.0


BEGIN = ["save_attempt"] * 3
"""Before the submission, with the job's id, and when its worker has begun."""


class Writes:
    """A store that notes what is written to it."""

    def __init__(self, store: Store) -> None:
        """Begin with nothing written."""
        self._store = store
        self.written: list[str] = []

    def __getattr__(self, name: str) -> Any:
        """Give a method, noted where it writes."""
        if name in ("add_trial", "save_attempt", "complete_trial", "fail_trial", "add_event"):
            self.written.append(name)
        return getattr(self._store, name)


@pytest.mark.parametrize(
    ("leaves", "told"),
    [
        (succeed, {"complete_trial": "completed"}),
        (say(AttemptState.RAISED), {"fail_trial": "failed"}),
        (say(AttemptState.PREEMPTED), {"save_attempt": "attempt-ended", "complete_trial": "completed"}),
    ],
)
def test_a_result_is_one_write_with_its_attempts_end_and_its_event(
    store: Store,
    tmp_path: Path,
    cluster: ScriptedCluster,
    leaves: Callable[[AttemptDirectory], None],
    told: dict[str, str],
) -> None:
    cluster.courses[0, 1] = Course(leaves=leaves)
    writes = Writes(store)
    [trial] = run(cast(Store, writes), tmp_path, cluster)
    assert not any(attempt.state.is_alive for attempt in trial.attempts)
    ends = [write for end in told for write in (*BEGIN, end)]
    assert writes.written == ["add_event", "add_trial", *ends, "add_event"]
    assert [event.kind for event in store.events("specimen")][-1 - len(told) : -1] == list(told.values())
