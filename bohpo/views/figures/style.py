"""What the figures share: colours, a bare layout and text that stays text.

The colours are legible on white and on near-black, and the backgrounds are transparent, so that one figure serves a
light and a dark page. Figures are written as plotly's script reads them: its Python objects check every value, which
takes longer than all the rest; the tests have them check what is drawn here.
"""

from __future__ import annotations

import functools
import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from bohpo.trial import Trial
from bohpo.views import wording
from bohpo.views.campaign import Bounds, CampaignView, interval

It = TypeVar("It")

Trace: TypeAlias = dict[str, Any]
"""What is drawn in one go: a line, some points, some bars."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as plotly's script reads it; all of it can be written as JSON.

    Attributes:
        data: Traces, from the back to the front.
        layout: Axes, margins, shapes.
    """

    data: list[Trace]
    layout: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Give the figure as a dictionary."""
        return {"data": self.data, "layout": self.layout}


Drawing: TypeAlias = Figure | str
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

DESCRIBED = 8192
"""Trials of which it is kept how a figure describes or places them."""

FONT = 'Inter, system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "Liberation Sans", Arial, sans-serif'


def text(words: str) -> str:
    """Quote a string for plotly, which takes tags such as `<b>` in labels and hover texts for markup."""
    return html.escape(words, quote=False)


def label(name: str) -> str:
    """Quote a parameter's name for an axis, cut in the middle where it is too long to stand beside others."""
    kept = (LONGEST_LABEL - 1) // 2
    return text(name if len(name) <= LONGEST_LABEL else f"{name[:kept]}…{name[-kept:]}")


def scatter(**keys: Any) -> Trace:
    """Give a trace of points or lines."""
    return trace("scatter", **keys)


def bar(**keys: Any) -> Trace:
    """Give a trace of bars."""
    return trace("bar", **keys)


def trace(kind: str, **keys: Any) -> Trace:
    """Give a trace of any kind that plotly knows."""
    return {"type": kind, **keys}


def figure(traces: list[Trace], height: int, **layout: Any) -> Figure:
    """Lay traces out on a transparent ground.

    Args:
        traces: What to draw, from the back to the front.
        height: In pixels; the width is the page's.
        **layout: Further keys of plotly's layout.
    """
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
    return Figure(traces, {**bare, **layout})


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


def template(quoted: str) -> str:
    """Give a quoted string a place in a template of hover texts, in which `%{x}` would stand for a value."""
    return quoted.replace("%{", "%&#123;")


def brief(value: float) -> float:
    """Round a value to what a reader sees when zoomed in ten thousand times: six digits."""
    return float(f"{value:.6g}")


class Same(Generic[It]):
    """Stands for an object where something is kept of it: equal to itself alone, whatever it holds.

    Figures that are drawn again after each result show the same trials, but for a few.
    """

    __slots__ = ("it",)

    def __init__(self, it: It) -> None:
        """Stand for `it`."""
        self.it = it

    def __hash__(self) -> int:
        return id(self.it)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.it is self.it


def describe(view: CampaignView, trial: Trial) -> str:
    """Write what a hover label says about a trial."""
    return _description(view.metric, view.bounds, Same(trial))


@functools.lru_cache(DESCRIBED)
def _description(metric: str, bounds: Bounds, same: Same[Trial]) -> str:
    """Describe a trial, once."""
    trial = same.it
    lines = [f"<b>trial {trial.number}</b>, {wording.standing(trial)}"]
    if trial.value is not None:
        edges = wording.interval(interval(trial.value, trial.variance, bounds))
        lines.append(text(f"{metric} {trial.value:.4f}" + (f" ({edges})" if edges else "")))
    if trial.reason:
        lines.append(text(trial.reason))
    lines += [text(f"{name} = {wording.scalar(value)}") for name, value in trial.configuration.items()]
    return "<br>".join(lines)


def goodness(ranked: Sequence[Trial]) -> Callable[[Trial], float]:
    """Give what places a completed trial's value between the worst of some, 0, and the best of them, 1.

    Args:
        ranked: Completed trials, best first.
    """
    values = [trial.value for trial in (*ranked[-1:], *ranked[:1]) if trial.value is not None]
    worst, best = values if values else (0.0, 0.0)

    def share(trial: Trial) -> float:
        assert trial.value is not None
        return 1.0 if best == worst else (trial.value - worst) / (best - worst)

    return share


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
