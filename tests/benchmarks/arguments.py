"""What the commands of the referee share: their options, their talk, and how they fail."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bohpo.errors import BohpoError, Detached
from tests.benchmarks.processes import one_thread_each
from tests.benchmarks.runs import Job, Run, play
from tests.benchmarks.tasks import load_task, task_names


def positive(text: str) -> int:
    """Read a positive whole number."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def positive_number(text: str) -> float:
    """Read a positive number."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return number


def parser_of(command: str, description: str | None) -> argparse.ArgumentParser:
    """Make the parser of a command: `python -m tests.benchmarks.<command>`."""
    return argparse.ArgumentParser(
        prog=f"python -m tests.benchmarks.{command}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_race_options(parser: argparse.ArgumentParser, out: str) -> None:
    """Add the options that say what is simulated, and where."""
    parser.add_argument("--tasks", default="all", help="names, comma-separated, or shipped, catalogue, all (default)")
    parser.add_argument("--catalogue", type=Path, help="a tasks.py outside the project, with a table PUBLIC of tasks")
    parser.add_argument("--workers", type=positive, default=8, help="trainings at a time")
    parser.add_argument("--trials", type=positive, default=50, help="trainings in all")
    parser.add_argument("--seeds", type=positive, default=5, help="campaigns of each sampler on each task")
    parser.add_argument("--out", type=Path, default=Path(out), help="file of the runs; those in it are not repeated")
    parser.add_argument("--processes", type=positive, default=1, help="campaigns simulated at a time")


def play_all(options: argparse.Namespace, samplers: Sequence[str]) -> list[Run]:
    """Give all runs that the options ask for.

    Raises:
        UsageError: If a task or the file of the runs cannot be used.
        KeyboardInterrupt: If the user ended the race; what was played is in the file.
    """
    tasks = task_names(options.tasks, options.catalogue)
    for task in tasks:
        load_task(task, options.catalogue)  # what is missing is said now, not after an hour
    jobs = [
        Job(task, sampler, options.workers, options.trials, seed)
        for seed in range(options.seeds)
        for task in tasks
        for sampler in samplers
    ]
    with one_thread_each(options.processes) as executor:
        return play(jobs, options.out, executor, catalogue=options.catalogue, progress=talk)


def talk(line: str) -> None:
    """Say something that is not the result."""
    sys.stderr.write(line + "\n")


def answer(text: str) -> None:
    """Print the result."""
    sys.stdout.write(text + "\n")


def exit_code_of(command: Callable[[], None]) -> int:
    """Run a command and give its exit code; an error that was foreseen is one line on stderr."""
    try:
        command()
    except BohpoError as error:
        talk(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        talk("stopped; the same command goes on from here")
        return Detached.exit_code
    return 0
