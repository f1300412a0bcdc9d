"""What a campaign would take: asynchronous or in batches, with more jobs or fewer, over several seeds."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bohpo.simulation.campaign import Scenario, Simulated, simulate
from bohpo.trial import TrialState

MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - the attempts' files need no disk, and may not outlive the simulation


@dataclass(frozen=True, slots=True)
class Case:
    """One way to run the campaign, over all seeds.

    Attributes:
        jobs: Jobs at a time.
        is_synchronous: Whether in batches.
        runs: One campaign for each seed.
    """

    jobs: int
    is_synchronous: bool
    runs: tuple[Simulated, ...]

    @property
    def seconds(self) -> tuple[float, float, float]:
        """How long it takes: on average, at least, at most."""
        seconds = [run.seconds for run in self.runs]
        return fmean(seconds), min(seconds), max(seconds)

    @property
    def busy(self) -> float | None:
        """Share of the slots' time that is used, on average."""
        return _mean([run.busy for run in self.runs])

    @property
    def job_seconds(self) -> float:
        """What all jobs run for, added up, on average."""
        return fmean(run.job_seconds for run in self.runs)

    @property
    def best(self) -> float | None:
        """The best score, on average."""
        return _mean([run.best for run in self.runs])

    @property
    def attempts(self) -> float:
        """Attempts, on average."""
        return fmean(sum(len(trial.attempts) for trial in run.trials) for run in self.runs)

    @property
    def failed(self) -> float:
        """Failed trials, on average."""
        return fmean(sum(trial.state is TrialState.FAILED for trial in run.trials) for run in self.runs)


def compare(
    scenario: Scenario,
    *,
    jobs: Sequence[int],
    seeds: int,
    driver_deaths: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Case]:
    """Simulate a campaign asynchronously and in batches, with each number of jobs, over the same seeds.

    Args:
        scenario: What to simulate; its jobs, seed and way to run are replaced.
        jobs: Numbers of jobs.
        seeds: How many seeds.
        driver_deaths: How often the driver dies, spread evenly over the time that is needed at least.
        tell: Told what is simulated next.
    """
    cases = []
    for number in jobs:
        study = scenario.study.with_jobs(number)
        faults = dataclasses.replace(scenario.faults, driver_deaths=_deaths(scenario, number, driver_deaths))
        has_batches = number > 1 and study.budget.most_trials is not None
        for is_synchronous in (False, True) if has_batches else (False,):
            tell(f"{number} jobs, {way(is_synchronous=is_synchronous)}")
            of_kind = dataclasses.replace(scenario, study=study, faults=faults, is_synchronous=is_synchronous)
            runs = tuple(_simulate(dataclasses.replace(of_kind, seed=seed)) for seed in range(seeds))
            cases.append(Case(number, is_synchronous, runs))
    return cases


def way(*, is_synchronous: bool) -> str:
    """Name the way in which a campaign is run."""
    return "synchronous" if is_synchronous else "asynchronous"


def timeline(simulated: Simulated, *, width: int, seconds: float) -> Iterator[str]:
    """Draw one line for each slot: # where a job runs, . where one waits in the queue, blank where there is none.

    Args:
        simulated: The campaign.
        width: Characters of a line.
        seconds: Time that a line stands for, from the launch on.
    """
    began = simulated.site.campaign.created
    for slot in range(simulated.site.study.jobs):
        line = [" "] * width
        for trial in simulated.trials:
            for attempt in trial.attempts:
                if attempt.worker == slot and attempt.ended is not None:
                    started = attempt.ended if attempt.started is None else attempt.started
                    moments = (attempt.submitted, started, attempt.ended)
                    waits, runs, ends = (round((moment - began) / seconds * width) for moment in moments)
                    line[waits:runs] = "." * (runs - waits)
                    line[runs:ends] = "#" * (ends - runs)
        yield "".join(line)[:width]


def _simulate(scenario: Scenario) -> Simulated:
    disk = MEMORY_DISK if MEMORY_DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="bohpo-simulate-", dir=disk) as home:
        return simulate(scenario, Path(home))


def _deaths(scenario: Scenario, jobs: int, deaths: int) -> tuple[float, ...]:
    needed = (scenario.study.budget.most_trials or jobs) * scenario.duration.mean / jobs
    return tuple(needed * number / (deaths + 1) for number in range(1, deaths + 1))


def _mean(figures: Sequence[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return fmean(known) if known else None
