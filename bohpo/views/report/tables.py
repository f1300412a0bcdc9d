"""The page's tables: all trials, the history, and where it all came from."""

from __future__ import annotations

from bohpo.trial import Trial
from bohpo.views import listing, wording
from bohpo.views.campaign import CampaignView
from bohpo.views.report.markup import Markup, element


def trials(view: CampaignView) -> Markup:
    """List all trials; a small script makes the columns sortable and the rows filtered."""
    headings = [_heading(column.name, number=column.is_number) for column in listing.columns(view)]
    best = view.best
    return element(
        "section",
        element("h2", "All trials"),
        element(
            "label",
            "Filter ",
            element("input", type="search", id="filter", placeholder="failed, sgd, …", autocomplete="off"),
            for_="filter",
        ),
        element(
            "div",
            element(
                "table",
                element("caption", "Click a heading to sort. The best trial is marked."),
                element("thead", element("tr", *headings)),
                element("tbody", *(_trial(view, trial, trial == best) for trial in view.trials)),
                id="trials",
            ),
            class_="scroll",
            tabindex="0",
        ),
    )


def history(view: CampaignView) -> Markup | None:
    """List the campaign's events, folded up; None where there are none."""
    if not view.events:
        return None
    rows = [
        element(
            "tr", element("td", wording.moment(event.time)), element("td", event.kind), element("td", event.message)
        )
        for event in view.events
    ]
    headings = [element("th", name, scope="col") for name in ("time", "event", "message")]
    table = element("table", element("thead", element("tr", *headings)), element("tbody", *rows))
    return element(
        "details",
        element("summary", f"History, {len(view.events)} events"),
        element("div", table, class_="scroll", tabindex="0"),
    )


def provenance(view: CampaignView) -> Markup:
    """Say what ran: study, commit, versions; the study file's text is folded up below."""
    campaign = view.campaign
    facts = {
        "campaign": campaign.name,
        "study hash": campaign.study_hash,
        "directory": str(campaign.directory),
        "launched": wording.moment(campaign.created),
        **{name.replace("_", " "): value for name, value in campaign.provenance.items()},
    }
    rows = [element("tr", element("th", name, scope="row"), element("td", value)) for name, value in facts.items()]
    return element(
        "section",
        element("h2", "Provenance"),
        element("div", element("table", element("tbody", *rows), class_="provenance"), class_="scroll", tabindex="0"),
        history(view),
        element("details", element("summary", "Study file"), element("pre", element("code", campaign.study_text))),
    )


def _heading(name: str, *, number: bool = False) -> Markup:
    button = element("button", name, type="button")
    return element("th", button, scope="col", aria_sort="none", class_="number" if number else None)


def _trial(view: CampaignView, trial: Trial, is_best: bool) -> Markup:
    first, state, *others, reason = listing.cells(view, trial)
    cells = [
        element("th", first.words, scope="row", data_sort=first.words),
        element("td", element("span", state.words, class_=f"dot {state.words}")),
        *(_cell(cell, column) for cell, column in zip(others, listing.columns(view)[2:-1], strict=True)),
        element("td", reason.words, class_="reason"),
    ]
    return element("tr", *cells, class_="is-best" if is_best else None)


def _cell(cell: listing.Cell, column: listing.Column) -> Markup:
    if cell.figure is None and not column.is_number:
        return element("td", cell.words)
    data_sort = None if cell.figure is None else repr(cell.figure)
    return element("td", cell.words, class_="number", data_sort=data_sort)
