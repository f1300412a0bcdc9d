"""The page's figures: each with a heading, a place to be drawn and a caption that tells how to read it."""

from __future__ import annotations

from collections.abc import Mapping

from bohpo.views import figures
from bohpo.views.campaign import CampaignView
from bohpo.views.figures import Drawing
from bohpo.views.figures.style import MOST_LINES
from bohpo.views.insight import Insight
from bohpo.views.report.markup import Markup, element, join, json_block

BEST_ONLY = f" (the best {MOST_LINES} where there are more)"


def progress(view: CampaignView) -> Markup:
    """Show the objective against the trials."""
    return plot(
        "progress",
        "Progress",
        figures.best_so_far(view),
        "Each point is a trial, in the order of proposal; its bar is the 95 % interval of the score. The line is the "
        "best so far. Crosses at the bottom are failed trials, ticks are trials without an outcome yet.",
    )


def froc(view: CampaignView) -> Markup:
    """Show the FROC."""
    return plot(
        "froc",
        "FROC of the best trial",
        figures.froc(view),
        "Sensitivity against false positives per case, as the detector's threshold falls from left to right: higher is "
        "better. The band is the 95 % bootstrap interval; thin lines are the next best trials; the score is the mean "
        "height up to the dotted line.",
    )


def roc(view: CampaignView) -> Markup:
    """Show the ROC."""
    return plot(
        "roc",
        "ROC of the best trial",
        figures.roc(view),
        "Share of the abnormal cases that are found, against the share of the normal ones that are taken for abnormal, "
        "as the threshold falls from left to right: higher is better, the dotted line is a guess. The band is the 95 % "
        "bootstrap interval; thin lines are the next best trials; the score is the area under the curve.",
    )


def parameters(view: CampaignView, insight: Insight | None) -> Markup:
    """Show importance, parallel coordinates and slices."""
    return join(
        plot(
            "importance",
            "Which parameters matter",
            figures.importance(view, insight),
            "The share of the score's variance over the space that goes with each parameter (total Sobol' indices of "
            "the Gaussian process). What two parameters do together counts for both, so the shares may add up to more "
            "than 100 %. The lines are 90 % intervals: what the trials leave open.",
        ),
        plot(
            "parallel",
            "All configurations",
            figures.parallel_coordinates(view),
            f"Each line is a completed trial{BEST_ONLY}, from its value of the first parameter to that of the last; "
            "the better the score, the stronger the colour, and the best is thick. A line dips to “not used” where a "
            "parameter does not apply to it.",
            class_="wide",
        ),
        _slices(view),
    )


def jobs(view: CampaignView) -> Markup:
    """Show the timeline."""
    return plot(
        "timeline",
        "What the slots did",
        figures.timeline(view),
        "One row per slot, one bar per attempt with its trial's number. White space between bars is time in which a "
        "slot had nothing to run.",
        class_="wide",
    )


def learning(view: CampaignView, reports: figures.Reports) -> Markup:
    """Show the learning curves."""
    return plot(
        "learning",
        "How the trainings went",
        figures.learning_curves(view, reports),
        f"What the trainer reported while it ran, one line per trial{BEST_ONLY}; the better the final score, the "
        "stronger the colour. Dotted red lines failed.",
    )


def plot(identifier: str, title: str, drawing: Drawing, caption: str, class_: str | None = None) -> Markup:
    """Make a figure, or a sentence in its place where there is nothing to draw."""
    if isinstance(drawing, str):
        return element("figure", element("h3", title), element("p", drawing, class_="nothing"), id=identifier)
    return element(
        "figure",
        element("h3", title),
        _canvas(identifier, drawing, title),
        element("figcaption", caption),
        id=identifier,
        class_=class_,
    )


def _slices(view: CampaignView) -> Markup:
    drawings: Mapping[str, Drawing] = figures.slices(view)
    if not drawings:
        return plot("slices", "One parameter at a time", "No trial has completed yet.", "")
    panels = [
        element("div", element("h4", name), _panel(f"slice-{at}", drawing, name), class_="slice")
        for at, (name, drawing) in enumerate(drawings.items())
    ]
    return element(
        "figure",
        element("h3", "One parameter at a time"),
        element("div", *panels, class_="slices"),
        element(
            "figcaption",
            f"{view.metric} of the completed trials against each parameter; the best trial has a ring. "
            "Points of one choice are spread sideways so that they do not hide each other.",
        ),
        id="slices",
    )


def _panel(identifier: str, drawing: Drawing, title: str) -> Markup:
    return element("p", drawing, class_="nothing") if isinstance(drawing, str) else _canvas(identifier, drawing, title)


def _canvas(identifier: str, drawing: Drawing, title: str) -> Markup:
    assert not isinstance(drawing, str)
    height = f"height:{drawing.layout.height}px"
    return join(
        element(
            "div",
            element("div", class_="plot", role="img", aria_label=title, data_figure=f"data-{identifier}", style=height),
            class_="canvas",
        ),
        json_block(f"data-{identifier}", drawing.to_plotly_json()),
    )
