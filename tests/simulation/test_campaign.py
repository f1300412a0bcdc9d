"""Simulated campaigns: what they take, and that they are the same whenever they are run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bohpo.simulation.campaign import Scenario, Simulated, simulate
from bohpo.simulation.comparison import compare, timeline
from bohpo.simulation.fates import Fate, Faults
from bohpo.simulation.history import history
from bohpo.simulation.trainings import Duration
from bohpo.simulation.worker import Pace
from bohpo.trial import AttemptState, TrialState
from tests.simulation.campaigns import folder, study
from tests.simulation.promises import Witness, breaches

HOUR_S = 3600.0
ALL_KINDS = Faults({fate: 0.03 for fate in Fate if fate is not Fate.SUCCEEDS}, 0.1, 0.1, 0.1, (4000.0, 9000.0))

PROGRAM = """
import logging, sys
from bohpo.simulation.campaign import Scenario, simulate
from bohpo.simulation.history import history
from tests.simulation.campaigns import folder, study
from tests.simulation.test_campaign import ALL_KINDS
logging.disable(logging.CRITICAL)
scenario = Scenario(study(trials=12, jobs=3), seed=int(sys.argv[1]), wait_s=60.0, faults=ALL_KINDS)
with folder() as home:
    sys.stdout.write(history(simulate(scenario, home).site))
"""


def run(home: Path, *, trials: int = 12, jobs: int = 3, **changes: object) -> Simulated:
    folder = home / str(len(list(home.iterdir())))
    folder.mkdir()
    return simulate(Scenario(study(trials=trials, jobs=jobs), **changes), folder)  # type: ignore[arg-type]


@pytest.fixture
def home() -> Iterator[Path]:
    """Give a folder for campaigns' files."""
    with folder() as made:
        yield made


def told_by_another_process(seed: int, hash_seed: int) -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    command = (sys.executable, "-c", PROGRAM, str(seed))
    return subprocess.run(command, capture_output=True, check=True, env=environment).stdout


def test_the_same_seed_gives_the_same_history_byte_for_byte_in_any_process() -> None:
    first = told_by_another_process(seed=3, hash_seed=1)
    assert first.count(b"\ntrial ") == 12
    assert told_by_another_process(seed=3, hash_seed=2) == first


def test_another_seed_gives_another_history(home: Path) -> None:
    first, second = (history(run(home, seed=seed).site) for seed in (0, 1))
    assert first != second


def test_no_job_waits_for_another_where_each_slot_takes_the_next_trial(home: Path) -> None:
    asynchronous = run(home, duration=Duration(HOUR_S, 0.5))
    synchronous = run(home, duration=Duration(HOUR_S, 0.5), is_synchronous=True)
    assert asynchronous.busy is not None
    assert synchronous.busy is not None
    assert asynchronous.busy > 0.99
    assert synchronous.busy < 0.9
    assert asynchronous.seconds < synchronous.seconds
    assert asynchronous.job_seconds == pytest.approx(synchronous.job_seconds)


def test_a_batch_begins_when_the_one_before_has_ended(home: Path) -> None:
    attempts = [trial.attempts[0] for trial in run(home, is_synchronous=True).trials]
    for first in range(3, 12, 3):
        ended = max(attempt.ended or 0.0 for attempt in attempts[first - 3 : first])
        assert min(attempt.submitted for attempt in attempts[first : first + 3]) >= ended


def test_trainings_of_one_length_take_as_long_as_there_are_rounds(home: Path) -> None:
    simulated = run(home, duration=Duration(HOUR_S, 0.0), pace=Pace(startup_s=10.0))
    assert simulated.job_seconds == pytest.approx(12 * (HOUR_S + 10.0))
    assert simulated.seconds == pytest.approx(4 * (HOUR_S + 10.0), abs=4 * 3.0)


def test_a_campaign_through_every_fault_keeps_its_promises(home: Path) -> None:
    simulated = run(home, trials=24, jobs=4, wait_s=60.0, faults=ALL_KINDS)
    assert simulated.drivers >= 3
    assert breaches(simulated.site, Witness(may_stop=True)) == []
    ends = {attempt.state for trial in simulated.trials for attempt in trial.attempts}
    assert {AttemptState.COMPLETED, AttemptState.PREEMPTED, AttemptState.LOST} <= ends


def test_dead_drivers_cost_no_training(home: Path) -> None:
    deaths = tuple(1000.0 * number for number in range(1, 12))
    undisturbed = run(home)
    simulated = run(home, faults=Faults(driver_deaths=deaths))
    assert simulated.drivers == 1 + len(deaths)
    assert [len(trial.attempts) for trial in simulated.trials] == [1] * 12
    assert simulated.job_seconds == pytest.approx(undisturbed.job_seconds)
    assert breaches(simulated.site, Witness()) == []


def test_a_training_longer_than_the_wall_time_goes_on_in_the_next_job(home: Path) -> None:
    pace = Pace(startup_s=10.0, checkpoint_s=300.0, wall_s=1500.0)
    simulated = run(home, trials=2, duration=Duration(HOUR_S, 0.0), pace=pace)
    trained = 1500.0 - 120.0 - 10.0
    for trial in simulated.trials:
        assert [attempt.state for attempt in trial.attempts] == [AttemptState.PREEMPTED] * 2 + [AttemptState.COMPLETED]
    assert 2 * trained < HOUR_S < 3 * trained
    assert simulated.job_seconds == pytest.approx(2 * (HOUR_S + 3 * 10.0), abs=2 * 3)


def test_a_training_whose_node_the_queue_has_lost_is_left_alone_and_recorded(home: Path) -> None:
    simulated = run(home, trials=3, faults=Faults({Fate.CUT_OFF: 1.0}))
    simulated.site.clock.sleep(2 * HOUR_S)
    assert breaches(simulated.site, Witness()) == []
    assert [len(trial.attempts) for trial in simulated.trials] == [1, 1, 1]


def test_every_kind_of_death_ends_as_it_should(home: Path) -> None:
    ends = {
        Fate.RAISES: (TrialState.FAILED, [AttemptState.RAISED]),
        Fate.WRITES_GARBAGE: (TrialState.FAILED, [AttemptState.INVALID_OUTCOME]),
        Fate.KILLED: (TrialState.FAILED, [AttemptState.KILLED] * 3),
        Fate.OUT_OF_MEMORY: (TrialState.FAILED, [AttemptState.KILLED] * 3),
    }
    for fate, (state, attempts) in ends.items():
        trial = run(home, trials=1, faults=Faults({fate: 1.0})).trials[0]
        assert (trial.state, [attempt.state for attempt in trial.attempts]) == (state, attempts), fate


def test_the_same_trial_takes_as_long_with_any_number_of_jobs(home: Path) -> None:
    cases = compare(Scenario(study(trials=6), duration=Duration(HOUR_S, 0.5)), jobs=[1, 2, 6], seeds=2)
    assert [(case.jobs, case.is_synchronous) for case in cases] == [
        (1, False),
        (2, False),
        (2, True),
        (6, False),
        (6, True),
    ]
    assert len({round(case.job_seconds, 3) for case in cases}) == 1
    assert [case.seconds[0] for case in cases if not case.is_synchronous] == sorted(
        (case.seconds[0] for case in cases if not case.is_synchronous), reverse=True
    )


def test_a_timeline_shows_each_slot_busy_and_waiting(home: Path) -> None:
    simulated = run(home, trials=2, jobs=2, duration=Duration(HOUR_S, 0.0), wait_s=1800.0)
    lines = list(timeline(simulated, width=60, seconds=simulated.seconds))
    assert len(lines) == 2
    for line, trial in zip(lines, simulated.trials, strict=True):
        assert line.strip(".") == line.strip(".#") or line.lstrip(".").startswith("#")
        assert line.count("#") == pytest.approx(60 * HOUR_S / simulated.seconds, abs=2)
        assert trial.attempts[0].started is not None


def test_a_history_names_no_folder_and_no_identity(home: Path) -> None:
    simulated = run(home, trials=2)
    text = history(simulated.site)
    assert str(home) not in text
    assert not any(trial.uid[:8] in text for trial in simulated.trials)
