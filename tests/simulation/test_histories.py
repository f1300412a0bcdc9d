"""Whatever happens to a campaign, in whatever order: in the end it is finished and has kept its promises.

Hypothesis makes up histories of drivers that are stopped, killed and started, jobs that die, outages, requests and
clocks that are set; where one breaks a promise it is made as short as possible. Few and always the same are tried
here, many new ones with `pytest tests/simulation/test_histories.py --hypothesis-profile thorough`.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bohpo.simulation.fates import Fate
from bohpo.simulation.site import remote_driver
from bohpo.simulation.trainings import Duration
from bohpo.simulation.worker import Pace
from bohpo.store.records import Owner, StopRequest
from bohpo.trial import TrialState
from tests.simulation.campaigns import LocalDriver, begin, drive, finish, folder
from tests.simulation.failpoints import Failpoints, Kind, Outages
from tests.simulation.paced import Paced
from tests.simulation.promises import Witness, breaches

MOST_TRIALS = 7
FIRST_STEPS = 12
LAST_STEPS = 300
"""Steps that drivers take after the history before they are killed."""

LATE_S = 600.0
"""What a driver that was stopped submitted too late may be in the queue for so long after the campaign."""

ENDS = [fate for fate in Fate if fate is not Fate.SUCCEEDS]
FAULTS = [Kind.DEATH_BEFORE, Kind.DEATH_AFTER, Kind.LOST_ACKNOWLEDGEMENT, Kind.FREEZE]
FOR_CI = settings(
    derandomize=True,
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True, slots=True)
class Process:
    """A driver's process."""

    owner: Owner
    paced: Paced
    failpoints: Failpoints


class Histories(RuleBasedStateMachine):
    """Makes up histories."""

    @initialize(wall=st.sampled_from([None, 20.0]), is_local=st.booleans())
    def launch(self, wall: float | None, is_local: bool) -> None:
        """Launch a campaign, and let its first driver begin."""
        self.resources = contextlib.ExitStack()
        pace = Pace(startup_s=2.0, checkpoint_s=5.0, wall_s=wall)
        home = self.resources.enter_context(folder())
        self.site = begin(home, trials=4, pace=pace, training=Duration(20.0, 0.5))
        self.witness = Witness()
        self.outages = Outages(self.site.clock)
        self.processes: list[Process] = []
        self.count = 0
        LocalDriver.dead.clear()
        self.values: dict[int, float | None] = {}
        logging.getLogger("bohpo").setLevel(logging.CRITICAL)
        self.start_driver(is_local=is_local)
        self.step(0, FIRST_STEPS)

    @property
    def alive(self) -> list[Process]:
        """The drivers that have not ended."""
        return [process for process in self.processes if process.paced.is_alive]

    # -- drivers -------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.alive) < 2)
    @rule(is_local=st.booleans())
    def start_driver(self, is_local: bool) -> None:
        """Start a driver; where another holds the lease it ends at once."""
        self.count += 1
        owner = LocalDriver("here", self.count, id(self)) if is_local else remote_driver(self.count)
        paced = Paced(self.site.clock)
        failpoints = Failpoints(self.site.clock, freeze=paced.halt, outages=self.outages)
        self.processes.append(Process(owner, paced, failpoints))
        paced.start(lambda: drive(self.site, owner, failpoints, self.witness, paced))

    @precondition(lambda self: self.alive)
    @rule(which=st.integers(0, 1), times=st.integers(1, 40))
    def step(self, which: int, times: int) -> None:
        """Let a driver go on for a while."""
        process = self.alive[which % len(self.alive)]
        for _ in range(times):
            process.paced.step()

    @precondition(lambda self: self.alive)
    @rule(times=st.integers(1, 100))
    def go_on(self, times: int) -> None:
        """Let all drivers go on, in turns."""
        for _ in range(times):
            for process in self.alive:
                process.paced.step()

    @precondition(lambda self: self.alive)
    @rule(which=st.integers(0, 1))
    def kill_driver(self, which: int) -> None:
        """Kill a driver (SIGKILL)."""
        process = self.alive[which % len(self.alive)]
        process.paced.kill()
        LocalDriver.dead.add(process.owner.pid)

    @precondition(lambda self: self.alive)
    @rule(which=st.integers(0, 1))
    def signal_driver(self, which: int) -> None:
        """Ask a driver to leave (SIGTERM)."""
        self.alive[which % len(self.alive)].paced.stop()

    @precondition(lambda self: self.alive)
    @rule(which=st.integers(0, 1), kind=st.sampled_from(FAULTS), after=st.integers(0, 12))
    def arm(self, which: int, kind: Kind, after: int) -> None:
        """Have something go wrong with a driver soon."""
        self.alive[which % len(self.alive)].failpoints.arm(kind, after)

    # -- what they need ------------------------------------------------------------------------------------------

    @rule(what=st.sampled_from(["store", "queue", "queue.submit"]), seconds=st.sampled_from([5.0, 100.0, 600.0]))
    def outage(self, what: str, seconds: float) -> None:
        """Have the database or the queue not answer, or the queue refuse jobs."""
        self.outages.begin(what, seconds)

    @precondition(lambda self: any(job.worker for job in self.site.queue.jobs.values()))
    @rule(which=st.integers(0, 1), fate=st.sampled_from(ENDS))
    def strike_job(self, which: int, fate: Fate) -> None:
        """Have a job that runs end badly, or hang."""
        running = [job for job in self.site.queue.jobs.values() if job.worker]
        self.site.queue.strike(running[which % len(running)], fate)
        self.witness.may_stop |= fate is Fate.HANGS

    # -- people and time -----------------------------------------------------------------------------------------

    @rule(request=st.sampled_from(StopRequest))
    def request_stop(self, request: StopRequest) -> None:
        """Ask for a stop, or take it back."""
        self.site.store.request_stop(self.site.name, request)
        self.witness.may_stop |= request is StopRequest.NOW

    @precondition(lambda self: (self.site.campaign.budget_trials or 0) < MOST_TRIALS)
    @rule()
    def raise_budget(self) -> None:
        """Ask for one trial more."""
        self.site.store.set_budget(self.site.name, (self.site.campaign.budget_trials or 0) + 1)

    @rule(seconds=st.sampled_from([1.0, 20.0, 31.0, 400.0, 4000.0]))
    def pass_time(self, seconds: float) -> None:
        """Let time pass while all drivers are stopped (SIGSTOP)."""
        self.site.clock.sleep(seconds)

    @rule(seconds=st.sampled_from([-3600.0, -1.0, 60.0, 3600.0]))
    def set_clock(self, seconds: float) -> None:
        """Set the hosts' clocks."""
        self.site.clock.set(seconds)

    @invariant()
    def no_outcome_changes(self) -> None:
        """Hold every outcome against what it was before."""
        if not hasattr(self, "values"):
            return
        for trial in self.site.store.trials(self.site.name):
            if trial.state is not TrialState.PENDING:
                assert self.values.setdefault(trial.number, trial.value) == trial.value, f"P3: trial {trial.number}"

    def teardown(self) -> None:
        """Have the campaign finished, and hold it against the promises."""
        if not hasattr(self, "resources"):
            return
        with self.resources:
            self.outages.end()
            for _ in range(LAST_STEPS):
                for process in self.alive:
                    process.paced.step()
            for process in self.alive:
                process.paced.kill()
            finish(self.site, self.witness)
            self.site.clock.sleep(LATE_S)
            broken = breaches(self.site, self.witness)
            unexpected = [process.paced.error for process in self.processes if process.paced.error is not None]
        assert not broken, "\n".join(broken)
        assert not unexpected, unexpected


TestHistories: Any = Histories.TestCase
TestHistories.settings = settings.default if settings.default is settings.get_profile("thorough") else FOR_CI
