"""The live view: a campaign drawn for the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bohpo.service.gather import reports_of, with_a_job
from bohpo.trial import Trial, TrialState
from bohpo.views import wording
from bohpo.views.campaign import CampaignView
from bohpo.views.failures import remedy
from bohpo.views.status import Status, status

RECENT = 6
_STYLES = {TrialState.COMPLETE: "green", TrialState.FAILED: "red", TrialState.PENDING: "cyan"}


def draw(view: CampaignView) -> RenderableType:
    """Draw a campaign: progress, best so far, running trials, recent results."""
    now = status(view)
    return Panel(
        Group(_headline(view, now), _progress(view, now), _running(view), _recent(view)),
        title=Text(f"{view.campaign.name} · {view.metric}", "bold"),
        subtitle=Text(str(view.campaign.directory), "dim"),
    )


def _headline(view: CampaignView, now: Status) -> RenderableType:
    best = Text("best  ", "dim")
    if now.failure is not None:
        best.append(now.failure.message, "not dim red").append(f"  {remedy(view.campaign.name, now.failure)}", "dim")
    elif now.best is None or now.best.value is None:
        best.append("no result yet", "dim")
    else:
        best.append(wording.number(now.best.value), "bold green")
        if now.interval:
            best.append(f"  ({wording.interval(now.interval)})", "dim")
        best.append(f"  trial {now.best.number}")
    figures = Text("busy  ", "dim")
    figures.append("–" if now.busy is None else wording.percent(now.busy), "bold")
    figures.append("   elapsed  ", "dim").append(wording.duration(now.elapsed))
    if now.remaining is not None:
        figures.append("   left about  ", "dim").append(wording.duration(now.remaining))
    stopped = [Text(f"stopped: {view.campaign.stop_reason}", "red")] if view.campaign.stop_reason else []
    return Group(best, figures, *stopped)


def _progress(view: CampaignView, now: Status) -> RenderableType:
    ended, total = now.complete + now.failed, view.campaign.budget_trials
    line = Table.grid(padding=(0, 1))
    line.add_row(
        ProgressBar(total=total or max(ended, 1), completed=ended, width=40),
        Text(
            f"{ended}/{total or '∞'} trials, {now.running} running" + (f", {now.failed} failed" if now.failed else "")
        ),
    )
    return line


def _running(view: CampaignView) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, title="running", title_justify="left")
    for title in ("trial", "for", "step", "last value", "configuration"):
        table.add_column(title, no_wrap=title != "configuration")
    for trial in with_a_job(view.trials):
        reports = reports_of(view.campaign, trial)
        began = trial.attempts[-1].started
        table.add_row(
            str(trial.number),
            "queued" if began is None else wording.duration(max(view.now - began, 0.0)),
            str(reports[-1][0]) if reports else "",
            wording.number(reports[-1][1]) if reports else "",
            _configuration(trial),
        )
    return table


def _recent(view: CampaignView) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, title="recent results", title_justify="left")
    for title in ("trial", "value", "configuration or reason"):
        table.add_column(title, no_wrap=title == "trial")
    ended = sorted((trial for trial in view.trials if trial.ended is not None), key=lambda trial: -(trial.ended or 0.0))
    for trial in ended[:RECENT]:
        value = "failed" if trial.value is None else wording.number(trial.value)
        detail = trial.reason if trial.state is TrialState.FAILED else None
        table.add_row(
            str(trial.number),
            Text(value, _STYLES[trial.state]),
            _configuration(trial) if detail is None else Text(detail),
        )
    return table


def _configuration(trial: Trial) -> Text:
    return Text(", ".join(f"{name} {wording.scalar(value)}" for name, value in trial.configuration.items()), "dim")
