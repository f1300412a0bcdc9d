"""`bohpo simulate`: what a campaign would take, before the queue is used."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from bohpo.cli.output import emit, say, table
from bohpo.cluster.host import fit_jobs
from bohpo.errors import UsageError
from bohpo.simulation.campaign import Scenario
from bohpo.simulation.comparison import Case, compare, timeline, way
from bohpo.simulation.fates import Fate, Faults
from bohpo.simulation.trainings import Duration, read_results
from bohpo.simulation.worker import Pace
from bohpo.study import Study, settle
from bohpo.views import wording

LINE = 72
"""Characters of a line of the picture."""

SHARES = ("refused", "unacknowledged", "unanswered")  # in the order of `Faults`
DRIVER_DEATHS = "driver-deaths"


def simulate(
    study: Path,
    /,
    *,
    jobs: Annotated[list[int] | None, Parameter(consume_multiple=True)] = None,
    trials: int | None = None,
    seeds: int = 5,
    seconds_per_trial: float = 3600.0,
    spread: float = 0.3,
    queue_wait: float = 60.0,
    wall_time: float | None = None,
    checkpoint: float = 300.0,
    results: Path | None = None,
    faults: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    optimize: bool = False,
    json: bool = False,
) -> None:
    """Tell what a campaign would take, asynchronous and in batches; nothing is trained and no queue is used.

    The campaign's own loop runs on a virtual clock and a virtual queue. The same seeds give the same answer.

    Args:
        study: Study file, TOML.
        jobs: Numbers of jobs to compare; half, all and twice the study's by default.
        trials: Trials to run in all, instead of the study's.
        seeds: How many campaigns to simulate of each kind.
        seconds_per_trial: Mean duration of a training, in seconds.
        spread: Standard deviation of the duration, over its mean.
        queue_wait: Mean time that a job waits in the queue, in seconds.
        wall_time: Seconds after which the queue ends a job; the study's or the site's by default.
        checkpoint: Seconds of training between two checkpoints.
        results: Trainings that took place, as `bohpo export CAMPAIGN --format csv` writes them: durations and scores
            are taken from there.
        faults: What goes wrong, as KEY=SHARE: a share of the attempts for raises, writes-garbage, killed, cancelled,
            requeued, restarted, out-of-memory, node-failed, time-limit, failed, gone, hangs or cut-off; of the requests
            to the queue for refused, unacknowledged or unanswered; driver-deaths=NUMBER.
        optimize: Let the study's optimizer propose, in its real time, and tell the best score; else chance proposes.
        json: Print the answer as one JSON object.
    """
    wanted = Study.load(study)
    if trials is not None:
        wanted = wanted.with_budget(trials=trials)
    settled = fit_jobs(settle(wanted).study)
    wanted = wanted.with_jobs(settled.jobs)
    numbers = _numbers(wanted, jobs)
    _check_figures(
        {"seeds": seeds, "seconds-per-trial": seconds_per_trial, "checkpoint": checkpoint, "wall-time": wall_time},
        {"spread": spread, "queue-wait": queue_wait},
    )
    rates, driver_deaths = _read_faults(faults or [])
    scenario = Scenario(
        wanted,
        is_optimized=optimize,
        duration=Duration(seconds_per_trial, spread),
        recorded=None if results is None else read_results(results, wanted.space),
        wait_s=queue_wait,
        pace=Pace(checkpoint_s=checkpoint, wall_s=wall_time or settled.cluster.wall_seconds),
        faults=rates,
    )
    tell = say if sys.stderr.isatty() else lambda _: None
    with _without_warnings("bohpo.campaign"):
        cases = compare(scenario, jobs=numbers, seeds=seeds, driver_deaths=driver_deaths, tell=tell)
    if json:
        emit(_as_json(scenario, cases, seeds))
    else:
        _print(scenario, cases, seeds)


@contextlib.contextmanager
def _without_warnings(name: str) -> Iterator[None]:
    """Silence a logger for a while: what goes wrong in a simulation is meant to."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _numbers(study: Study, jobs: list[int] | None) -> list[int]:
    """Give the numbers of jobs to compare, ascending."""
    own = study.jobs
    numbers = sorted(set(jobs or (max(own // 2, 1), own, 2 * own)))
    if numbers[0] < 1:
        raise UsageError(f"--jobs {numbers[0]}: give numbers of 1 or more")
    return numbers


def _check_figures(positive: Mapping[str, float | None], not_negative: Mapping[str, float]) -> None:
    for name, figure in positive.items():
        if figure is not None and not 0 < figure < math.inf:
            raise UsageError(f"--{name} {figure:g}: give a finite number above 0")
    for name, figure in not_negative.items():
        if not 0 <= figure < math.inf:
            raise UsageError(f"--{name} {figure:g}: give a finite number of 0 or more")


def _read_faults(words: Sequence[str]) -> tuple[Faults, int]:
    """Read KEY=SHARE words; give the shares, and how often the driver dies."""
    shares = dict(_read_fault(word) for word in words)
    deaths = shares.pop(DRIVER_DEATHS, 0.0)
    for key, share in shares.items():
        if not 0 <= share <= 1:
            raise UsageError(f"--faults {key}={share:g}: give a share from 0 to 1")
    if not 0 <= deaths <= 1000 or deaths != int(deaths):
        raise UsageError(f"--faults {DRIVER_DEATHS}={deaths:g}: give a whole number from 0 to 1000")
    fates = {Fate(key): share for key, share in shares.items() if key not in SHARES}
    if sum(fates.values()) > 0.9:
        raise UsageError("--faults: more than 0.9 of the attempts would go wrong; give smaller shares")
    asked = {key: share for key, share in shares.items() if key in SHARES}
    if any(share > 0.9 for share in asked.values()):
        raise UsageError("--faults: the queue would hardly ever answer; give shares up to 0.9")
    refused, unacknowledged, unanswered = (asked.get(key, 0.0) for key in SHARES)
    return Faults(fates, refused, unacknowledged, unanswered), int(deaths)


def _read_fault(word: str) -> tuple[str, float]:
    key, _, text = word.partition("=")
    known = [fate.value for fate in Fate if fate is not Fate.SUCCEEDS] + [*SHARES, DRIVER_DEATHS]
    if key not in known:
        raise UsageError(f"--faults {word}: no such fault; known are {', '.join(known)}")
    try:
        return key, float(text)
    except ValueError:
        raise UsageError(f"--faults {word}: write {key}=0.01") from None


def _as_json(scenario: Scenario, cases: Sequence[Case], seeds: int) -> dict[str, Any]:
    return {
        "study": scenario.study.name,
        "trials": scenario.study.budget.most_trials,
        "seeds": seeds,
        "campaigns": [
            {
                "jobs": case.jobs,
                "mode": way(is_synchronous=case.is_synchronous),
                "seconds": dict(zip(("mean", "least", "most"), case.seconds, strict=True)),
                "busy_fraction": case.busy,
                "job_seconds": case.job_seconds,
                "attempts": case.attempts,
                "failed_trials": case.failed,
                "best": case.best if scenario.tells_scores else None,
            }
            for case in cases
        ],
    }


def _print(scenario: Scenario, cases: Sequence[Case], seeds: int) -> None:
    budget, duration = scenario.study.budget, scenario.duration
    trials = "until its hours are used up" if budget.most_trials is None else f"{budget.most_trials} trials"
    training = f"about {wording.duration(duration.mean)} each"
    if scenario.recorded is not None:
        training = "durations and scores as recorded"
    say(f"{scenario.study.name}: {trials}, {training}, {wording.duration(scenario.wait_s)} in the queue, {seeds} seeds")
    columns = _columns(scenario)
    table(list(columns), [[write(case) for write in columns.values()] for case in cases])
    _print_timelines([case for case in cases if case.jobs == _pictured(scenario, cases)])


def _columns(scenario: Scenario) -> dict[str, Callable[[Case], str]]:
    """Give what the table tells: title -> how it is written."""
    columns: dict[str, Callable[[Case], str]] = {
        "jobs": lambda case: str(case.jobs),
        "mode": lambda case: way(is_synchronous=case.is_synchronous),
        "lasts": lambda case: wording.duration(case.seconds[0]),
        "by seed": lambda case: f"± {wording.duration((case.seconds[2] - case.seconds[1]) / 2)}",
        "busy": lambda case: "–" if case.busy is None else wording.percent(case.busy),
        "job hours": lambda case: f"{case.job_seconds / wording.HOUR_S:.1f}",
    }
    if scenario.faults != Faults() or scenario.pace.wall_s is not None:
        columns["attempts"] = lambda case: f"{case.attempts:.1f}"
        columns["failed"] = lambda case: f"{case.failed:.1f}"
    if scenario.tells_scores:
        columns["best score"] = lambda case: "–" if case.best is None else wording.number(case.best)
    return columns


def _pictured(scenario: Scenario, cases: Sequence[Case]) -> int:
    """Choose the number of jobs to draw: the study's own, or the nearest to it."""
    return min((case.jobs for case in cases), key=lambda jobs: abs(jobs - scenario.study.jobs))


def _print_timelines(cases: Sequence[Case]) -> None:
    """Draw the slots of each case's first campaign, all to the same scale."""
    if not sys.stdout.isatty():
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    seconds = max(case.runs[0].seconds for case in cases)
    for case in cases:
        title = f"{case.jobs} jobs, {way(is_synchronous=case.is_synchronous)}"
        console.print(Text(f"{title}: {wording.duration(case.runs[0].seconds)}", "bold"))
        for line in timeline(case.runs[0], width=min(LINE, console.width), seconds=seconds):
            console.print(_coloured(line))
    console.print(Text("█ runs   ░ waits in the queue", "dim"))


def _coloured(line: str) -> Any:
    from rich.text import Text

    drawn = Text(no_wrap=True)
    styles = {"#": ("█", "green"), ".": ("░", "yellow"), " ": (" ", "")}
    for character, stretch in itertools.groupby(line):
        block, style = styles[character]
        drawn.append(block * len(list(stretch)), style)
    return drawn
