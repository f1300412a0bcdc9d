"""How much each parameter matters, with what the trials leave open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bohpo.views.campaign import CampaignView
from bohpo.views.figures import style
from bohpo.views.insight import Insight, silence

if TYPE_CHECKING:
    from bohpo.optimizer.explain import Importance


def importance(view: CampaignView, insight: Insight | None) -> style.Drawing:
    """Draw the parameters' shares of the score's variance as bars with 90% intervals, the greatest on top.

    Args:
        view: The campaign.
        insight: What the model says of it, if anything.
    """
    if insight is None:
        return silence(view)
    shown = list(reversed(insight.importance))
    places = list(range(len(shown)))
    reach = max((one.high for one in shown), default=0.0) or 1.0
    return style.figure(
        [_bars(shown), _percentages(shown, 1.22 * reach)],
        70 + 30 * len(shown),
        margin={"l": 8, "r": 8, "t": 8, "b": 16},
        showlegend=False,
        xaxis={"visible": False, "range": [0, 1.24 * reach], "fixedrange": True},
        yaxis={
            "automargin": True,
            "fixedrange": True,
            "tickvals": places,
            "ticktext": [f"{style.label(one.name)}  " for one in shown],
        },
        bargap=0.4,
    )


def _bars(shown: list[Importance]) -> Any:
    return style.bar(
        y=list(range(len(shown))),
        x=[one.share for one in shown],
        orientation="h",
        marker={"color": style.ACCENT, "opacity": 0.45},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [one.high - one.share for one in shown],
            "arrayminus": [one.share - one.low for one in shown],
            "color": style.INK,
            "thickness": 1.5,
            "width": 4,
        },
        hovertext=[
            f"<b>{style.text(one.name)}</b><br>{100 * one.share:.0f} %, "
            f"90 % interval {100 * one.low:.0f} to {100 * one.high:.0f} %"
            for one in shown
        ],
        hoverinfo="text",
    )


def _percentages(shown: list[Importance], at: float) -> Any:
    """Write the shares in a column of their own, which no interval reaches."""
    return style.scatter(
        y=list(range(len(shown))),
        x=[at] * len(shown),
        mode="text",
        text=[f"{100 * one.share:.0f} %" for one in shown],
        textposition="middle left",
        cliponaxis=False,
        hoverinfo="skip",
    )
