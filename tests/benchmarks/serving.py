"""Measure the service on a large campaign: how soon it shows it, what viewers cost it, and what they cost the driver.

    python -m tests.benchmarks.serving

Ready: from asking for the campaign's page to holding its figures, by a service that has not read the campaign yet.
Tick: one more result is recorded; every viewer hears of it and asks again for what it sees: the standing, the headline,
the best configuration and the progress at the top of the page, or all that does not ask the model. The service's
processor time of a tick does not depend on what else the machine does; the wall time, from the first viewer that hears
of it to the last that has what it sees, does, as viewers and service share it. optuna-dashboard, where it is
installed, answers one more result's worth of its own page to as many viewers, on the same database. Driver: results
recorded per second while the viewers look, over those while nobody does, in turns.
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
from tests.benchmarks.arguments import answer, exit_code_of, parser_of, positive, talk
from tests.benchmarks.filled_database import NAME, fill
from tests.benchmarks.readers import record_result
from tests.benchmarks.report import columns
from tests.benchmarks.viewers import Audience, Service, fetch, start_dashboard, start_service

PAGE = f"/campaigns/{NAME}"
TOP = (*(f"{PAGE}/parts/{part}" for part in ("standing", "headline", "best")), f"{PAGE}/figures/progress")
BELOW = (
    *(f"{PAGE}/figures/{figure}" for figure in ("froc", "parallel", "slices", "timeline", "learning")),
    *(f"{PAGE}/parts/{part}" for part in ("trials", "history", "operating")),
)
QUIET_S = 2.5
"""Nothing was heard for so long: everybody has been told of everything."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What ticks cost.

    Attributes:
        ready_s: Until the campaign was there, in seconds.
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
    parser.add_argument("--turns", type=positive, default=3, help="turns with and without viewers")
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: report(options))


def report(options: argparse.Namespace) -> None:
    """Measure everything and print it."""
    with tempfile.TemporaryDirectory(prefix="bohpo-serving-") as name:
        folder = Path(name)
        database = folder / "bohpo.db"
        talk(f"{options.trials} trials ...")
        fill(str(database), options.trials)
        rows = []
        for what, seen in (("top of the page", TOP), ("whole page", TOP + BELOW)):
            talk(f"{what} ...")
            with start_service(folder) as service:
                rows.append([f"bohpo, {what}", *_cells(_watched(service, database, seen, options))])
                talk("  ".join(rows[-1]))
        talk("optuna-dashboard ...")
        with start_dashboard(folder) as dashboard:
            if dashboard is None:
                talk("optuna-dashboard is not installed; `pip install optuna-dashboard`")
            else:
                rows.append(["optuna-dashboard", *_cells(_asked_again(dashboard, database, options))])
                talk("  ".join(rows[-1]))
        talk("the driver, watched and alone ...")
        with start_service(folder) as service:
            alone, watched = _driver(service, database, options)
        head = ["", "ready, s", "processor, ms", "most", "wall, ms", "most"]
        ratio = statistics.median(w / a for w, a in zip(watched, alone, strict=True))
        speed = f"{statistics.median(watched):.1f} with {options.viewers} viewers, {statistics.median(alone):.1f} alone"
        title = f"{options.trials:,} trials, {options.viewers} viewers, medians of {options.ticks} ticks"
        told = f"results recorded per second: {speed}; ratio {ratio:.3f} (median of {options.turns} turns)"
        answer(f"{title}\n\n{columns([head, *rows])}\n\n{told}")


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
        for _ in range(options.ticks):
            record()
            before, began = dashboard.processor_s, time.perf_counter()
            for _ in range(options.viewers):
                fetch(dashboard.address, f"/api/studies/1?after={options.trials}")
            processor.append(dashboard.processor_s - before)
            wall.append(time.perf_counter() - began)
    return Cost(ready_s, processor, wall)


def _driver(service: Service, database: Path, options: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Give results recorded per second, alone and watched, in turns."""
    fetch(service.address, PAGE)
    alone, watched = [], []
    with _recorder(database) as record:
        for _ in range(options.turns):
            alone.append(_speed(record, options.results))
            with Audience(service.address, NAME, TOP, options.viewers) as audience:
                audience.settle(QUIET_S)
                watched.append(_speed(record, options.results))
    return alone, watched


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
