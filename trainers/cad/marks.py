"""The outcome of a detector: what its marks on the cases are worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bohpo.errors import UsageError
from bohpo.evaluation import Bootstrap, bootstrap, cpm, froc, operating_intervals, partial_area, partial_auc
from bohpo.evaluation import Case as MarkedCase
from bohpo.trainer import Curve, Outcome
from trainers.cad.candidates import Peaks
from trainers.cad.case import Case, Split

CURVE_FPS_PER_CASE = 10.0
OPERATING_SENSITIVITIES = (0.7, 0.8, 0.9)


def require_lesions(cases: Sequence[Case], split: Split) -> None:
    """Refuse a split of cases that no detector can learn from or be scored on.

    Raises:
        UsageError: If none of them has a lesion.
    """
    if not any(len(case.centres) for case in cases):
        raise UsageError(f"none of the {len(cases)} {split} cases has a lesion; add cases, or change their split")


def mark(case: Case, peaks: Peaks) -> MarkedCase:
    """Put a detector's marks beside the lesions of their case."""
    found = (case.to_world(peaks.points), peaks.heights)
    return MarkedCase(
        case.name, case.centres, case.diameters, *found, case.excluded, case.excluded_diameters, case.patient
    )


def quick_partial_auc(cases: Sequence[MarkedCase], limit: float) -> float:
    """Give the partial area alone, for reports on the way; 0 where the cases have no lesion."""
    if not any(len(case.lesions) for case in cases):
        return 0.0
    return partial_auc(froc(cases), limit)


def score(cases: Sequence[MarkedCase], limit: float) -> Outcome:
    """Give the outcome of a detector.

    Args:
        cases: Marked cases, two at least, one of them with a lesion.
        limit: False positives per case up to which the curve is integrated.

    Returns:
        Value and `partial_auc`: the normalised partial area, its variance by bootstrap over the cases. Operating points
        in both directions with their intervals. Curve `froc` up to 10 false positives per case with its 95% band.

    Raises:
        EvaluationError: If the cases have no lesion at all.
    """
    curve, spread = froc(cases), bootstrap(cases, limit)
    metrics = {
        "partial_auc": spread.estimate,
        "partial_area": partial_area(curve, limit),
        "partial_auc_low": spread.low,
        "partial_auc_high": spread.high,
        **_operating_metrics(cases, limit),
        "cpm": cpm(curve),
        "cases": float(curve.n_cases),
        "lesions": float(curve.n_lesions),
    }
    return Outcome(spread.estimate, spread.variance, metrics, {"froc": _froc_curve(cases, spread, limit)})


def _operating_metrics(cases: Sequence[MarkedCase], limit: float) -> dict[str, float]:
    """Give the operating points with their 95% intervals; what is never reached is left out."""
    all_fps = sorted({1.0, limit})
    intervals = operating_intervals(cases, fps_per_case=all_fps, sensitivities=OPERATING_SENSITIVITIES)
    by_fps, by_sensitivity = intervals[: len(all_fps)], intervals[len(all_fps) :]
    points = [(f"sensitivity_at_{each.point.fps_per_case:g}", each.point.sensitivity, each) for each in by_fps]
    points += [
        (f"fps_per_case_at_sensitivity_{each.point.sensitivity:g}", each.point.fps_per_case, each)
        for each in by_sensitivity
        if each.point.fps_per_case is not None
    ]
    figures: dict[str, float | None] = {}
    for name, figure, each in points:
        figures |= {name: figure, f"{name}_low": each.low, f"{name}_high": each.high}
    return {name: figure for name, figure in figures.items() if figure is not None}


def _froc_curve(cases: Sequence[MarkedCase], fine: Bootstrap, limit: float) -> Curve:
    """Draw the curve on two grids: a fine one up to the limit, a coarse one beyond."""
    coarse = bootstrap(cases, CURVE_FPS_PER_CASE) if limit < CURVE_FPS_PER_CASE else fine
    beyond = coarse.fps_per_case > limit

    def column(name: str) -> tuple[float, ...]:
        return tuple(np.concatenate([getattr(fine, name), getattr(coarse, name)[beyond]]).tolist())

    return Curve(
        x=column("fps_per_case"),
        y=column("sensitivity"),
        lower=column("lower"),
        upper=column("upper"),
        x_label="False positives per case",
        y_label="Sensitivity",
    )
