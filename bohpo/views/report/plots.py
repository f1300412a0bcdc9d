"""The page's figures: each with a heading, a place to be drawn and a caption that tells how to read it."""

from __future__ import annotations

from collections.abc import Mapping

from bohpo.views import figures
from bohpo.views.campaign import CampaignView
from bohpo.views.figures import Drawing
from bohpo.views.figures.catalogue import CAPTIONS
from bohpo.views.insight import Insight
from bohpo.views.report.markup import Markup, element, join, json_block


def progress(view: CampaignView) -> Markup:
    """Show the objective against the trials."""
    return plot("progress", figures.best_so_far(view))


def froc(view: CampaignView) -> Markup:
    """Show the FROC."""
    return plot("froc", figures.froc(view))


def roc(view: CampaignView) -> Markup:
    """Show the ROC."""
    return plot("roc", figures.roc(view))


def parameters(view: CampaignView, insight: Insight | None) -> Markup:
    """Show importance, parallel coordinates and slices."""
    return join(
        plot("importance", figures.importance(view, insight)),
        plot("parallel", figures.parallel_coordinates(view), class_="wide"),
        _slices(view),
    )


def jobs(view: CampaignView) -> Markup:
    """Show the timeline."""
    return plot("timeline", figures.timeline(view), class_="wide")


def learning(view: CampaignView, reports: figures.Reports) -> Markup:
    """Show the learning curves."""
    return plot("learning", figures.learning_curves(view, reports))


def plot(name: str, drawing: Drawing, class_: str | None = None) -> Markup:
    """Make a figure, or a sentence in its place where there is nothing to draw."""
    caption = CAPTIONS[name]
    if isinstance(drawing, str):
        return element("figure", element("h3", caption.title), element("p", drawing, class_="nothing"), id=name)
    return element(
        "figure",
        element("h3", caption.title),
        _canvas(name, drawing, caption.title),
        element("figcaption", caption.text),
        id=name,
        class_=class_,
    )


def _slices(view: CampaignView) -> Markup:
    drawings: Mapping[str, Drawing] = figures.slices(view)
    if not drawings:
        return plot("slices", "No trial has completed yet.")
    panels = [
        element("div", element("h4", name), _panel(f"slice-{at}", drawing, name), class_="slice")
        for at, (name, drawing) in enumerate(drawings.items())
    ]
    return element(
        "figure",
        element("h3", CAPTIONS["slices"].title),
        element("div", *panels, class_="slices"),
        element("figcaption", CAPTIONS["slices"].text.replace("{metric}", view.metric)),
        id="slices",
    )


def _panel(identifier: str, drawing: Drawing, title: str) -> Markup:
    return element("p", drawing, class_="nothing") if isinstance(drawing, str) else _canvas(identifier, drawing, title)


def _canvas(identifier: str, drawing: Drawing, title: str) -> Markup:
    assert not isinstance(drawing, str)
    height = f"height:{drawing.layout['height']}px"
    return join(
        element(
            "div",
            element("div", class_="plot", role="img", aria_label=title, data_figure=f"data-{identifier}", style=height),
            class_="canvas",
        ),
        json_block(f"data-{identifier}", drawing.as_json()),
    )
