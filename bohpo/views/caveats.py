"""What to know of the best trial before it is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

from bohpo.evaluation import FEWEST_LESIONS
from bohpo.space.edges import find_edges
from bohpo.trial import Trial
from bohpo.views.campaign import QUANTILE_95, CampaignView


def caveats(view: CampaignView, best: Trial | None, completed: int) -> tuple[str, ...]:
    """List what to know of the best trial.

    Args:
        view: The campaign.
        best: Its best trial; None before the first outcome.
        completed: Number of trials with an outcome.

    Returns:
        Sentences without a full stop: parameters at an end of their range, few lesions, and that the best of many
        scores is too high. The last one is left out once the trial was scored on test cases.
    """
    if best is None:
        return ()
    edges = [edge.words for edge in find_edges(view.space, best.configuration)]
    few = describe_few_lesions(best.metrics, best.variance, "validation")
    chosen = _chosen_by_score(view, best, completed)
    return (*edges, *([few] if few else []), *([chosen] if chosen else []))


def needs_test_score(view: CampaignView, best: Trial, completed: int) -> bool:
    """Return whether the best trial was chosen among several by its score, and has no score on test cases."""
    return completed > 1 and all(evaluation.trial != best.number for evaluation in view.evaluations)


def describe_few_lesions(metrics: Mapping[str, float], variance: float | None, split: str) -> str | None:
    """Describe a score of few lesions.

    Args:
        metrics: Of the outcome.
        variance: Of its value; None if it was not measured.
        split: Which cases were scored.

    Returns:
        One sentence without a full stop; None if there are enough lesions, or the trainer does not count them.
    """
    count, noun = _count(metrics)
    if count is None or count >= FEWEST_LESIONS or variance is None:
        return None
    half = QUANTILE_95 * sqrt(variance)
    return (
        f"{count:g} {noun}{'s' * (count != 1)} in the {split} cases: the 95% interval is about ±{half:.2g} wide; "
        "do not trust smaller differences"
    )


def _count(metrics: Mapping[str, float]) -> tuple[float | None, str]:
    """Return how many lesions, or cases of the rarer kind, the shipped trainers say that they scored."""
    if "lesions" in metrics:
        return metrics["lesions"], "lesion"
    if "abnormal_cases" in metrics and "cases" in metrics:
        abnormal, normal = metrics["abnormal_cases"], metrics["cases"] - metrics["abnormal_cases"]
        return min((abnormal, "abnormal case"), (normal, "normal case"))
    return None, ""


def _chosen_by_score(view: CampaignView, best: Trial, completed: int) -> str | None:
    """Describe the bias of the best score; None if there is one score only, or a score on test cases beside it.

    Source:
        Cawley and Talbot, Journal of Machine Learning Research 11 (2010).
    """
    if not needs_test_score(view, best, completed):
        return None
    honest = f"`bohpo evaluate {view.campaign.name}` gives the honest one"
    if view.untestable is not None:
        honest = f"it has no score on test cases: {view.untestable}"
    return f"the best of {completed} scores is too good on average, as it was chosen by them; {honest}"
