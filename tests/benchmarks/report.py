"""The tables that are printed: all samplers over all pairs, each task, each part of the recipe."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tests.benchmarks.paired import Interval, is_worse, mean_of, ratio_of_means, sign_test, wins_and_losses
from tests.benchmarks.runs import Run
from tests.benchmarks.samplers import BOHPO

STRONGEST_PEERS = ("gp", "tpe")
"""bohpo is held, on every single task, against the better of these."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Runs of the pairs that every sampler has played.

    Attributes:
        runs: Sampler -> its runs, in the same order of pairs for all samplers.
    """

    runs: Mapping[str, Sequence[Run]]

    @classmethod
    def of(cls, runs: Iterable[Run]) -> Pairs:
        """Arrange runs by sampler and leave out the pairs that not all samplers have played."""
        table: dict[str, dict[tuple[str, int], Run]] = {}
        for run in runs:
            table.setdefault(run.job.sampler, {})[run.job.pair] = run
        played = [set(row) for row in table.values()]
        pairs = sorted(set.intersection(*played)) if played else []
        return cls({sampler: [row[pair] for pair in pairs] for sampler, row in table.items()})

    @property
    def tasks(self) -> list[str]:
        """Tasks, by name."""
        return sorted({run.job.task for runs in self.runs.values() for run in runs})

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return len(next(iter(self.runs.values()), ()))

    def on(self, task: str) -> Pairs:
        """Keep the pairs of one task."""
        return Pairs({sampler: [run for run in runs if run.job.task == task] for sampler, runs in self.runs.items()})

    def at_half(self, sampler: str) -> list[float]:
        """Give a sampler's regrets after half of the trainings."""
        return [run.regret_at_half for run in self.runs[sampler]]

    def at_end(self, sampler: str) -> list[float]:
        """Give a sampler's regrets after all of the trainings."""
        return [run.regret_at_end for run in self.runs[sampler]]


def paired_table(pairs: Pairs, reference: str) -> str:
    """Compare all samplers with one of them, over all pairs."""
    title = ["", *_over("after half", 2), *_over("at the end", 4), *_over("ask, s", 2)]
    head = ["sampler", "regret", f"/ {reference}", "regret", f"/ {reference}", "won/lost", "p", "median", "p95"]
    rows = [_paired_row(pairs, sampler, reference) for sampler in pairs.runs]
    note = (
        "regret: 0 the best known configuration, 1 the median random one; ratios with 90% intervals, p of a sign test"
    )
    return f"{_heading(pairs)}\n{note}\n\n{columns([title, head, *rows])}"


def task_table(pairs: Pairs) -> str:
    """Compare all samplers on each task, and mark where bohpo is behind."""
    head = ["task", "pairs", *pairs.runs, ""]
    rows = [_task_row(pairs.on(task), task) for task in pairs.tasks]
    note = "regret at the end: mean ± standard error"
    if BOHPO in pairs.runs and _peers(pairs):
        note += f"; WORSE: bohpo is behind the better of {' and '.join(_peers(pairs))} by over two standard errors"
    return f"{note}\n\n{columns([head, *rows])}"


def ablation_table(pairs: Pairs) -> str:
    """Compare bohpo with each of its variants."""
    variants = [sampler for sampler in pairs.runs if sampler != BOHPO]
    head = ["", "after half", "at the end", "won/lost", "p"]
    rows = [_ablation_row(pairs, variant) for variant in variants]
    note = "regret x 1000 that leaving a part out costs: mean ± standard error; positive = the part earns its place"
    return f"{_heading(pairs)}\n{note}\n\n{columns([head, *rows])}"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Align cells: the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def _heading(pairs: Pairs) -> str:
    job = next(run.job for runs in pairs.runs.values() for run in runs)
    return f"tasks {len(pairs.tasks)}, pairs {pairs.count}, workers {job.workers}, trials {job.trials}"


def _over(title: str, count: int) -> list[str]:
    """Write a title over the last of so many columns."""
    return [""] * (count - 1) + [title]


def _paired_row(pairs: Pairs, sampler: str, reference: str) -> list[str]:
    def compared(regrets: Callable[[str], list[float]]) -> list[str]:
        ratio = ratio_of_means(regrets(sampler), regrets(reference))
        return [f"{np.mean(regrets(sampler)):.4f}", "" if sampler == reference else _interval(ratio)]

    ask = np.concatenate([run.ask for run in pairs.runs[sampler]])
    return [
        sampler,
        *compared(pairs.at_half),
        *compared(pairs.at_end),
        *(["", ""] if sampler == reference else _score(pairs.at_end(sampler), pairs.at_end(reference))),
        f"{np.median(ask):.4f}",
        f"{np.quantile(ask, 0.95):.4f}",
    ]


def _task_row(pairs: Pairs, task: str) -> list[str]:
    means = {sampler: mean_of(pairs.at_end(sampler)) for sampler in pairs.runs}
    cells = [f"{mean.mean:.3f}{_error(mean.error, 3)}" for mean in means.values()]
    peers = _peers(pairs)
    mark = ""
    if BOHPO in means and peers:
        better = min(peers, key=lambda peer: means[peer].mean)
        mark = f"WORSE than {better}" if is_worse(pairs.at_end(BOHPO), pairs.at_end(better)) else ""
    return [task, str(pairs.count), *cells, mark]


def _ablation_row(pairs: Pairs, variant: str) -> list[str]:
    def cost(regrets: Callable[[str], list[float]]) -> str:
        cost = mean_of([1000 * (off - on) for off, on in zip(regrets(variant), regrets(BOHPO), strict=True)])
        return f"{cost.mean:+.0f}{_error(cost.error, 0)}"

    return [
        variant.removeprefix(f"{BOHPO} "),
        cost(pairs.at_half),
        cost(pairs.at_end),
        *_score(pairs.at_end(variant), pairs.at_end(BOHPO)),
    ]


def _score(regrets: Sequence[float], reference: Sequence[float]) -> list[str]:
    wins, losses = wins_and_losses(regrets, reference)
    return [f"{wins}/{losses}", f"{sign_test(wins, losses):.2g}"]


def _peers(pairs: Pairs) -> list[str]:
    return [peer for peer in STRONGEST_PEERS if peer in pairs.runs]


def _error(error: float, digits: int) -> str:
    """Write a standard error, if there is one: a single pair has none."""
    return "" if math.isnan(error) else f" ± {error:.{digits}f}"


def _interval(interval: Interval) -> str:
    return f"{interval.estimate:.2f} ({interval.low:.2f}-{interval.high:.2f})"
