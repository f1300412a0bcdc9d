"""Campaigns over each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bohpo.views.campaign import CampaignView
from bohpo.views.figures import style
from bohpo.views.figures.timeline import UNITS

COLOURS = (style.ACCENT, style.MODEL, style.RETRIED, style.OTHER, style.FAILED, style.STARTUP)
DASHES = ("solid", "dash", "dot")
"""Colours are used again with another dash."""


def compared(views: Sequence[CampaignView], *, by_time: bool = False) -> style.Drawing:
    """Draw the best value so far of several campaigns, against completed trials or against time.

    Args:
        views: The campaigns, of one objective.
        by_time: Whether the abscissa is the time since each one's launch rather than the number of completed trials.
    """
    lines = [(view, _best_so_far(view)) for view in views]
    longest = max((line[-1][1] for _, line in lines if line), default=None)
    if longest is None:
        return "No trial has completed yet."
    unit, seconds = next(((name, size) for name, size in UNITS if longest >= 2 * size), UNITS[-1])
    reach = longest / seconds if by_time else max(line[-1][0] for _, line in lines if line)
    traces: list[Any] = [
        style.scatter(
            x=[elapsed / seconds if by_time else ended for ended, elapsed, _ in line],
            y=[best for _, _, best in line],
            mode="lines",
            line={
                "shape": "hv",
                "width": 2.5,
                "color": COLOURS[at % len(COLOURS)],
                "dash": DASHES[at // len(COLOURS) % len(DASHES)],
            },
            name=style.text(view.campaign.name),
            text=[
                f"<b>{style.text(view.campaign.name)}</b><br>{style.text(view.metric)} {best:.4f} after {ended} trials"
                for ended, _, best in line
            ],
            hoverinfo="text",
        )
        for at, (view, line) in enumerate(lines)
        if line
    ]
    return style.figure(
        traces,
        440,
        xaxis=style.axis(f"{unit} since the launch" if by_time else "completed trials", range=[0, 1.02 * reach]),
        yaxis=style.axis(" or ".join(dict.fromkeys(view.metric for view in views))),
    )


def _best_so_far(view: CampaignView) -> list[tuple[int, float, float]]:
    """Give (completed trials, seconds since the launch, best value) where the best value changed, and at the end."""
    choose = max if view.maximize else min
    complete = sorted(
        ((trial.ended or view.now, trial.value) for trial in view.trials if trial.value is not None),
        key=lambda pair: pair[0],
    )
    line: list[tuple[int, float, float]] = []
    best: float | None = None
    for count, (moment, value) in enumerate(complete, start=1):
        better = value if best is None else choose(best, value)
        if better != best or count == len(complete):
            line.append((count, max(moment - view.campaign.created, 0.0), better))
        best = better
    return line
