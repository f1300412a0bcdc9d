"""One simulated campaign, from its launch to its end, driven by one driver after another where drivers die."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bohpo.campaign.launch import make_optimizer
from bohpo.campaign.ledger import LEASE_S
from bohpo.errors import QueueError
from bohpo.optimizer.protocol import Optimizer
from bohpo.optimizer.random_search import RandomOptimizer
from bohpo.simulation.cluster import DriverKilled, VirtualCluster
from bohpo.simulation.fates import Dice, Faults
from bohpo.simulation.site import Driver, Site, open_site, remote_driver
from bohpo.simulation.trainings import Bowl, Duration, Recorded
from bohpo.simulation.worker import Pace
from bohpo.store.records import CampaignState
from bohpo.study import Study, load_feasibility
from bohpo.trial import Trial
from bohpo.views.campaign import CampaignView
from bohpo.views.status import busy_fraction

RESUMED_AFTER_S = 600.0
"""After so many seconds somebody resumes a campaign whose driver gave up: the queue refused its jobs, or all failed."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A campaign to simulate.

    Attributes:
        study: What is run; its jobs and its budget count, its trainer does not.
        seed: Of trainings, faults and proposals.
        is_synchronous: Whether trials are run in batches, each as large as there are jobs and begun when the one
            before has ended; otherwise each slot takes a new trial as soon as it is free.
        is_optimized: Whether the study's own optimizer proposes, which takes its real time; otherwise chance does.
        duration: How long trainings take.
        recorded: Trainings that took place, to take durations and scores from; else both are invented.
        wait_s: Mean seconds that a job waits in the queue.
        pace: What is lost around a training.
        faults: How often things go wrong.
    """

    study: Study
    seed: int = 0
    is_synchronous: bool = False
    is_optimized: bool = False
    duration: Duration = field(default_factory=Duration)
    recorded: Recorded | None = None
    wait_s: float = 0.0
    pace: Pace = field(default_factory=Pace)
    faults: Faults = field(default_factory=Faults)

    @property
    def tells_scores(self) -> bool:
        """Whether its scores say something: somebody chose the configurations, or the scores were measured."""
        return self.is_optimized or self.recorded is not None


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of a simulated campaign.

    Attributes:
        site: Where it took place: its store and queue hold the history.
        trials: All trials.
        seconds: From its launch to its end.
        job_seconds: What all jobs ran for, added up.
        busy: Share of the slots' time that was used, as `bohpo status` defines it, or None.
        best: Score of the best trial, or None.
        drivers: How many drivers it took.
    """

    site: Site
    trials: tuple[Trial, ...]
    seconds: float
    job_seconds: float
    busy: float | None
    best: float | None
    drivers: int


def simulate(scenario: Scenario, home: Path) -> Simulated:
    """Run a campaign on virtual time.

    Args:
        scenario: What to run.
        home: Empty folder for its files.

    Raises:
        StudyError: If the study's function that says what is feasible cannot be imported.
        UsageError: If nothing can be proposed.
    """
    dice = Dice(scenario.seed, scenario.faults)
    trainer = scenario.recorded or Bowl(scenario.study, dice, scenario.duration)
    site = open_site(
        scenario.study,
        home,
        trainer=trainer,
        luck=dice.fate,
        wait=lambda spec: dice.wait(spec, scenario.wait_s),
        pace=scenario.pace,
    )
    drivers = _Drivers(site, scenario, dice)
    for budget in _budgets(scenario):
        if budget is not None:
            site.store.set_budget(site.name, budget)
        drivers.finish()
    return _sum_up(site, drivers.count)


class _Drivers:
    """Starts a driver whenever there is none, until the campaign is finished."""

    def __init__(self, site: Site, scenario: Scenario, dice: Dice) -> None:
        self.count = 0
        self._site = site
        self._dice = dice
        self._optimizer = _optimizer(scenario)
        self._deaths = iter(sorted(scenario.faults.driver_deaths))
        self._next_death = next(self._deaths, None)

    def finish(self) -> None:
        """Drive the campaign to its end."""
        while True:
            self.count += 1
            cluster = VirtualCluster(
                self._site.queue, self._site.clock, dice=self._dice, may_nap=True, dies_at=self._next_death
            )
            try:
                driver = Driver(self._site, remote_driver(self.count), optimizer=self._optimizer, cluster=cluster)
                if driver.run() is CampaignState.FINISHED:
                    return
                self._site.clock.sleep(RESUMED_AFTER_S)
            except DriverKilled:
                self._next_death = next(self._deaths, None)
                self._site.clock.sleep(LEASE_S + 1.0)
            except QueueError:
                self._site.clock.sleep(RESUMED_AFTER_S)


def _budgets(scenario: Scenario) -> Iterator[int | None]:
    """Give the trials to run in all, one batch after another."""
    trials, jobs = scenario.study.budget.most_trials, scenario.study.jobs
    if trials is None or not scenario.is_synchronous:
        yield trials
    else:
        yield from (min(done + jobs, trials) for done in range(0, trials, jobs))


def _optimizer(scenario: Scenario) -> Optimizer:
    study = scenario.study
    if not scenario.is_optimized:
        return RandomOptimizer(study.space, seed=scenario.seed, feasible=load_feasibility(study))
    settings = study.optimizer.model_copy(update={"seed": scenario.seed})
    return make_optimizer(study.model_copy(update={"optimizer": settings}))


def _sum_up(site: Site, drivers: int) -> Simulated:
    trials = tuple(site.store.trials(site.name))
    view = view_of(site, trials)
    return Simulated(
        site=site,
        trials=trials,
        seconds=site.clock.monotonic(),
        job_seconds=sum(run.ended - run.started for job in site.queue.jobs.values() for run in job.runs),
        busy=busy_fraction(view),
        best=None if view.best is None else view.best.value,
        drivers=drivers,
    )


def view_of(site: Site, trials: Sequence[Trial]) -> CampaignView:
    """Give a simulated campaign as the views see one."""
    objective = site.study.objective
    return CampaignView(
        campaign=site.campaign,
        space=site.study.space,
        metric=objective.metric,
        maximize=objective.maximize,
        jobs=site.study.jobs,
        trials=tuple(trials),
        now=site.clock.now(),
    )
