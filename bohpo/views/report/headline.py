"""The top of the page: the campaign's name, its figures and the best configuration."""

from __future__ import annotations

from bohpo.store.records import CampaignState
from bohpo.trial import Trial
from bohpo.views import wording
from bohpo.views.campaign import CampaignView
from bohpo.views.caveats import caveats
from bohpo.views.failures import remedy
from bohpo.views.insight import Insight
from bohpo.views.report.markup import Markup, element
from bohpo.views.status import Status


def header(view: CampaignView, status: Status) -> Markup:
    """Name the campaign and say where it stands."""
    campaign = view.campaign
    jobs = "1 job" if view.jobs == 1 else f"{view.jobs} jobs at a time"
    facts = f"launched {wording.moment(campaign.created)} · {jobs} · seen {wording.moment(view.now)}"
    return element(
        "header",
        element("p", "bohpo campaign", class_="kicker"),
        element("h1", campaign.name, " ", element("span", campaign.state.value, class_=f"state {campaign.state}")),
        element("p", facts, class_="facts"),
        element("p", f"Stopped: {campaign.stop_reason}", class_="facts") if campaign.stop_reason else None,
    )


def headline(view: CampaignView, status: Status) -> Markup:
    """Show the best value large, with the campaign's other figures beside it."""
    figures = [
        _figure("Trials", *_trials(status)),
        _figure("Time", *_time(view, status)),
        _figure("Slots busy", *_busy(status)),
        _figure("Failed", *_failed(status)),
    ]
    return element("section", _best(view, status), element("dl", *figures, class_="figures"), class_="headline")


def best_configuration(trial: Trial, insight: Insight | None) -> Markup:
    """Show the best configuration as a table, what the model thinks of it, and a button that copies it as TOML."""
    from bohpo.study.toml import write_toml

    written = {name: value for name, value in trial.configuration.items() if value is not None}
    rows = [
        element("tr", element("th", name, scope="row"), element("td", wording.scalar(value), class_="value"))
        for name, value in trial.configuration.items()
    ]
    return element(
        "section",
        element("h2", f"Best configuration, trial {trial.number}"),
        element(
            "table",
            element(
                "thead", element("tr", element("th", "parameter", scope="col"), element("th", "value", scope="col"))
            ),
            element("tbody", *rows),
            class_="configuration",
        ),
        None if insight is None else element("p", _sentence(insight.verdict), class_="note"),
        element("button", "Copy as TOML", type="button", class_="copy", data_copy=write_toml(written)),
        class_="best",
    )


def _best(view: CampaignView, status: Status) -> Markup:
    trial = status.best
    if trial is None or trial.value is None:
        return _no_best(view, status)
    interval = wording.interval(status.interval)
    note = f"95 % interval {interval}" if interval else "its variance was not measured"
    tested = next((e for e in reversed(view.evaluations) if e.trial == trial.number), None)
    return element(
        "div",
        element("p", f"Best {view.metric}", class_="name"),
        element("p", f"{trial.value:.4f}", class_="score"),
        element("p", f"trial {trial.number} · {note}", class_="note"),
        None
        if tested is None
        else element("p", _tested(view, tested.outcome.value, tested.outcome.variance), class_="note"),
        *(element("p", f"{words}.", class_="note") for words in caveats(view, trial, status.complete)),
        class_="hero",
    )


def _no_best(view: CampaignView, status: Status) -> Markup:
    """Show that there is no result yet, or why there is none."""
    name = element("p", f"Best {view.metric}", class_="name")
    failure = status.failure
    if failure is None:
        return element("div", name, element("p", "none yet", class_="score none"), class_="hero")
    return element(
        "div",
        name,
        element("p", f"{failure.failed} failed", class_="score failed"),
        element("p", _sentence(failure.message), class_="reason"),
        element("p", element("code", remedy(view.campaign.name, failure)), " shows more", class_="note"),
        class_="hero",
    )


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _tested(view: CampaignView, value: float, variance: float | None) -> str:
    interval = wording.interval(view.interval(value, variance))
    return f"{value:.4f} on the held-out test cases" + (f" ({interval})" if interval else "")


def _figure(name: str, value: str, note: str) -> Markup:
    return element("div", element("dt", name), element("dd", value, element("small", note)))


def _trials(status: Status) -> tuple[str, str]:
    ended = status.complete + status.failed
    value = str(ended) if status.left is None else f"{ended} of {ended + status.left}"
    return value, f"{status.running} running, {status.queued} queued"


def _time(view: CampaignView, status: Status) -> tuple[str, str]:
    if view.campaign.state is not CampaignState.ACTIVE or status.remaining is None:
        paused = f", without {wording.duration(status.paused)} of pauses" if status.paused >= 1 else ""
        return wording.duration(status.elapsed), f"from the launch{paused}"
    return wording.duration(status.elapsed), f"about {wording.duration(status.remaining)} to go"


def _busy(status: Status) -> tuple[str, str]:
    gap = "" if status.mean_gap is None else f"{wording.duration(status.mean_gap)} between jobs"
    return "–" if status.busy is None else wording.percent(status.busy), gap


def _failed(status: Status) -> tuple[str, str]:
    ended = status.complete + status.failed
    return str(status.failed), f"of {ended} that ended" if ended else "none has ended"
