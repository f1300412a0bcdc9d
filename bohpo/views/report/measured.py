"""What the best trial measured beside its score: on the validation cases, and on the test cases if evaluated."""

from __future__ import annotations

from collections.abc import Mapping

from bohpo.views import wording
from bohpo.views.campaign import CampaignView
from bohpo.views.report.markup import Markup, element

LOW, HIGH = "_low", "_high"
"""Ends of the names that hold the interval of another metric."""


def measured(view: CampaignView) -> Markup | None:
    """Show all metrics of the best trial, those of the test cases beside them; None where it has none."""
    best = view.best
    if best is None or not best.metrics:
        return None
    columns = {"validation": best.metrics}
    tested = next((each for each in reversed(view.evaluations) if each.trial == best.number), None)
    if tested is not None:
        columns["test cases"] = tested.outcome.metrics
    names = dict.fromkeys(name for metrics in columns.values() for name in metrics if not _is_end(name, metrics))
    headings = [element("th", heading, scope="col") for heading in ("metric", *columns)]
    return element(
        "section",
        element("h2", f"What trial {best.number} measured"),
        element(
            "div",
            element(
                "table",
                element("thead", element("tr", *headings)),
                element("tbody", *(_row(name, columns) for name in names)),
                class_="measured",
            ),
            class_="scroll",
            tabindex="0",
        ),
        element("p", "Intervals are of 95 %, where the trainer gave them.", class_="note"),
    )


def _is_end(name: str, metrics: Mapping[str, float]) -> bool:
    return any(name.endswith(end) and name.removesuffix(end) in metrics for end in (LOW, HIGH))


def _row(name: str, columns: Mapping[str, Mapping[str, float]]) -> Markup:
    cells = [element("td", _words(name, metrics)) for metrics in columns.values()]
    return element("tr", element("th", name, scope="row"), *cells)


def _words(name: str, metrics: Mapping[str, float]) -> str:
    if name not in metrics:
        return "–"
    figure, low, high = wording.number(metrics[name]), metrics.get(name + LOW), metrics.get(name + HIGH)
    return figure if low is None or high is None else f"{figure} ({wording.interval((low, high))})"
