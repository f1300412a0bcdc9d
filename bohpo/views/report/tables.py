"""The page's tables: all trials, the history, and where it all came from."""

from __future__ import annotations

from bohpo.space import CategoricalParameter
from bohpo.trial import Scalar, Trial
from bohpo.views import wording
from bohpo.views.campaign import QUANTILE_95, CampaignView, training_seconds
from bohpo.views.report.markup import Child, Markup, element


def trials(view: CampaignView) -> Markup:
    """List all trials; a small script makes the columns sortable and the rows filtered."""
    headings = [
        _heading("trial"),
        _heading("state"),
        _heading(view.metric, number=True),
        _heading("±", number=True),
        *(_heading(p.name, number=not isinstance(p, CategoricalParameter)) for p in view.space.parameters),
        _heading("time", number=True),
        _heading("proposed by"),
        _heading("attempts", number=True),
        _heading("reason"),
    ]
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
    seconds = training_seconds(trial)
    interval = None if trial.value is None else view.interval(trial.value, trial.variance)
    half = None if interval is None or trial.variance is None else QUANTILE_95 * trial.variance**0.5
    cells = [
        element("th", str(trial.number), scope="row", data_sort=str(trial.number)),
        element("td", element("span", wording.standing(trial), class_=f"dot {wording.standing(trial)}")),
        _number(None if trial.value is None else f"{trial.value:.4f}", trial.value),
        _number(None if half is None else f"{half:.3f}", half),
        *(_parameter(name in trial.configuration, trial.configuration.get(name)) for name in view.space.names),
        _number(None if seconds is None else wording.duration(seconds), seconds),
        element("td", trial.proposal.source),
        _number(str(len(trial.attempts)), len(trial.attempts)),
        element("td", trial.reason, class_="reason"),
    ]
    return element("tr", *cells, class_="is-best" if is_best else None)


def _parameter(active: bool, value: Scalar) -> Markup:
    if active and isinstance(value, int | float) and not isinstance(value, bool):
        return _number(wording.scalar(value), value)
    return element("td", wording.scalar(value) if active else "")


def _number(words: Child, value: float | None) -> Markup:
    return element("td", words, class_="number", data_sort=None if value is None else repr(value))
