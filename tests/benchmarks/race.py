"""Race samplers on tuning tasks: which one finds better configurations in as many trainings.

    python -m tests.benchmarks.race --samplers bohpo,gp,tpe,random --workers 8 --trials 50 --seeds 5 --out race.jsonl

Samplers: bohpo; Optuna's gp, tpe and random; ax where ax-platform is installed; or module:Class, called with seed=.
A pair is a task and a seed. Runs that are in the --out file are not repeated: use a new file for new code. How long a
proposal takes is comparable within one run of this command on one machine only.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from bohpo.errors import UsageError
from tests.benchmarks.arguments import add_race_options, answer, exit_code_of, parser_of, play_all
from tests.benchmarks.report import Pairs, paired_table, task_table
from tests.benchmarks.samplers import sampler_names


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code."""
    parser = parser_of("race", __doc__)
    parser.add_argument("--samplers", default="bohpo,gp,tpe,random", help="names, comma-separated")
    parser.add_argument("--without", default="", help="parts of the recipe; each adds bohpo without it")
    parser.add_argument("--reference", default="gp", help="the sampler that the others are compared with")
    add_race_options(parser, "race.jsonl")
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: race(options))


def race(options: argparse.Namespace) -> None:
    """Play all runs and print the tables.

    Raises:
        UsageError: If a sampler or a task is unknown.
    """
    samplers = sampler_names(options.samplers, options.without)
    if options.reference not in samplers:
        raise UsageError(
            f"{options.reference!r}, the reference, does not race; add it to --samplers or set --reference"
        )
    pairs = Pairs.of(play_all(options, samplers))
    answer(f"{paired_table(pairs, options.reference)}\n\n{task_table(pairs)}")


if __name__ == "__main__":
    raise SystemExit(main())
