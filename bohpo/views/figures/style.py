"""What the figures share: colours, a bare layout and text that stays text.

The colours are legible on white and on near-black, and the backgrounds are transparent, so that one figure serves a
light and a dark page.
"""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any, TypeAlias

from bohpo.trial import Trial
from bohpo.views import wording
from bohpo.views.campaign import CampaignView

if TYPE_CHECKING:
    import plotly.graph_objects as go

Drawing: TypeAlias = "go.Figure | str"
"""A figure, or one sentence that says why there is none."""

INK = "#7a8491"
RULE = "rgba(128, 138, 150, 0.22)"
ACCENT = "#0f9a8c"
MODEL = "#3d7fc1"
STARTUP = "#8e99a8"
OTHER = "#9467bd"
FAILED = "#d1495b"
RETRIED = "#d98c21"
TEST = "#d9642b"

POOR, MIDDLING, GOOD = (0xA9, 0xB1, 0xBC), (0x5B, 0x93, 0xCB), (0x0F, 0x9A, 0x8C)
"""Ends and middle of the scale from the worst value to the best."""

LONGEST_LABEL = 25
"""Characters of a parameter's name that have room at an axis."""

MOST_LINES = 200
"""Lines of one figure that can be told apart, and that a browser draws at once; the best trials are drawn."""

FONT = 'Inter, system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "Liberation Sans", Arial, sans-serif'


def text(words: str) -> str:
    """Quote a string for plotly, which takes tags such as `<b>` in labels and hover texts for markup."""
    return html.escape(words, quote=False)


def label(name: str) -> str:
    """Quote a parameter's name for an axis, cut in the middle where it is too long to stand beside others."""
    kept = (LONGEST_LABEL - 1) // 2
    return text(name if len(name) <= LONGEST_LABEL else f"{name[:kept]}…{name[-kept:]}")


def figure(traces: list[Any], height: int, **layout: Any) -> go.Figure:
    """Lay traces out on a transparent ground.

    Args:
        traces: What to draw, from the back to the front.
        height: In pixels; the width is the page's.
        **layout: Further keys of plotly's layout.
    """
    import plotly.graph_objects as go

    bare: dict[str, Any] = {
        "template": {},
        "height": height,
        "margin": {"l": 56, "r": 16, "t": 12, "b": 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": INK},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "#20272f", "bordercolor": "#20272f", "font": {"color": "#f3f5f7", "size": 13}},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": INK, "activecolor": ACCENT},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
        "barmode": "overlay",
        "uirevision": "kept",  # what a reader zoomed into stays when the figure is drawn anew
    }
    return go.Figure(traces, {**bare, **layout})


def axis(title: str = "", **keys: Any) -> dict[str, Any]:
    """Give an axis with faint grid lines and no frame."""
    bare = {
        "title": {"text": text(title), "standoff": 10, "font": {"size": 13}},
        "tickfont": {"size": 12},
        "gridcolor": RULE,
        "linecolor": RULE,
        "zeroline": False,
        "ticks": "",
        "automargin": True,
    }
    return {**bare, **keys}


def log_ticks(low: float, high: float) -> list[float]:
    """Give round values in [low, high] for a logarithmic axis: 1, 2, 5 times powers of ten, or 1 only."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 200 else (1,)
    return [value for power in decades for step in steps if low <= (value := step * 10.0**power) <= high]


def describe(view: CampaignView, trial: Trial) -> str:
    """Write what a hover label says about a trial."""
    lines = [f"<b>trial {trial.number}</b>, {wording.standing(trial)}"]
    if trial.value is not None:
        edges = wording.interval(view.interval(trial.value, trial.variance))
        lines.append(text(f"{view.metric} {trial.value:.4f}" + (f" ({edges})" if edges else "")))
    if trial.reason:
        lines.append(text(trial.reason))
    lines += [text(f"{name} = {wording.scalar(value)}") for name, value in trial.configuration.items()]
    return "<br>".join(lines)


def goodness(view: CampaignView, trials: list[Trial]) -> dict[int, float]:
    """Place the completed trials' values between the worst, 0, and the best, 1; by trial number."""
    values = {trial.number: trial.value for trial in trials if trial.value is not None}
    if not values:
        return {}
    low, high = min(values.values()), max(values.values())
    if low == high:
        return dict.fromkeys(values, 1.0)
    share = {number: (value - low) / (high - low) for number, value in values.items()}
    return share if view.maximize else {number: 1 - at for number, at in share.items()}


def shade(at: float, opacity: float = 1.0) -> str:
    """Give the colour at a place between the worst, 0, and the best, 1."""
    left, right, part = (POOR, MIDDLING, 2 * at) if at < 0.5 else (MIDDLING, GOOD, 2 * at - 1)
    red, green, blue = (round(a + part * (b - a)) for a, b in zip(left, right, strict=True))
    return f"rgba({red}, {green}, {blue}, {opacity:.2f})"


def scale(opacity: float = 1.0) -> list[list[Any]]:
    """Give the colours from the worst, 0, to the best, 1, as plotly takes a scale of them."""
    return [[at / 8, shade(at / 8, opacity)] for at in range(9)]


def translucent(colour: str, opacity: float) -> str:
    """Give a `#rrggbb` colour some transparency."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:.2f})"
