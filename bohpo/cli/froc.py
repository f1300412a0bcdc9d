"""`bohpo froc`: scores any detector's marks, given in LUNA16's CSV columns."""

from __future__ import annotations

import json as json_text
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bohpo.cli.luna16_csv import ReadCases, read_with_warnings
from bohpo.cli.output import say
from bohpo.evaluation import (
    CPM_FPS_PER_CASE,
    Bootstrap,
    FrocCurve,
    MatchedCase,
    bootstrap,
    cpm,
    describe_few,
    effective_count,
    match,
    partial_area,
)
from bohpo.evaluation import froc as froc_curve
from bohpo.evaluation.patients import number_patients, sum_by_patient

_FRACTIONS = {0.125: "1/8", 0.25: "1/4", 0.5: "1/2"}


@dataclass(frozen=True, slots=True)
class _Scores:
    """What a detector came to on some cases."""

    matched: tuple[MatchedCase, ...]
    curve: FrocCurve
    limit: float
    resamples: int
    seed: int
    interval: Bootstrap

    def counts(self) -> dict[str, int]:
        """Count what became of every lesion and every mark."""
        detected = sum(int((case.lesion_scores > -math.inf).sum()) for case in self.matched)
        on_lesions = sum(case.marks_on_lesions for case in self.matched)
        on_excluded = sum(case.marks_on_excluded for case in self.matched)
        false_positives = sum(len(case.false_positive_scores) for case in self.matched)
        return {
            "cases": self.curve.n_cases,
            "lesions": self.curve.n_lesions,
            "lesions_detected": detected,
            "lesions_missed": self.curve.n_lesions - detected,
            "marks": on_lesions + on_excluded + false_positives,
            "marks_on_lesions": on_lesions,
            "marks_on_excluded": on_excluded,
            "false_positives": false_positives,
        }


def froc(
    *,
    cases: Path,
    lesions: Path,
    marks: Path,
    excluded: Path | None = None,
    limit: float = 3.0,
    resamples: int = 1000,
    seed: int = 0,
    json: bool = False,
) -> None:
    """Score a detector's marks: FROC curve, partial AUC with its interval, CPM.

    Args:
        cases: CSV file with one seriesuid a line, scans without lesions included; with a header, at will, and a column
            patient: scans of one patient are resampled together.
        lesions: CSV file: seriesuid,coordX,coordY,coordZ,diameter_mm.
        marks: CSV file: seriesuid,coordX,coordY,coordZ,probability.
        excluded: CSV file of findings whose marks do not count, columns as the lesions' file.
        limit: False positives per case up to which the area is taken.
        resamples: Resamples of the cases for the 95% interval.
        seed: Seed of the resamples.
        json: Write one JSON object instead of the table.

    Raises:
        NotFoundError: If a file is missing.
        UsageError: If a file or an option makes no sense.
    """
    read = read_with_warnings(cases, lesions, marks, excluded)
    matched = tuple(match(case) for case in read.cases)
    interval = bootstrap(matched, limit, resamples=resamples, seed=seed)
    scores = _Scores(matched, froc_curve(matched), limit, resamples, seed, interval)
    if json:
        print(json_text.dumps(_as_json(scores), allow_nan=False))
    else:
        _print_rows(_rows(scores))
    for warning in _warnings(read):
        say(f"warning: {warning}")


def _warnings(read: ReadCases) -> list[str]:
    """List what is doubtful about the files, and whether there are few lesions."""
    patients = number_patients([case.patient for case in read.cases])
    counts = np.array([len(case.lesions) for case in read.cases])
    n_lesions, effective = int(counts.sum()), effective_count(sum_by_patient(counts, patients))
    few = describe_few(n_lesions, effective, split="given")
    return [*read.warnings, *([few] if few else [])]


def _as_json(scores: _Scores) -> dict[str, Any]:
    curve, interval = scores.curve, scores.interval
    return {
        "schema": 1,
        "partial_auc": {
            "limit": scores.limit,
            "value": interval.estimate,
            "low": interval.low,
            "high": interval.high,
            "confidence": interval.confidence,
            "variance": interval.variance,
            "resamples": scores.resamples,
            "seed": scores.seed,
        },
        "partial_area": partial_area(curve, scores.limit),
        "cpm": cpm(curve),
        "operating_points": [{"fps_per_case": fps, "sensitivity": curve.at(fps)} for fps in CPM_FPS_PER_CASE],
        "counts": scores.counts(),
        "curve": {
            "fps_per_case": curve.fps_per_case.tolist(),
            "sensitivity": curve.sensitivity.tolist(),
            # JSON has no infinity: null stands for the first point's threshold, which no mark reaches.
            "thresholds": [None, *curve.thresholds[1:].tolist()],
        },
        "band": {
            "fps_per_case": interval.fps_per_case.tolist(),
            "sensitivity": interval.sensitivity.tolist(),
            "lower": interval.lower.tolist(),
            "upper": interval.upper.tolist(),
        },
    }


def _rows(scores: _Scores) -> list[tuple[str, str, str]]:
    """Lay the scores out as (name, figure, remark)."""
    curve, interval, counts = scores.curve, scores.interval, scores.counts()
    reach = f"0 to {scores.limit:g} FPs per case"
    last = float(curve.fps_per_case[-1])
    end = f"the curve ends at {last:.4g}"
    remark = f"{interval.confidence:.0%} interval {interval.low:.4f} to {interval.high:.4f}"
    return [
        (f"partial AUC, {reach}", f"{interval.estimate:.4f}", remark),
        (f"partial area, {reach}", f"{partial_area(curve, scores.limit):.4f}", ""),
        ("CPM", f"{cpm(curve):.4f}", "mean of the seven sensitivities"),
        *(
            (
                f"sensitivity at {_FRACTIONS.get(fps, f'{fps:g}')} FPs per case",
                f"{curve.at(fps):.4f}",
                end * (fps > last),
            )
            for fps in CPM_FPS_PER_CASE
        ),
        ("cases", str(counts["cases"]), ""),
        (
            "lesions",
            str(counts["lesions"]),
            f"{counts['lesions_detected']} detected, {counts['lesions_missed']} missed",
        ),
        (
            "marks",
            str(counts["marks"]),
            f"{counts['marks_on_lesions']} on lesions, {counts['marks_on_excluded']} on excluded findings, "
            f"{counts['false_positives']} false positives",
        ),
    ]


def _print_rows(rows: list[tuple[str, str, str]]) -> None:
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="bold")
        table.add_column(justify="right")
        table.add_column(style="dim")
        for row in rows:
            table.add_row(*row)
        Console().print(table)
        return
    name_width = max(len(name) for name, _, _ in rows)
    figure_width = max(len(figure) for _, figure, _ in rows)
    for name, figure, remark in rows:
        print(f"{name:<{name_width}}  {figure:>{figure_width}}  {remark}".rstrip())
