"""What the best trial measured beside its score: on the validation cases, and on the test cases if evaluated."""

from __future__ import annotations

from collections.abc import Container, Mapping

from bohpo.views import wording
from bohpo.views.campaign import CampaignView
from bohpo.views.report.markup import Markup, element

LOW, HIGH = "_low", "_high"
"""Ends of the names that hold the interval of another metric."""

NOTE = (
    "Intervals are of 95 %, as the trainer gave them. Elsewhere on this page that of the score is 1.96 standard "
    "deviations to either side, which may differ a little."
)


def measured(view: CampaignView) -> Markup | None:
    """Show all metrics of the best trial, those of the test cases beside them; None where it has none."""
    best = view.best
    if best is None or not best.metrics:
        return None
    columns = {"validation": best.metrics}
    tested = next((each for each in reversed(view.evaluations) if each.trial == best.number), None)
    if tested is not None:
        columns["test cases"] = tested.outcome.metrics
    told = dict.fromkeys(name for metrics in columns.values() for name in metrics)
    names = dict.fromkeys(_without_end(name, told) for name in told)
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
        element("p", NOTE, class_="note"),
    )


def _without_end(name: str, told: Container[str]) -> str:
    """Give the metric whose interval a metric belongs to, or the metric's own name."""
    bases = (name.removesuffix(end) for end in (LOW, HIGH) if name.endswith(end))
    return next((base for base in bases if base in told), name)


def _row(name: str, columns: Mapping[str, Mapping[str, float]]) -> Markup:
    cells = [element("td", _words(name, metrics)) for metrics in columns.values()]
    return element("tr", element("th", name, scope="row"), *cells)


def _words(name: str, metrics: Mapping[str, float]) -> str:
    """Give a metric with its interval, one end of which may be missing as the metric itself may be."""
    figure = wording.number(metrics[name]) if name in metrics else "–"
    low, high = metrics.get(name + LOW), metrics.get(name + HIGH)
    if low is not None and high is not None:
        return f"{figure} ({wording.interval((low, high))})"
    ends = [f"{word} {end:.3f}" for word, end in (("from", low), ("to", high)) if end is not None]
    return f"{figure} ({ends[0]})" if ends else figure
