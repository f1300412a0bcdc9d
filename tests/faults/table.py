"""The promises, what was measured of each, and by which command: `python -m tests.faults.table`.

It runs the tests that measure (with --long also those that take minutes, and a thousand kills) and prints the table as
Markdown. With --figures FILE it prints what was measured before. A program that takes hours may be run by itself, with
BOHPO_FIGURES naming a file for its figures: with --known FILE it is not run again, and its figures are in the table.
Times are of this machine: measure it alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.figures import FILE, Figure, read_figures

PROMISES = {
    "P1": ("An acknowledged result is never lost", "0 lost over 1,000 kill -9 of driver, worker and database"),
    "P2": ("A proposal is idempotent: one uid, one trial", "0 duplicates, a lost COMMIT acknowledgement included"),
    "P3": ("The first valid outcome wins; a repeat changes nothing", "1,000 repeated reports, 0 changes"),
    "P4": ("No zombies: every RUNNING trial resolves", "0 when a campaign ends"),
    "P5": ("One writer", "0 stale writes in 100 SIGSTOP/SIGCONT cycles; take-over within 1.5 leases + 5 s"),
    "P6": ("A restarted driver resumes by itself", "within 10 s at 5,000 trials, 30 s at 20,000"),
    "P7": ("A database outage stalls a campaign, never ends it", "10 minutes; progress within 10 s of its return"),
    "P8": ("Lost compute is bounded", "one checkpoint interval; same configuration and seed"),
    "P9": ("A poison configuration is contained", "3 attempts, then FAILED; the campaign goes on"),
    "P10": ("Infrastructure failures never count against a configuration", "a budget of their own (20)"),
    "P11": ("Garbage is never a result", "0 recorded as complete"),
    "P12": ("No torn files", "0 in 1,000 kills"),
    "P13": ("Disk full, locked database: a clear error, integrity kept, resumes", "always"),
    "P14": ("A changed search space is refused", "always"),
    "P15": ("A driver's death costs the running trainings nothing", "their outcomes are recorded by the next driver"),
    "security": ("Nothing listens, no password is left", "0 sockets, 0 files"),
    "acceptance": ("Tiny trials on real queues", "all complete"),
}

ELSEWHERE = {
    "P1": "tests/store/test_kills.py, tests/simulation",
    "P2": "tests/store/test_lost_acknowledgement.py, tests/simulation/test_failpoints.py",
    "P3": "tests/contracts/test_store_contract.py",
    "P4": "tests/simulation/test_histories.py",
    "P5": "tests/store/test_fencing.py, tests/simulation/test_split_brain.py",
    "P7": "tests/store/test_outage.py",
    "P12": "tests/test_durable.py",
    "P13": "tests/store/test_outage.py",
    "P15": "tests/contracts/test_cluster_contract.py",
}
"""More tests that hold a promise."""

SHORT = (("pytest", "-q", "tests/faults"),)
LONG = (
    ("pytest", "-q", "tests/faults", "-m", "long"),
    ("tests.faults.restart",),
    ("tests.faults.acceptance", "slurm"),
    ("tests.faults.acceptance", "sge"),
    ("tests.faults.kills", "--kills", "1000"),
)


def table(figures: list[Figure]) -> str:
    """Write the table; a promise of which nothing was measured says so.

    Args:
        figures: In the order of their measurement; those of one promise share its row.
    """
    lines = [
        "| # | promise | wanted | measured | command | also held by |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, (promise, wanted) in PROMISES.items():
        found = [figure for figure in figures if figure.promise == name]
        measured = "<br>".join(figure.figure for figure in found) or "not measured"
        commands = "<br>".join(dict.fromkeys(f"`{figure.command}`" for figure in found))
        lines.append(f"| {name} | {promise} | {wanted} | {measured} | {commands} | {ELSEWHERE.get(name, '')} |")
    return "\n".join(lines) + "\n"


def is_of(figure: Figure, command: tuple[str, ...]) -> bool:
    """Tell whether a program measured a figure, with these arguments and perhaps more."""
    words = ("python", "-m", *command)
    return tuple(figure.command.split()[: len(words)]) == words


def measure(commands: tuple[tuple[str, ...], ...], path: Path) -> bool:
    """Run commands that append their figures to a file; give whether all ended well."""
    environment = {**os.environ, FILE: str(path)}
    runs = [subprocess.run((sys.executable, "-m", *command), env=environment, check=False) for command in commands]
    return all(run.returncode == 0 for run in runs)


def main() -> None:
    """Measure as the arguments tell, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.table", description=__doc__)
    parser.add_argument("--long", action="store_true", help="also what takes minutes to an hour")
    parser.add_argument("--figures", type=Path, help="print what this file holds, and measure nothing")
    parser.add_argument("--known", type=Path, help="do not run the programs again whose figures this file holds")
    wanted = parser.parse_args()
    commands = (*SHORT, *(LONG if wanted.long else ()))
    known = [] if wanted.known is None else read_figures(wanted.known)
    kept = [figure for figure in known if any(is_of(figure, command) for command in commands)]
    commands = tuple(command for command in commands if not any(is_of(figure, command) for figure in kept))
    with tempfile.TemporaryDirectory() as folder:
        path = wanted.figures or Path(folder) / "figures.jsonl"
        is_well = bool(wanted.figures) or measure(commands, path)
        sys.stdout.write(table([*kept, *read_figures(path)]))
    sys.exit(not is_well)


if __name__ == "__main__":
    main()
