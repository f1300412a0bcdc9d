"""What each slot did, from the first job to the last."""

from __future__ import annotations

from typing import Any

from bohpo.trial import Attempt, AttemptState, Trial, TrialState
from bohpo.views import wording
from bohpo.views.campaign import CampaignView
from bohpo.views.figures import style

KINDS = {
    "completed": style.ACCENT,
    "failed": style.FAILED,
    "cut short, tried again": style.RETRIED,
    "running": style.MODEL,
}
"""How an attempt ended -> its colour."""
UNITS = (("days", wording.DAY_S), ("hours", wording.HOUR_S), ("minutes", wording.MINUTE_S), ("seconds", 1))


def timeline(view: CampaignView) -> style.Drawing:
    """Draw one row per slot and one bar per attempt; white space is time in which a slot had nothing to do."""
    import plotly.graph_objects as go

    begun = [(trial, attempt) for trial in view.trials for attempt in trial.attempts if attempt.started is not None]
    if not begun:
        return "No job has started yet."
    origin = min(attempt.started for _, attempt in begun if attempt.started is not None)
    length = max(view.ended(attempt) or origin for _, attempt in begun) - origin
    unit, seconds = next(((name, size) for name, size in UNITS if length >= 2 * size), UNITS[-1])
    traces = [
        _bars(go, view, kind, group, origin=origin, unit=seconds)
        for kind in KINDS
        if (group := [pair for pair in begun if _kind(*pair) == kind])
    ]
    slots = max([view.jobs, *(attempt.worker + 1 for _, attempt in begun)])
    return style.figure(
        traces,
        min(110 + 30 * slots, 900),
        bargap=0.25,
        xaxis=style.axis(f"{unit} since the first start", range=[-0.005 * length / seconds, 1.01 * length / seconds]),
        yaxis=style.axis("slot", range=[slots - 0.4, -0.6], dtick=max(1, slots // 20), showgrid=False),
    )


def _bars(
    go: Any, view: CampaignView, kind: str, group: list[tuple[Trial, Attempt]], *, origin: float, unit: float
) -> Any:
    starts = [attempt.started or origin for _, attempt in group]
    ends = [view.ended(attempt) or origin for _, attempt in group]
    return go.Bar(
        orientation="h",
        y=[attempt.worker for _, attempt in group],
        base=[(start - origin) / unit for start in starts],
        x=[(end - start) / unit for start, end in zip(starts, ends, strict=True)],
        name=kind,
        marker={
            "color": style.translucent(KINDS[kind], 0.45 if kind == "running" else 0.85),
            "line": {"width": 1, "color": KINDS[kind]},
        },
        text=[str(trial.number) for trial, _ in group],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        constraintext="inside",
        textfont={"color": "#ffffff", "size": 11},
        hovertext=[_describe(view, trial, attempt) for trial, attempt in group],
        hoverinfo="text",
    )


def _kind(trial: Trial, attempt: Attempt) -> str:
    if attempt.state.is_alive:
        return "running"
    if attempt.state is AttemptState.COMPLETED:
        return "completed"
    is_last = attempt.number == max(other.number for other in trial.attempts)
    return "failed" if is_last and trial.state is TrialState.FAILED else "cut short, tried again"


def _describe(view: CampaignView, trial: Trial, attempt: Attempt) -> str:
    started, ended = attempt.started or 0.0, view.ended(attempt) or 0.0
    lines = [
        f"<b>trial {trial.number}</b>, attempt {attempt.number}: {attempt.state}",
        f"ran {wording.duration(ended - started)}, queued {wording.duration(max(started - attempt.submitted, 0.0))}",
    ]
    if trial.value is not None and attempt.state is AttemptState.COMPLETED:
        lines.append(style.text(f"{view.metric} {trial.value:.4f}"))
    lines += [style.text(words) for words in (attempt.reason, f"job {attempt.job}" if attempt.job else "") if words]
    return "<br>".join(lines)
