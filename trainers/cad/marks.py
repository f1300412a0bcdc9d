"""The outcome of a detector: what its marks on the cases are worth."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence

import numpy as np

from bohpo.evaluation import Case as MarkedCase
from bohpo.evaluation import bootstrap, cpm, froc, partial_area, partial_auc
from bohpo.trainer import Curve, Outcome
from trainers.cad.candidates import Peaks
from trainers.cad.case import Case

CURVE_FPS_PER_CASE = 10.0


def mark(case: Case, peaks: Peaks) -> MarkedCase:
    """Put a detector's marks beside the aneurysms of their case."""
    return MarkedCase(case.name, case.centres, case.diameters, case.to_world(peaks.points), peaks.heights)


def quick_partial_auc(cases: Sequence[MarkedCase], limit: float) -> float:
    """Give the partial area alone, for reports on the way; 0 where the cases have no aneurysm."""
    if not any(len(case.lesions) for case in cases):
        return 0.0
    return partial_auc(froc(cases), limit)


def score(cases: Sequence[MarkedCase], limit: float, costs: Mapping[str, float]) -> Outcome:
    """Give the outcome of a detector.

    Args:
        cases: Marked cases, two at least, one of them with an aneurysm.
        limit: False positives per case up to which the curve is integrated.
        costs: Further metrics by name: seconds, throughput.

    Returns:
        Value and `partial_auc`: the normalised partial area, its variance by bootstrap over the cases. Curve `froc` up
        to 10 false positives per case with its 95% band.

    Raises:
        EvaluationError: If the cases have no aneurysm at all.
    """
    curve, spread = froc(cases), bootstrap(cases, limit)
    metrics = {
        "partial_auc": spread.estimate,
        "partial_area": partial_area(curve, limit),
        "partial_auc_low": spread.low,
        "partial_auc_high": spread.high,
        f"sensitivity_at_{limit:g}": curve.at(limit),
        "cpm": cpm(curve),
        "cases": float(curve.n_cases),
        "lesions": float(curve.n_lesions),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **costs,
    }
    return Outcome(spread.estimate, spread.variance, metrics, {"froc": _froc_curve(cases, limit)})


def _froc_curve(cases: Sequence[MarkedCase], limit: float) -> Curve:
    """Draw the curve on two grids: a fine one up to the limit, a coarse one beyond."""
    fine, coarse = bootstrap(cases, limit), bootstrap(cases, max(limit, CURVE_FPS_PER_CASE))
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
