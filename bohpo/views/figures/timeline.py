"""What each slot did, from the first job to the last.

An attempt waits in the queue from its submission to its start. A completed one that says how long it trained and
scored (metrics `train_seconds` and `evaluate_seconds`) is parted: what came before the training is its start.
"""

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
PHASES = {"starting": "#0a5f57", "scoring": "#7cc9bf"}
"""Parts of a completed attempt that are no training -> their colours."""
MOST_BARS = 500
"""Attempts of one figure that a browser draws without a pause; the latest are drawn."""
UNITS = (("days", wording.DAY_S), ("hours", wording.HOUR_S), ("minutes", wording.MINUTE_S), ("seconds", 1))


def timeline(view: CampaignView) -> style.Drawing:
    """Draw one row per slot and one bar per attempt; white space is time in which a slot had nothing to do.

    Shaded columns are times without a driver.
    """
    everything = [(trial, attempt) for trial in view.trials[-2 * MOST_BARS :] for attempt in trial.attempts]
    begun = [pair for pair in everything if pair[1].started is not None]
    if not begun:
        return "No job has started yet."
    begun = sorted(begun, key=lambda pair: pair[1].started or 0.0)[-MOST_BARS:]
    origin = min(attempt.started for _, attempt in begun if attempt.started is not None)
    length = max(view.ended(attempt) or origin for _, attempt in begun) - origin
    unit, seconds = next(((name, size) for name, size in UNITS if length >= 2 * size), UNITS[-1])
    traces = _queued(view, [pair for pair in everything if pair[1].submitted >= origin], origin, seconds)
    traces += [
        _bars(view, kind, group, origin=origin, unit=seconds)
        for kind in KINDS
        if (group := [pair for pair in begun if _kind(*pair) == kind])
    ]
    traces += _phases([pair for pair in begun if _kind(*pair) == "completed"], origin, seconds)
    since = "the first start" if len(begun) < MOST_BARS else f"the start of trial {begun[0][0].number}"
    slots = max([view.jobs, *(attempt.worker + 1 for _, attempt in begun)])
    return style.figure(
        traces,
        min(110 + 30 * slots, 900),
        bargap=0.25,
        shapes=_pauses(view, origin, length, seconds),
        xaxis=style.axis(f"{unit} since {since}", range=[-0.005 * length / seconds, 1.01 * length / seconds]),
        yaxis=style.axis("slot", range=[slots - 0.4, -0.6], dtick=max(1, slots // 20), showgrid=False),
    )


def _pauses(view: CampaignView, origin: float, length: float, unit: float) -> list[dict[str, Any]]:
    """Return shaded columns, in units of the axis, where no driver was at work."""
    pauses = [(max(start, origin), min(end, origin + length)) for start, end in view.pauses]
    return [
        {
            "type": "rect",
            "layer": "below",
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "x0": (start - origin) / unit,
            "x1": (end - origin) / unit,
            "line": {"width": 0},
            "fillcolor": style.translucent(style.STARTUP, 0.18),
            "label": {"text": "paused", "textposition": "top center", "font": {"size": 11}},
        }
        for start, end in pauses
        if end - start > length / 500
    ]


def _bars(view: CampaignView, kind: str, group: list[tuple[Trial, Attempt]], *, origin: float, unit: float) -> Any:
    starts = [attempt.started or origin for _, attempt in group]
    ends = [view.ended(attempt) or origin for _, attempt in group]
    return style.bar(
        orientation="h",
        y=[attempt.worker for _, attempt in group],
        base=[(start - origin) / unit for start in starts],
        x=[(end - start) / unit for start, end in zip(starts, ends, strict=True)],
        name=kind,
        marker={
            "color": style.translucent(KINDS[kind], 0.45 if kind == "running" else 0.85),
            "line": {"width": 1, "color": KINDS[kind]},
        },
        customdata=[trial.number for trial, _ in group],
        text=[str(trial.number) for trial, _ in group],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        constraintext="inside",
        textfont={"color": "#ffffff", "size": 11},
        hovertext=[_describe(view, trial, attempt) for trial, attempt in group],
        hoverinfo="text",
    )


def _queued(view: CampaignView, pairs: list[tuple[Trial, Attempt]], origin: float, unit: float) -> list[Any]:
    """Draw how long attempts waited in the queue: thin, since nothing was at work."""
    waits = [
        (trial, attempt, attempt.submitted, attempt.started if attempt.started is not None else view.now)
        for trial, attempt in pairs
        if attempt.started is not None or attempt.state.is_alive
    ]
    if not any(end - begin > unit / 100 for _, _, begin, end in waits):
        return []
    return [
        style.bar(
            orientation="h",
            y=[attempt.worker for _, attempt, _, _ in waits],
            base=[(begin - origin) / unit for _, _, begin, _ in waits],
            x=[max(end - begin, 0.0) / unit for _, _, begin, end in waits],
            width=0.22,
            name="in the queue",
            marker={"color": style.translucent(style.STARTUP, 0.5), "line": {"width": 0}},
            customdata=[trial.number for trial, _, _, _ in waits],
            text=[""] * len(waits),
            hovertext=[
                f"<b>trial {trial.number}</b> in the queue for {wording.duration(max(end - begin, 0.0))}"
                for trial, _, begin, end in waits
            ],
            hoverinfo="text",
        )
    ]


def _phases(pairs: list[tuple[Trial, Attempt]], origin: float, unit: float) -> list[Any]:
    """Draw the parts of completed attempts that are no training over their bars, at the lower edge."""
    spans: dict[str, list[tuple[Trial, Attempt, float, float]]] = {name: [] for name in PHASES}
    for trial, attempt in pairs:
        training, scoring = (trial.metrics.get(f"{name}_seconds") for name in ("train", "evaluate"))
        if training is None or scoring is None or attempt.started is None or attempt.ended is None:
            continue
        scored = max(attempt.ended - scoring, attempt.started)
        trained = max(scored - training, attempt.started)
        spans["starting"].append((trial, attempt, attempt.started, trained))
        spans["scoring"].append((trial, attempt, scored, attempt.ended))
    return [
        style.bar(
            orientation="h",
            y=[attempt.worker + 0.34 for _, attempt, _, _ in parts],
            base=[(begin - origin) / unit for _, _, begin, _ in parts],
            x=[(end - begin) / unit for _, _, begin, end in parts],
            width=0.12,
            name=name,
            marker={"color": PHASES[name], "line": {"width": 0}},
            text=[""] * len(parts),
            hovertext=[
                f"<b>trial {trial.number}</b> {name} for {wording.duration(end - begin)}"
                for trial, _, begin, end in parts
            ],
            hoverinfo="text",
        )
        for name, parts in spans.items()
        if parts
    ]


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
    lines += [style.text(words) for words in _facts(attempt) if words]
    return "<br>".join(lines)


def _facts(attempt: Attempt) -> tuple[str, str, str]:
    return attempt.reason, wording.gpus(attempt.devices), f"job {attempt.job}" if attempt.job else ""
