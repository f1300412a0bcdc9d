"""Ask of each part of the recipe what it earns: bohpo without it, paired with bohpo as it is.

    python -m tests.benchmarks.ablation --seeds 10 --out ablation.jsonl --processes 2

A pair is a task and a seed; differences below twice their standard error are noise. Runs that are in the --out file are
not repeated: use a new file for new code.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from tests.benchmarks.arguments import add_race_options, answer, exit_code_of, parser_of, play_all
from tests.benchmarks.report import Pairs, ablation_table
from tests.benchmarks.samplers import ABLATIONS, BOHPO, sampler_names


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code."""
    parser = parser_of("ablation", __doc__)
    parser.add_argument("--only", help="parts of the recipe, comma-separated; by default all")
    add_race_options(parser, "ablation.jsonl")
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: ablate(options))


def ablate(options: argparse.Namespace) -> None:
    """Play all runs and print the table.

    Raises:
        UsageError: If a part or a task is unknown.
    """
    parts = ",".join(ABLATIONS) if options.only is None else options.only
    pairs = Pairs.of(play_all(options, sampler_names(BOHPO, parts)))
    answer(ablation_table(pairs))


if __name__ == "__main__":
    raise SystemExit(main())
