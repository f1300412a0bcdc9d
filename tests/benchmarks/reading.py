"""Time how a large campaign is read and written, bohpo and Optuna on the very same database.

    python -m tests.benchmarks.reading

Cold: the first reading of a process, with the most memory that the process took, its libraries included. New: reading
again after ten more results, where both keep what they know. Recorded: results per second by one driver; of bohpo a
proposal, an attempt, an outcome and two events in two transactions, of Optuna `ask` and `tell`. Trials have twelve
parameters and one attempt. Every contender has a process of its own; absolute figures mean something on an idle machine
only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bohpo.store import open_store
from tests.benchmarks.arguments import answer, exit_code_of, parser_of, positive, talk
from tests.benchmarks.filled_database import fill
from tests.benchmarks.readers import record_results
from tests.benchmarks.report import columns
from tests.services import start_postgresql

ROOT = Path(__file__).resolve().parents[2]
SIZES = "1000,5000,20000"
NEW_RESULTS = 10
BOHPO, OPTUNA = "bohpo", "Optuna"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a contender takes.

    Attributes:
        cold_s: First reading, in seconds.
        peak_mb: Most memory of the process that read, in MB.
        libraries_mb: Memory that it took before it read.
        new_s: Median reading of what is new, in seconds.
        recorded: Results recorded per second.
    """

    cold_s: float
    peak_mb: float
    libraries_mb: float
    new_s: float
    recorded: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code."""
    parser = parser_of("reading", __doc__)
    parser.add_argument("--sizes", type=_sizes, default=_sizes(SIZES), help=f"trials; by default {SIZES}")
    parser.add_argument("--databases", default="sqlite,postgresql", help="by default sqlite,postgresql")
    parser.add_argument("--repeats", type=positive, default=5, help="readings of what is new")
    parser.add_argument("--results", type=positive, default=100, help="results that each contender records")
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: report(options))


def report(options: argparse.Namespace) -> None:
    """Measure all sizes on all databases and print the table."""
    rows = []
    for database in options.databases.split(","):
        for trials in options.sizes:
            with empty_database(database) as url:
                if url is None:
                    talk(f"{database}: its programs are missing; `make services` installs them")
                    break
                talk(f"{database}, {trials} trials ...")
                fill(url, trials)
                costs = {name: measure(url, name, options.repeats, options.results) for name in (BOHPO, OPTUNA)}
            rows.append([database, f"{trials:,}", *_cells(costs)])
    title = ["", "", "cold", "", "s", "peak", "", "MB", "new", "", "ms", "recorded", "", "1/s"]
    head = ["", "trials", *4 * (BOHPO, OPTUNA, "ratio")]
    answer(f"medians of {options.repeats}; memory with the libraries'\n\n{columns([title, head, *rows])}")


@contextmanager
def empty_database(kind: str) -> Iterator[str | None]:
    """Give the URL of an empty database, or None where its programs are missing."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="bohpo-reading-") as folder:
            yield str(Path(folder) / "bohpo.db")
        return
    try:
        server = start_postgresql()
    except pytest.skip.Exception:
        yield None
        return
    try:
        yield server.empty_database()
    finally:
        server.remove()


def measure(url: str, contender: str, repeats: int, results: int) -> Cost:
    """Time one contender in fresh processes.

    Args:
        url: A database that `fill` made.
        contender: BOHPO or OPTUNA.
        repeats: Readings of what is new.
        results: Results to record.
    """
    with _process(url, contender, "read") as process:
        cold, new = _line(process), []
        store = open_store(url)
        for _ in range(repeats):
            record_results(store, NEW_RESULTS)
            new.append(_line(process, ask=True))
        store.close()
    expected = [cold["trials"] + NEW_RESULTS * (number + 1) for number in range(repeats)]
    assert [reading["trials"] for reading in new] == expected, "a contender missed results"
    with _process(url, contender, "record", str(results)) as process:
        recorded = _line(process)
    new_s = statistics.median(reading["seconds"] for reading in new)
    return Cost(cold["seconds"], cold["peak"], cold["libraries"], new_s, 1.0 / recorded["seconds"])


@contextmanager
def _process(url: str, contender: str, *part: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.benchmarks.readers", url, contender.lower(), *part]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[str], *, ask: bool = False) -> dict[str, Any]:
    """Wait for what a process has to tell."""
    assert process.stdin is not None
    assert process.stdout is not None
    if ask:
        process.stdin.write("\n")
        process.stdin.flush()
    return dict(json.loads(process.stdout.readline()))


def _cells(costs: dict[str, Cost]) -> list[str]:
    bohpo, optuna = costs[BOHPO], costs[OPTUNA]
    pairs = (
        (bohpo.cold_s, optuna.cold_s, optuna.cold_s / bohpo.cold_s, ".2f"),
        (bohpo.peak_mb, optuna.peak_mb, optuna.peak_mb / bohpo.peak_mb, ".0f"),
        (1000 * bohpo.new_s, 1000 * optuna.new_s, optuna.new_s / bohpo.new_s, ".1f"),
        (bohpo.recorded, optuna.recorded, bohpo.recorded / optuna.recorded, ".1f"),
    )
    return [
        cell for ours, theirs, ratio, form in pairs for cell in (f"{ours:{form}}", f"{theirs:{form}}", f"{ratio:.1f}")
    ]


def _sizes(text: str) -> list[int]:
    try:
        return [positive(word) for word in text.split(",")]
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of counts, as in {SIZES}") from error


if __name__ == "__main__":
    raise SystemExit(main())
