"""The objective against the trials: what was tried, and the best so far."""

from __future__ import annotations

import math
from typing import Any

from bohpo.trial import Trial, TrialState
from bohpo.views.campaign import QUANTILE_95, CampaignView
from bohpo.views.figures import style
from bohpo.views.figures.thinning import drawn

SOURCES = {
    "startup": ("first, spread out", style.STARTUP, "circle-open"),
    "model": ("proposed by the model", style.MODEL, "circle"),
    "user": ("set by the user", style.OTHER, "diamond"),
    "fallback": ("random, the model failed", style.OTHER, "square-open"),
}
"""Who proposed a trial -> its name in the legend, colour and symbol."""


def best_so_far(view: CampaignView) -> style.Drawing:
    """Draw each trial's value with its 95% interval, and the best value so far as a step line."""
    if view.best is None:
        return "No trial has completed yet."
    shown = drawn(view)
    traces: list[Any] = [_incumbent(view)]
    traces += [
        _values(view, source, group)
        for source in SOURCES
        if (group := [trial for trial in shown if trial.value is not None and trial.proposal.source == source])
    ]
    failed = [trial for trial in shown if trial.state is TrialState.FAILED]
    pending = [trial for trial in shown if trial.state is TrialState.PENDING]
    if failed:
        traces.append(_at_the_bottom(view, failed, "failed", colour=style.FAILED, symbol="x-thin"))
    if pending:
        traces.append(_at_the_bottom(view, pending, "pending", colour=style.RETRIED, symbol="line-ns"))
    return style.figure(
        traces,
        400,
        xaxis=style.axis("trial", range=[-0.7, len(view.trials) - 0.3], showgrid=False),
        yaxis=style.axis(view.metric),
        yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
    )


def _incumbent(view: CampaignView) -> style.Trace:
    """Draw the best value so far: a step for each trial that was better than all before it."""
    line: list[tuple[float, float]] = []
    earliest = math.inf
    for trial in view.ranked:  # best first: whoever was proposed before all better ones was the best once
        if trial.number < earliest and trial.value is not None:
            line.append((trial.number, trial.value))
            earliest = trial.number
    line = [*reversed(line), (len(view.trials) - 0.3, line[0][1])]
    return style.scatter(
        x=[number for number, _ in line],
        y=[best for _, best in line],
        mode="lines",
        line={"shape": "hv", "color": style.ACCENT, "width": 2.5},
        name="best so far",
        hoverinfo="skip",
    )


def _values(view: CampaignView, source: str, trials: list[Trial]) -> Any:
    name, colour, symbol = SOURCES[source]
    half = [0.0 if trial.variance is None else QUANTILE_95 * trial.variance**0.5 for trial in trials]
    return style.scatter(
        x=[trial.number for trial in trials],
        y=[trial.value for trial in trials],
        error_y={"array": half, "color": style.translucent(colour, 0.45), "thickness": 1.2, "width": 0},
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 8, "line": {"width": 1.6, "color": colour}},
        name=name,
        customdata=[trial.number for trial in trials],
        text=[style.describe(view, trial) for trial in trials],
        hoverinfo="text",
    )


def _at_the_bottom(view: CampaignView, trials: list[Trial], name: str, *, colour: str, symbol: str) -> Any:
    return style.scatter(
        x=[trial.number for trial in trials],
        y=[0.03] * len(trials),
        yaxis="y2",
        mode="markers",
        marker={"symbol": symbol, "size": 9, "line": {"width": 2, "color": colour}},
        name=name,
        customdata=[trial.number for trial in trials],
        text=[style.describe(view, trial) for trial in trials],
        hoverinfo="text",
    )
