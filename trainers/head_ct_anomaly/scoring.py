"""The outcome of an autoencoder: how well the scores of its cases tell abnormal ones from normal ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bohpo.evaluation import RocBootstrap, ScoredCase, bootstrap_roc, roc, roc_operating_intervals
from bohpo.trainer import Curve, Outcome
from trainers.head_ct_anomaly.anomaly import Examined

SPECIFICITIES, SENSITIVITIES = (0.88, 0.95), (0.68, 0.9)
"""At which sensitivities and specificities are given; the first ones are those of the JHPCN report 2018."""


THRESHOLD = "threshold_hu"
"""Name of the threshold in what is chosen and in the outcome."""


def best_threshold(examined: Sequence[Examined]) -> float:
    """Give the score, HU, from which on to call a case abnormal: where sensitivity + specificity is greatest."""
    return roc(_scored(examined)).youden_threshold


def quick_area(examined: Sequence[Examined]) -> float:
    """Give the area under the ROC curve alone, for reports on the way; one half where the cases are of one kind."""
    if len({each.is_abnormal for each in examined}) < 2:
        return 0.5
    return roc(_scored(examined)).area


def score(examined: Sequence[Examined], threshold_hu: float | None = None) -> Outcome:
    """Give the outcome of an autoencoder.

    Args:
        examined: Cases of both kinds.
        threshold_hu: Score from which on a case is called abnormal, chosen on the validation cases; None if there is
            none.

    Returns:
        Value and `roc_auc`: the area under the ROC curve, its variance by bootstrap over the cases. Operating points in
        both directions with their intervals. `sensitivity_at_threshold` and its like are those of the threshold
        given: on the validation cases, which it was chosen on, they flatter. `worst_on_finding` is the share of the
        abnormal cases whose worst patch touches a finding, where that is known. Curve `roc` with its 95% band.

    Raises:
        EvaluationError: If all cases are of one kind.
    """
    scored = _scored(examined)
    spread = bootstrap_roc(scored)
    metrics = {
        "roc_auc": spread.estimate,
        "roc_auc_low": spread.low,
        "roc_auc_high": spread.high,
        **_operating_metrics(scored),
        **_metrics_at(threshold_hu, examined),
        "cases": float(len(examined)),
        "abnormal_cases": float(sum(each.is_abnormal for each in examined)),
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


def _metrics_at(threshold_hu: float | None, examined: Sequence[Examined]) -> dict[str, float]:
    if threshold_hu is None:
        return {}
    is_called = np.array([each.score >= threshold_hu for each in examined])
    is_abnormal = np.array([each.is_abnormal for each in examined])
    return {
        THRESHOLD: threshold_hu,
        "sensitivity_at_threshold": float(is_called[is_abnormal].mean()),
        "specificity_at_threshold": float(1 - is_called[~is_abnormal].mean()),
    }


def _scored(examined: Sequence[Examined]) -> list[ScoredCase]:
    return [ScoredCase(each.name, each.score, each.is_abnormal, each.patient) for each in examined]


def _roc_curve(spread: RocBootstrap) -> Curve:
    return Curve(
        x=tuple(spread.false_positive_rate.tolist()),
        y=tuple(spread.sensitivity.tolist()),
        lower=tuple(spread.lower.tolist()),
        upper=tuple(spread.upper.tolist()),
        x_label="1 - specificity",
        y_label="Sensitivity",
    )
