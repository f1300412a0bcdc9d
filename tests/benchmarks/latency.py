"""Time what a proposal costs, one thread, twelve mixed parameters, bohpo and GPSampler side by side.

    python -m tests.benchmarks.latency

Steady: the median proposal of a campaign in full swing, where between two proposals one trial ends and the proposed one
runs. Cold: the first proposal of a fresh sampler, as after a restart. `ask` is Optuna's `study.ask`; `propose` is
`bohpo.optimizer.propose` itself. The contenders take turns, so that a busy machine slows down all of them; absolute
figures mean something on an idle one only.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bohpo.optimizer import BayesianSampler
from tests.benchmarks.arguments import answer, exit_code_of, parser_of, positive, talk
from tests.benchmarks.processes import one_thread_each
from tests.benchmarks.report import columns
from tests.benchmarks.samplers import PEERS
from tests.benchmarks.steady_state import Contender, FunctionContender, Size, StudyContender, filled_study

SIZES = "50/8,200/8,1000/64,10000/1000,100000/4096"
LARGEST_FOR_GP = 200
"""Completed trials up to which GPSampler is asked, too; it is not made for larger campaigns."""

BOHPO, PROPOSE, GP = "bohpo ask", "propose", "GPSampler ask"


@dataclass(frozen=True, slots=True)
class Latency:
    """What a proposal costs.

    Attributes:
        cold_s: Median first proposal of a fresh sampler, in seconds.
        steady_s: Median proposal after that, in seconds.
    """

    cold_s: float
    steady_s: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code."""
    parser = parser_of("latency", __doc__)
    parser.add_argument("--sizes", type=sizes, default=sizes(SIZES), help=f"completed/pending; by default {SIZES}")
    parser.add_argument("--all", action="store_true", help="GPSampler up to 1000 completed trials, too")
    parser.add_argument("--repeats", type=positive, default=9, help="proposals of each contender in each state")
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: report(options))


def sizes(text: str) -> list[Size]:
    """Read sizes as in 50/8,200/8."""
    try:
        pairs = [tuple(map(positive, word.split("/"))) for word in text.split(",")]
        return [Size(completed, pending) for completed, pending in pairs]
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of completed/pending, as in 50/8,200/8") from error


def report(options: argparse.Namespace) -> None:
    """Measure all sizes and print the table; every size has a process of its own."""
    rows = []
    for size in options.sizes:
        talk(f"{size.completed} completed, {size.pending} pending ...")
        with_gp = size.completed <= (1000 if options.all else LARGEST_FOR_GP)
        with one_thread_each(1) as executor:
            latencies = executor.submit(measure, size, repeats=options.repeats, with_gp=with_gp).result()
        rows.append(_row(size, latencies))
    title = ["", "steady", "", "", "", "cold", "", "", ""]
    head = ["completed/pending", *2 * (BOHPO, PROPOSE, GP, "ratio of asks")]
    answer(f"ms, medians of {options.repeats}\n\n{columns([title, head, *rows])}")


def measure(size: Size, *, repeats: int, with_gp: bool) -> dict[str, Latency]:
    """Time the contenders in turns; to be run in a process of one thread.

    Args:
        size: How far the campaign is.
        repeats: Proposals of each contender, cold and steady.
        with_gp: Whether GPSampler is one of them.
    """
    import torch

    torch.set_num_threads(1)
    _load(with_gp)
    cold = _in_turns(_contenders(size, with_gp), repeats, is_cold=True)
    steady = _in_turns(_contenders(size, with_gp), repeats + 1, is_cold=False)
    return {
        name: Latency(statistics.median(seconds), statistics.median(steady[name][1:]))  # the first one is cold, too
        for name, seconds in cold.items()
    }


def _in_turns(contenders: Mapping[str, Contender], rounds: int, *, is_cold: bool) -> dict[str, list[float]]:
    """Let each contender propose once a round, afresh every time or not, and give the seconds that it took."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            if is_cold:
                contender.forget()
            taken[name].append(contender.propose())
    return taken


def _contenders(size: Size, with_gp: bool) -> dict[str, Contender]:
    contenders: dict[str, Contender] = {
        BOHPO: StudyContender(filled_study(size), partial(BayesianSampler, seed=0), size),
        PROPOSE: FunctionContender(size),
    }
    if with_gp:
        contenders[GP] = StudyContender(filled_study(size), partial(PEERS["gp"], 0), size)
    return contenders


def _load(with_gp: bool) -> None:
    """Propose in a tiny campaign, so that loading the libraries is nobody's proposal."""
    for contender in _contenders(Size(12, 1), with_gp).values():
        contender.propose()


def _row(size: Size, latencies: Mapping[str, Latency]) -> list[str]:
    columns_of_states = (
        {name: latency.steady_s for name, latency in latencies.items()},
        {name: latency.cold_s for name, latency in latencies.items()},
    )
    return [str(size), *(cell for seconds in columns_of_states for cell in _cells(seconds))]


def _cells(seconds: Mapping[str, float]) -> list[str]:
    ratio = seconds[GP] / seconds[BOHPO] if GP in seconds else math.nan
    milliseconds = [f"{1000 * seconds[name]:.1f}" if name in seconds else "" for name in (BOHPO, PROPOSE, GP)]
    return [*milliseconds, "" if math.isnan(ratio) else f"{ratio:.1f}"]


if __name__ == "__main__":
    raise SystemExit(main())
