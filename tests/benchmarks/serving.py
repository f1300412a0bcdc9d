"""Measure the service on a large campaign: how soon it shows it, what viewers cost it, and what they cost the driver.

    python -m tests.benchmarks.serving

Interactive: from asking for the campaign's page in Chromium to its figures in sight being drawn and its script having
time to answer: by its address, with nothing in the browser's cache and a service that has just started; from the list
of campaigns, which a team opens first, in another such browser; and once more. Tick: one more result is recorded; every
viewer hears of it and asks what is new of what it sees: the standing, the headline, the best configuration and the
progress at the top of the page, or all that does not ask the model. The service's processor time of a tick does not
depend on what else the machine does; the wall time, from the first viewer that hears of it to the last that has what it
sees, does, as viewers and service share it. optuna-dashboard, where it is installed, answers one more result's worth of
its own page to as many viewers, on the same database.

Recording: results that one process records per second, back to back, while the viewers look at the top of the page,
over those while nobody does, in turns. It takes all of a core, and so do viewers and service: what it says is how they
share the machine. Driver: trials that finish per minute in a campaign of trainings of some seconds, watched and not, in
turns: as on a cluster, the driver waits for jobs rather than for the processor.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bohpo.store import Owner, open_store
from tests.benchmarks import paced
from tests.benchmarks.arguments import answer, exit_code_of, parser_of, positive, talk
from tests.benchmarks.filled_database import NAME, fill
from tests.benchmarks.interactive import IS_DRAWN_BY_DASHBOARD, IS_INTERACTIVE, Opened, opened
from tests.benchmarks.readers import record_result
from tests.benchmarks.report import columns
from tests.benchmarks.viewers import Audience, Service, fetch, start_dashboard, start_service

CAMPAIGNS = "/"
PAGE = f"/campaigns/{NAME}"
TOP = (*(f"{PAGE}/parts/{part}" for part in ("standing", "headline", "best")), f"{PAGE}/figures/progress")
BELOW = (
    *(f"{PAGE}/figures/{figure}" for figure in ("froc", "parallel", "slices", "timeline", "learning")),
    *(f"{PAGE}/parts/{part}" for part in ("trials", "history", "operating")),
)
DASHBOARDS = "/dashboard/"
DASHBOARD = "/dashboard/studies/1"
DASHBOARD_TICKS = 1
"""Each takes minutes."""
QUIET_S = 2.5
"""Nothing was heard for so long: everybody has been told of everything."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What ticks cost.

    Attributes:
        ready_s: Until the campaign's page and its figures were sent, in seconds; without a browser.
        processor_s: Processor time of the service for each tick, in seconds.
        wall_s: From the first viewer that heard of a tick to the last that had what it sees, in seconds.
    """

    ready_s: float
    processor_s: Sequence[float]
    wall_s: Sequence[float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code."""
    parser = parser_of("serving", __doc__)
    parser.add_argument("--trials", type=positive, default=20_000, help="by default 20000")
    parser.add_argument("--viewers", type=positive, default=20, help="by default 20")
    parser.add_argument("--ticks", type=positive, default=10, help="results that are watched")
    parser.add_argument("--results", type=positive, default=300, help="results that the driver records in each turn")
    parser.add_argument("--seconds", type=positive, default=40, help="of each turn of the driver of trainings")
    parser.add_argument("--turns", type=positive, default=3, help="turns with and without viewers")
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: report(options))


def report(options: argparse.Namespace) -> None:
    """Measure everything and print it."""
    with tempfile.TemporaryDirectory(prefix="bohpo-serving-") as name:
        folder = Path(name)
        talk(f"{options.trials} trials ...")
        fill(str(folder / "bohpo.db"), options.trials)
        answer(f"{options.trials:,} trials, {options.viewers} viewers, {os.cpu_count()} cores")
        answer(f"\n{_interactive(folder)}")
        answer(f"\n{_ticks(folder, options)}")
        answer(f"\n{_driver(folder, options)}")


def _interactive(folder: Path) -> str:
    """Open the campaign's page, and optuna-dashboard's, in a browser."""
    rows = [["interactive, s", "by its address", "from the list", "again"]]
    with start_service(folder) as service:
        rows.append(["bohpo", *_opened(opened(service.address, CAMPAIGNS, PAGE, IS_INTERACTIVE))])
    with start_dashboard(folder) as dashboard:
        if dashboard is not None:
            rows.append(
                ["optuna-dashboard", *_opened(opened(dashboard.address, DASHBOARDS, DASHBOARD, IS_DRAWN_BY_DASHBOARD))]
            )
    return columns(rows)


def _opened(found: Opened | None) -> list[str]:
    if found is None:
        return ["no browser", "", ""]
    return [f"{seconds:.2f}" for seconds in (found.first_s, found.from_list_s, found.again_s)]


def _ticks(folder: Path, options: argparse.Namespace) -> str:
    """Have viewers hear of results."""
    database, rows = folder / "bohpo.db", []
    for what, seen in (("top of the page", TOP), ("whole page", TOP + BELOW)):
        talk(f"{what} ...")
        with start_service(folder) as service:
            rows.append([f"bohpo, {what}", *_cells(_watched(service, database, seen, options))])
    talk("optuna-dashboard ...")
    with start_dashboard(folder) as dashboard:
        if dashboard is None:
            talk("optuna-dashboard is not installed; `pip install optuna-dashboard`")
        else:
            rows.append(["optuna-dashboard", *_cells(_asked_again(dashboard, database, options))])
    head = ["a tick, medians and worst", "ready, s", "processor, ms", "worst", "wall, ms", "worst"]
    return columns([head, *rows])


def _driver(folder: Path, options: argparse.Namespace) -> str:
    """Compare how fast drivers are while somebody looks, and while nobody does."""
    talk("recording, watched and alone ...")
    rows = [["", "alone", "watched", "ratio", "of turns"]]
    with start_service(folder) as service, _recorder(folder / "bohpo.db") as record:
        fetch(service.address, PAGE)
        speeds = _in_turns(service, NAME, TOP, lambda: _speed(record, options.results), options)
        rows.append(["recording, results per second", *speeds])
    talk("a driver of trainings, watched and alone ...")
    with start_service(folder) as service, paced.driving(folder) as driven:
        seen = tuple(path.replace(NAME, paced.NAME) for path in TOP + BELOW)
        speeds = _in_turns(service, paced.NAME, seen, lambda: driven.per_minute(options.seconds), options)
        rows.append([f"driver, {paced.JOBS} trainings of {paced.TRAINING_S:g} s, trials per minute", *speeds])
    return columns(rows)


def _in_turns(
    service: Service, campaign: str, seen: Sequence[str], measure: Callable[[], float], options: argparse.Namespace
) -> list[str]:
    """Measure alone and watched, in turns: the medians, and the median of the turns' ratios with their range."""
    alone, watched = [], []
    for _ in range(options.turns):
        alone.append(measure())
        with Audience(service.address, campaign, seen, options.viewers) as audience:
            audience.wait()
            watched.append(measure())
    ratios = sorted(w / a for w, a in zip(watched, alone, strict=True))
    medians = [f"{statistics.median(speeds):.1f}" for speeds in (alone, watched)]
    return [*medians, f"{statistics.median(ratios):.3f}", f"{ratios[0]:.3f} to {ratios[-1]:.3f}"]


def _watched(service: Service, database: Path, seen: Sequence[str], options: argparse.Namespace) -> Cost:
    """Let viewers watch a campaign while results are recorded one by one."""
    began = time.perf_counter()
    for address in (PAGE, *seen):
        fetch(service.address, address)
    ready_s = time.perf_counter() - began
    processor, wall = [], []
    with Audience(service.address, NAME, seen, options.viewers) as audience, _recorder(database) as record:
        audience.settle(QUIET_S)
        for _ in range(options.ticks):
            idle = _idle_processor_s(service)
            audience.forget()
            before = service.processor_s
            record()
            audience.settle(QUIET_S)
            ticks = audience.ticks
            processor.append((service.processor_s - before - idle) / max(len(ticks), 1))
            wall += [last - first for first, last in ticks.values()]
    return Cost(ready_s, processor, wall)


def _asked_again(dashboard: Service, database: Path, options: argparse.Namespace) -> Cost:
    """Have the dashboard's page asked for what is new, by as many viewers, after each result."""
    began = time.perf_counter()
    fetch(dashboard.address, "/api/studies/1?after=0")
    ready_s = time.perf_counter() - began
    processor, wall = [], []
    with _recorder(database) as record:
        for _ in range(min(options.ticks, DASHBOARD_TICKS)):
            record()
            before, began = dashboard.processor_s, time.perf_counter()
            for _ in range(options.viewers):
                fetch(dashboard.address, f"/api/studies/1?after={options.trials}")
            processor.append(dashboard.processor_s - before)
            wall.append(time.perf_counter() - began)
    return Cost(ready_s, processor, wall)


def _speed(record: Callable[[], None], results: int) -> float:
    began = time.perf_counter()
    for _ in range(results):
        record()
    return results / (time.perf_counter() - began)


def _idle_processor_s(service: Service) -> float:
    """Give what the service needs while nothing happens, in as much time as a tick is given."""
    before = service.processor_s
    time.sleep(QUIET_S)
    return service.processor_s - before


@contextlib.contextmanager
def _recorder(database: Path) -> Iterator[Callable[[], None]]:
    store, dice = open_store(str(database)), random.Random(os.getpid())
    lease = store.acquire_lease(NAME, Owner.this_process(), 3600.0)
    try:
        yield lambda: record_result(store, lease, dice)
    finally:
        store.release_lease(lease)
        store.close()


def _cells(cost: Cost) -> list[str]:
    figures = [[1000 * seconds for seconds in column] for column in (cost.processor_s, cost.wall_s)]
    spread = [(statistics.median(column), max(column)) if column else (0.0, 0.0) for column in figures]
    return [f"{cost.ready_s:.2f}", *(f"{value:.0f}" for pair in spread for value in pair)]


if __name__ == "__main__":
    raise SystemExit(main())
