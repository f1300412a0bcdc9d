"""Run a campaign of quick trials under a watched service, and show that neither process grows.

    python -m tests.benchmarks.soak --out soak

A driver keeps its jobs running for the given time. The service serves the campaign to viewers who open a page and ask
again after every result. Every few seconds the resident memory, descriptors, threads and log length of both processes
are sampled. `OUT.csv` has the samples, `OUT.html` draws them against the number of finished trials, `OUT.png` is its
picture if Chromium is installed.

The table compares the second half of the run with the first. The driver and the service keep every trial in memory, so
memory is also given as a slope over the second half, in KiB per finished trial.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from bohpo.errors import NotFoundError, StoreError
from bohpo.store import Store, TrialsReader, open_store
from tests.benchmarks.arguments import answer, exit_code_of, parser_of, positive, positive_number
from tests.benchmarks.report import columns
from tests.benchmarks.resources import Sample, Usage, read_usage
from tests.benchmarks.serving import BELOW, TOP
from tests.benchmarks.soak_figure import draw_samples
from tests.benchmarks.viewers import PATIENCE_S, Audience, start_service

NAME = "soak"
START_S = 0.9
"""About what a job takes beside its training on a busy core: an interpreter starts, and its outcome is recorded."""
LOGGED = ("driver", "service")

STUDY = """\
name = "{name}"
command = ["sh", "-c", '''sleep {seconds:.2f}; echo "{{\\"value\\": 0.$$}}" > "$BOHPO_DIRECTORY/outcome.json"''']

[objective]
metric = "value"
direction = "maximize"

[budget]
trials = {trials}

[parallel]
jobs = {jobs}
threads = 1

[space]
rate = {{ type = "float", low = 1e-4, high = 0.3, log = true }}
decay = {{ type = "float", low = 1e-6, high = 1e-1, log = true }}
depth = {{ type = "int", low = 2, high = 6 }}
optimizer = {{ type = "categorical", choices = ["adamw", "sgd"] }}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = parser_of("soak", __doc__)
    parser.add_argument("--trials", type=positive, default=3000, help="by default 3000")
    parser.add_argument("--minutes", type=positive_number, default=60, help="time that the trials are spread over")
    parser.add_argument("--viewers", type=positive, default=20, help="by default 20")
    parser.add_argument("--jobs", type=positive, default=8, help="trainings at a time; by default 8")
    parser.add_argument("--every", type=positive, default=10, help="seconds between samples")
    parser.add_argument("--out", type=Path, default=Path("soak"), help="files' path without their suffix")
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: run(options))


def run(options: argparse.Namespace) -> None:
    """Run the campaign, write the files and print the table."""
    with tempfile.TemporaryDirectory(prefix="bohpo-soak-") as name:
        samples, trials = measure(Path(name), options)
    write_csv(options.out.with_suffix(".csv"), samples)
    title = (
        f"{trials:,} trials in {samples[-1].seconds / 60:.0f} min, {options.viewers} viewers, {os.cpu_count()} cores"
    )
    draw_samples(options.out, title, samples)
    answer(title)
    answer(summarize(samples))


def measure(folder: Path, options: argparse.Namespace) -> tuple[list[Sample], int]:
    """Run a driver and a watched service in a folder.

    Returns:
        The samples in order of time, and how many trials finished.

    Raises:
        RuntimeError: If the driver ended with an error, or a viewer was turned away.
    """
    seconds = max(options.jobs * options.minutes * 60 / options.trials - START_S, 0.0)
    text = STUDY.format(name=NAME, seconds=seconds, trials=options.trials, jobs=options.jobs)
    (folder / f"{NAME}.toml").write_text(text)
    logs = {process: folder / f"{process}.log" for process in LOGGED}
    database = folder / "bohpo.db"
    pages = (f"/campaigns/{NAME}{path.removeprefix(_page_of(path))}" for path in TOP + BELOW)
    began = time.monotonic()
    with contextlib.closing(open_store(str(database))) as store, _driving(folder, logs["driver"]) as driver:
        _wait_for_trials(store, driver)
        with (
            start_service(folder, log=logs["service"]) as service,
            Audience(service.address, NAME, tuple(pages), options.viewers) as audience,
        ):
            audience.wait()
            pids = {"driver": driver.pid, "service": service.pid}
            samples: list[Sample] = []
            while driver.poll() is None:
                if not audience.is_complete:
                    raise RuntimeError(f"a viewer was turned away: {logs['service'].read_text()[-2000:]}")
                samples += _sample(pids, logs, time.monotonic() - began, _finished(store))
                _wait(driver, options.every)
        if driver.returncode != 0:
            raise RuntimeError(f"the driver ended with {driver.returncode}: {logs['driver'].read_text()[-2000:]}")
        return samples, _finished(store)


def _page_of(path: str) -> str:
    return "/".join(path.split("/")[:3])


@contextlib.contextmanager
def _driving(folder: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = ("launch", f"{NAME}.toml", f"--store={folder / 'bohpo.db'}", f"--directory={folder / 'campaigns'}")
    with (
        log.open("wb") as file,
        subprocess.Popen(
            (sys.executable, "-m", "bohpo", *words), cwd=folder, stdout=subprocess.DEVNULL, stderr=file
        ) as driver,
    ):
        try:
            yield driver
        finally:
            driver.kill()


def _wait_for_trials(store: Store, driver: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not _finished(store):
        if driver.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError(f"no trial finished, exit code {driver.returncode}")
        time.sleep(0.2)


def _finished(store: Store) -> int:
    try:
        return sum(trial.value is not None for trial in TrialsReader(store, NAME).read())
    except (NotFoundError, StoreError):
        return 0


def _sample(pids: dict[str, int], logs: dict[str, Path], seconds: float, finished: int) -> Iterator[Sample]:
    for process, pid in pids.items():
        with contextlib.suppress(OSError):  # it ends just now
            yield Sample(process, seconds, finished, read_usage(pid, logs[process]))


def _wait(driver: subprocess.Popen[bytes], seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        driver.wait(seconds)


def write_csv(path: Path, samples: Sequence[Sample]) -> None:
    """Write the samples, a row each."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("process", "seconds", "finished", *(field.name for field in fields(Usage))))
        for sample in samples:
            figures = asdict(sample.usage).values()
            writer.writerow((sample.process, f"{sample.seconds:.1f}", sample.finished, *(f"{f:.2f}" for f in figures)))


def summarize(samples: Sequence[Sample]) -> str:
    """Return a table: medians of both halves of the run, the worst, and the memory's slope over the second half."""
    rows = [["", "first half", "second half", "most", "per trial, second half"]]
    for process in LOGGED:
        own = [sample for sample in samples if sample.process == process]
        halves = own[: len(own) // 2], own[len(own) // 2 :]
        for field, unit in (("rss_mib", "KiB"), ("descriptors", ""), ("threads", ""), ("log_kib", "KiB")):
            columns_ = [[float(getattr(sample.usage, field)) for sample in half] for half in halves]
            slope = _slope([sample.finished for sample in halves[1]], columns_[1])
            scaled = f"{1024 * slope:.2f} KiB" if field == "rss_mib" else f"{slope:.4f} {unit}".strip()
            medians = [f"{statistics.median(column):.1f}" for column in columns_]
            rows.append([f"{process}, {field}", *medians, f"{max(columns_[0] + columns_[1]):.1f}", scaled])
    return columns(rows)


def _slope(x: Sequence[float], y: Sequence[float]) -> float:
    return float(np.polyfit(x, y, 1)[0]) if len(set(x)) > 1 else 0.0


if __name__ == "__main__":
    raise SystemExit(main())
