"""The page as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import resources

from bohpo.views.campaign import CampaignView
from bohpo.views.figures import Reports
from bohpo.views.insight import insight
from bohpo.views.report import headline, plots, tables
from bohpo.views.report.markup import Markup, element, join, script
from bohpo.views.report.measured import measured
from bohpo.views.status import status


def report(view: CampaignView, *, reports: Reports | None = None) -> str:
    """Write a campaign down as one HTML page.

    Args:
        view: The campaign.
        reports: Intermediate values by trial, for learning curves; without them the page shows none.

    Returns:
        A complete HTML document with its style, its script and plotly's inside; it asks nothing of the network.
    """
    from plotly.offline import get_plotlyjs

    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content="bohpo"),
        element("title", f"{view.campaign.name} · bohpo"),
        element("style", _own("style.css")),
    )
    body = element("body", _main(view, reports), script(get_plotlyjs()), script(_own("script.js")))
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def _main(view: CampaignView, reports: Reports | None) -> Markup:
    summed = status(view)
    best, found = summed.best, insight(view)
    return element(
        "main",
        headline.header(view, summed),
        headline.headline(view, summed),
        element("noscript", element("p", "The figures need JavaScript; the tables do not.", class_="nothing")),
        element(
            "div",
            plots.progress(view),
            None if best is None else headline.best_configuration(best, found),
            class_="beside",
        ),
        *(element("section", element("h2", title), plot(view)) for title, plot in _curves(view)),
        measured(view),
        element("section", element("h2", "The parameters"), plots.parameters(view, found)),
        element(
            "section",
            element("h2", "The trainings"),
            plots.jobs(view),
            None if reports is None else plots.learning(view, reports),
        ),
        tables.trials(view),
        tables.provenance(view),
    )


def _curves(view: CampaignView) -> Iterator[tuple[str, Callable[[CampaignView], Markup]]]:
    """Give the headings and the plots of the curves that outcomes have."""
    names = {name for curves in view.curves.values() for name in curves}
    if "froc" in names:
        yield "The best detector", plots.froc
    if "roc" in names:
        yield "The best classifier", plots.roc


def _own(name: str) -> Markup:
    """Give a file of this package, which is ours and needs no quoting."""
    return join(Markup(resources.files(__package__).joinpath(name).read_text(encoding="utf-8")))
