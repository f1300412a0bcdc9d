"""The tables say what the runs say."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.report import Pairs, ablation_table, columns, paired_table, task_table
from tests.benchmarks.runs import Job, Run


def run(sampler: str, task: str, seed: int, half: float, end: float) -> Run:
    return Run(Job(task, sampler, 8, 2, seed), (half, end), (1.0, 2.0), (0.010, 0.030))


def runs(sampler: str, task: str, ends: Sequence[float]) -> list[Run]:
    return [run(sampler, task, seed, 2 * end, end) for seed, end in enumerate(ends)]


def cells(table: str, first: str) -> str:
    """Give the line that begins so, with one blank between its words."""
    (line,) = [line for line in table.splitlines() if line.startswith(f"{first} ")]
    return " ".join(line.split())


def test_pairs_that_not_all_samplers_have_played_are_left_out() -> None:
    pairs = Pairs.of([*runs("gp", "a", [0.1, 0.2, 0.3]), *runs("bohpo", "a", [0.4, 0.5])])
    assert pairs.count == 2
    assert pairs.at_end("gp") == [0.1, 0.2]
    assert pairs.at_end("bohpo") == [0.4, 0.5]
    assert Pairs.of([*runs("gp", "a", [0.1]), *runs("bohpo", "b", [0.4])]).count == 0


def test_the_paired_table_compares_with_the_reference() -> None:
    table = paired_table(Pairs.of([*runs("bohpo", "a", [0.1, 0.2]), *runs("gp", "a", [0.2, 0.4])]), "gp")
    assert "tasks 1, pairs 2, workers 8, trials 2" in table
    ratio = "0.50 (0.50-0.50)"
    assert cells(table, "bohpo") == f"bohpo 0.3000 {ratio} 0.1500 {ratio} 2/0 0.5 0.0200 0.0300"
    assert cells(table, "gp") == "gp 0.6000 0.3000 0.0200 0.0300"


def test_a_task_on_which_bohpo_is_behind_the_better_peer_is_marked() -> None:
    behind = [*runs("bohpo", "a", [0.30, 0.32]), *runs("gp", "a", [0.5, 0.5]), *runs("tpe", "a", [0.10, 0.11])]
    even = [*runs("bohpo", "b", [0.10, 0.32]), *runs("gp", "b", [0.2, 0.1]), *runs("tpe", "b", [0.9, 0.9])]
    table = task_table(Pairs.of(behind + even))
    assert cells(table, "a") == "a 2 0.310 ± 0.010 0.500 ± 0.000 0.105 ± 0.005 WORSE than tpe"
    assert cells(table, "b") == "b 2 0.210 ± 0.110 0.150 ± 0.050 0.900 ± 0.000"


def test_only_bohpo_is_marked_and_only_against_peers() -> None:
    table = task_table(Pairs.of([*runs("random", "a", [0.9, 0.9]), *runs("bohpo", "a", [0.1, 0.1])]))
    assert "WORSE" not in table
    assert cells(task_table(Pairs.of(runs("gp", "a", [0.5]))), "a") == "a 1 0.500"


def test_the_ablation_table_counts_in_thousandths_of_regret() -> None:
    variant = "bohpo without pending"
    table = ablation_table(Pairs.of([*runs("bohpo", "a", [0.10, 0.10]), *runs(variant, "a", [0.11, 0.13])]))
    # differences at the end 10 and 30, at half twice these
    assert cells(table, "without pending") == "without pending +40 ± 20 +20 ± 10 0/2 0.5"


def test_columns_are_aligned_and_lines_end_with_text() -> None:
    assert columns([["a", "bb", ""], ["ccc", "d", ""]]) == "a    bb\nccc   d"
