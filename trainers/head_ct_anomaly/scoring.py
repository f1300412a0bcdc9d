"""The outcome of an autoencoder: how well the scores of its cases tell abnormal ones from normal ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bohpo.evaluation import RocBootstrap, ScoredCase, bootstrap_roc, roc, roc_operating_intervals
from bohpo.trainer import Curve, Outcome
from trainers.head_ct_anomaly.anomaly import Examined

SPECIFICITIES, SENSITIVITIES = (0.88, 0.95), (0.68, 0.9)
"""At which sensitivities and specificities are given; the first ones are those of the JHPCN report 2018."""


def quick_area(examined: Sequence[Examined]) -> float:
    """Give the area under the ROC curve alone, for reports on the way; one half where the cases are of one kind."""
    if len({each.is_abnormal for each in examined}) < 2:
        return 0.5
    return roc(_scored(examined)).area


def score(examined: Sequence[Examined]) -> Outcome:
    """Give the outcome of an autoencoder.

    Args:
        examined: Cases of both kinds.

    Returns:
        Value and `roc_auc`: the area under the ROC curve, its variance by bootstrap over the cases. Operating points in
        both directions with their intervals. `youden_*` are sensitivity and specificity at the threshold that separates
        these cases best. `worst_on_finding` is the share of the abnormal cases whose worst patch touches a finding,
        where that is known. Curve `roc` with its 95% band.

    Raises:
        EvaluationError: If all cases are of one kind.
    """
    scored = _scored(examined)
    curve, spread = roc(scored), bootstrap_roc(scored)
    is_called = np.array([each.score >= curve.youden_threshold for each in examined])
    is_abnormal = np.array([each.is_abnormal for each in examined])
    metrics = {
        "roc_auc": spread.estimate,
        "roc_auc_low": spread.low,
        "roc_auc_high": spread.high,
        **_operating_metrics(scored),
        "youden_threshold_hu": curve.youden_threshold,
        "youden_sensitivity": float(is_called[is_abnormal].mean()),
        "youden_specificity": float(1 - is_called[~is_abnormal].mean()),
        "cases": float(len(examined)),
        "abnormal_cases": float(is_abnormal.sum()),
    }
    located = [each.is_on_finding for each in examined if each.is_on_finding is not None]
    if located:
        metrics["worst_on_finding"] = float(np.mean(located))
    return Outcome(spread.estimate, spread.variance, metrics, {"roc": _roc_curve(spread)})


def _operating_metrics(scored: Sequence[ScoredCase]) -> dict[str, float]:
    names = [f"sensitivity_at_specificity_{wanted:g}" for wanted in SPECIFICITIES]
    names += [f"specificity_at_sensitivity_{wanted:g}" for wanted in SENSITIVITIES]
    points = roc_operating_intervals(scored, specificities=SPECIFICITIES, sensitivities=SENSITIVITIES)
    ends = ("", "_low", "_high")
    return {
        f"{name}{end}": figure
        for name, at in zip(names, points, strict=True)
        for end, figure in zip(ends, at, strict=True)
    }


def _scored(examined: Sequence[Examined]) -> list[ScoredCase]:
    return [ScoredCase(each.name, each.score, each.is_abnormal) for each in examined]


def _roc_curve(spread: RocBootstrap) -> Curve:
    return Curve(
        x=tuple(spread.false_positive_rate.tolist()),
        y=tuple(spread.sensitivity.tolist()),
        lower=tuple(spread.lower.tolist()),
        upper=tuple(spread.upper.tolist()),
        x_label="1 - specificity",
        y_label="Sensitivity",
    )
