"""A campaign on a real Slurm under its faults: drivers, workers, trainers, jobs and daemons that die."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bohpo.store import StopRequest, open_store
from bohpo.trial import AttemptState, TrialState
from tests.faults.campaigns import NAME, PATIENCE_S, TRAINER, WORKER, CountedCampaign, kill
from tests.faults.queues import SLURM, job_of
from tests.services import SlurmCluster
from tests.services.daemon import wait_until

pytestmark = pytest.mark.slurm

Measured = Callable[[str, str], None]

STEPS = 300
"""Steps of a training that lasts for as long as a test wants it to, then hurries."""


def test_what_kills_a_job_costs_one_attempt_and_no_step(
    slurm: SlurmCluster, tmp_path: Path, measured: Measured
) -> None:
    campaign = CountedCampaign(tmp_path, SLURM, trials=6, jobs=4, steps=STEPS, step_seconds=0.2)
    driver = campaign.drive()
    running = campaign.wait_for_steps(3, trainings=4)
    jobs = {trial.number: job_of(trial) for trial in campaign.recorded()}
    (_, killed_trainer), (_, killed_worker), (cancelled, _), (requeued, _) = running
    kill(killed_trainer, TRAINER)
    kill(killed_worker, WORKER)
    slurm.run("scancel", jobs[cancelled])
    slurm.run("scontrol", "update", f"JobId={jobs[requeued]}", "Requeue=1")
    slurm.run("scontrol", "requeue", jobs[requeued])
    campaign.wait_for(
        lambda trials: all(len(trials[number].attempts) == 2 for number in (running[0][0], running[1][0], cancelled)),
        "what died is tried again",
    )
    campaign.hurry()
    left = campaign.finish(driver)
    ends = {trial.number: [attempt.state for attempt in trial.attempts] for trial in left.trials}
    assert ends[running[0][0]] == [AttemptState.KILLED, AttemptState.COMPLETED]
    for trial, _ in running[1:]:
        assert AttemptState.KILLED not in ends[trial], left.trials[trial].attempts
        assert len(ends[trial]) <= 2, left.trials[trial].attempts
    assert all(len(ends[number]) == 1 for number in ends if number not in dict(running))
    again = sum(len(left.trace(trial)) - STEPS for trial in left.trials)
    measured("P8", f"{again} steps taken again after 4 deaths (trainer, worker, scancel, requeue); a checkpoint a step")
    measured("P10", "worker killed, job cancelled, job requeued: none counts against the configuration")


@pytest.mark.parametrize("seconds", [10, pytest.param(120, marks=pytest.mark.long)])
def test_a_controller_that_is_away_stalls_the_campaign_and_loses_nothing(
    slurm: SlurmCluster, tmp_path: Path, measured: Measured, seconds: int
) -> None:
    campaign = CountedCampaign(tmp_path, SLURM, trials=6, jobs=3, steps=STEPS, step_seconds=0.2)
    driver = campaign.drive()
    running = campaign.wait_for_steps(2, trainings=3)
    numbers = dict(running)
    slurm.controller.kill()
    campaign.hurry()
    back = time.monotonic() + seconds
    campaign.wait_for(
        lambda trials: all(t.state is TrialState.COMPLETE for t in trials if t.number in numbers),
        "what ran while the controller was away is recorded",
    )
    wait_until(lambda: driver.poll() is not None, seconds=back - time.monotonic())
    assert driver.poll() is None, campaign.log()
    slurm.mend()
    left = campaign.finish(driver)
    lost = sum(attempt.state is not AttemptState.COMPLETED for trial in left.trials for attempt in trial.attempts)
    measured("P4", f"slurmctld away for {seconds} s: {len(running)} results recorded meanwhile, {lost} attempts lost")


@pytest.mark.long
def test_a_controller_that_forgets_jobs_and_gives_their_numbers_again_loses_no_trial(
    slurm: SlurmCluster, tmp_path: Path, measured: Measured
) -> None:
    campaign = CountedCampaign(tmp_path, SLURM, trials=6, jobs=3, steps=40, step_seconds=0.2)
    driver = campaign.drive()
    campaign.wait_for_steps(1, trainings=1)
    slurm.controller.kill()  # what it has not written to its disk yet it forgets
    slurm.mend()
    left = campaign.finish(driver)
    jobs = [attempt.job for trial in left.trials for attempt in trial.attempts]
    measured(
        "P4", f"slurmctld killed over fresh jobs: 0 trials forgotten, {len(jobs) - len(set(jobs))} ids given twice"
    )


def test_nodes_whose_daemon_was_killed_and_came_back_lose_nothing(
    slurm: SlurmCluster, tmp_path: Path, measured: Measured
) -> None:
    campaign = CountedCampaign(tmp_path, SLURM, trials=5, jobs=3, steps=STEPS, step_seconds=0.2)
    driver = campaign.drive()
    campaign.wait_for_steps(2, trainings=3)
    for node in slurm.nodes:
        slurm.node(node).kill()
    slurm.mend()
    campaign.hurry()
    left = campaign.finish(driver)
    assert {trial.state for trial in left.trials} == {TrialState.COMPLETE}
    measured("P10", f"slurmd of all {len(slurm.nodes)} nodes killed and started again: 0 trials failed")


def test_a_campaign_that_is_stopped_at_once_goes_on_from_its_checkpoints(slurm: SlurmCluster, tmp_path: Path) -> None:
    campaign = CountedCampaign(tmp_path, SLURM, trials=3, jobs=3, steps=STEPS, step_seconds=0.2)
    driver = campaign.drive()
    running = campaign.wait_for_steps(3, trainings=3)
    with contextlib.closing(open_store(campaign.store)) as store:  # at once, which a command is not
        store.request_stop(NAME, StopRequest.NOW)
    assert driver.wait(PATIENCE_S) == 130, campaign.log()
    assert slurm.run("squeue", "--noheader", "--states=PENDING,RUNNING").split() == []
    campaign.hurry()
    left = campaign.finish(campaign.bohpo("resume", NAME))
    for trial, _ in running:
        ends = [attempt.state for attempt in left.trials[trial].attempts]
        assert ends == [AttemptState.PREEMPTED, AttemptState.COMPLETED]
        assert len(left.trace(left.trials[trial])) == STEPS, "a step was taken twice, though the trainer was asked"


@pytest.mark.long
def test_a_node_that_hangs_is_given_up_and_its_late_results_change_nothing(
    slurm: SlurmCluster, tmp_path: Path, measured: Measured
) -> None:
    from tests.faults.hanging import hang, thaw
    from tests.faults.queues import node_of

    campaign = CountedCampaign(tmp_path, SLURM, trials=6, jobs=4, steps=10 * STEPS, step_seconds=0.2)
    driver = campaign.drive()
    running = campaign.wait_for_steps(3, trainings=4)
    trials = campaign.recorded()
    node = node_of(slurm, job_of(trials[running[0][0]]))
    hung = [(number, folder) for number, folder in running if node_of(slurm, job_of(trials[number])) == node]
    frozen = hang(slurm.node(node), [folder for _, folder in hung])
    campaign.wait_for(
        lambda trials: all(len(trials[number].attempts) > 1 for number, _ in hung), "the hung attempts are replaced"
    )
    campaign.hurry()
    thaw(frozen)
    left = campaign.finish(driver, zombies=True)
    states = [attempt.state.value for number, _ in hung for attempt in left.trials[number].attempts]
    measured("P10", f"node stopped (SIGSTOP) under {len(hung)} trainings: attempts {states}, 0 trials failed")


@pytest.mark.long
def test_nodes_whose_daemon_stays_away_are_given_up_and_train_nothing_twice(
    slurm: SlurmCluster, tmp_path: Path, measured: Measured
) -> None:
    from tests.faults.queues import node_of

    campaign = CountedCampaign(tmp_path, SLURM, trials=5, jobs=3, steps=10 * STEPS, step_seconds=0.2)
    driver = campaign.drive()
    running = campaign.wait_for_steps(3, trainings=3)
    trials = campaign.recorded()
    node = node_of(slurm, job_of(trials[running[0][0]]))
    slurm.node(node).kill()
    is_down = wait_until(lambda: "down" in slurm.run("sinfo", "-h", "-n", node, "-o", "%t"), seconds=2 * PATIENCE_S)
    assert is_down, slurm.run("sinfo", "-N", "-l")
    campaign.hurry()
    left = campaign.finish(driver)
    assert {trial.state for trial in left.trials} == {TrialState.COMPLETE}
    measured("P10", "slurmd of a node away for good: its trainings were recorded or taken over, 0 trials failed")


@pytest.mark.long
def test_sigterm_to_the_driver_leaves_the_trainings_at_work_and_resume_takes_them_over(
    slurm: SlurmCluster, tmp_path: Path, measured: Measured
) -> None:
    campaign = CountedCampaign(tmp_path, SLURM, trials=5, jobs=3, steps=STEPS, step_seconds=0.2)
    driver = campaign.drive()
    running = campaign.wait_for_steps(3, trainings=3)
    driver.send_signal(signal.SIGTERM)
    assert driver.wait(PATIENCE_S) == 130, campaign.log()
    assert "has no driver now, but jobs that run on: 3" in campaign.log()
    jobs = slurm.run("squeue", "--noheader", "--states=RUNNING", "--format=%i").split()
    assert set(jobs) == {job_of(trial) for trial in campaign.recorded() if trial.number in dict(running)}
    steps = [len(folder.joinpath("progress.jsonl").read_bytes().splitlines()) for _, folder in running]
    campaign.wait_for_steps(max(steps) + 3, trainings=3)
    resumed = campaign.bohpo("resume", NAME)
    campaign.wait_until_driven(resumed)
    campaign.hurry()
    left = campaign.finish(resumed)
    assert [[a.state for a in trial.attempts] for trial in left.trials] == [[AttemptState.COMPLETED]] * 5
    assert all(len(left.trace(trial)) == STEPS for trial in left.trials)
    measured("P15", f"driver left on SIGTERM over {len(running)} trainings: they ran on, 0 steps taken again, 0 lost")
