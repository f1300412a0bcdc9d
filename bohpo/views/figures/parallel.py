"""Parallel coordinates: every completed configuration as one line across all parameters.

Drawn with plain lines in the unit cube, because plotly's own kind needs WebGL, knows no inactive parameter and
cannot be printed.
"""

from __future__ import annotations

import functools
from typing import Any

from bohpo.space import CategoricalParameter, IntParameter, Parameter, Space
from bohpo.trial import Scalar, Trial
from bohpo.views import wording
from bohpo.views.campaign import CampaignView
from bohpo.views.figures import style

INACTIVE = -0.1
"""Height at which a line passes a parameter that its configuration does not have."""
MOST_CHOICES = 8
"""So many values of one parameter are written at its axis, where it has no more."""


def parallel_coordinates(view: CampaignView, *, most: int = style.MOST_LINES) -> style.Drawing:
    """Draw the completed configurations across the axes; the better the stronger.

    Args:
        view: The campaign.
        most: So many of the best are drawn.
    """
    parameters = view.space.parameters
    worst_first = list(reversed(view.ranked[:most]))
    if len(worst_first) < 2 or len(parameters) < 2:
        return "Needs two parameters and two completed trials."
    share = style.goodness(worst_first[::-1])
    traces: list[Any] = [_line(view, trial, share(trial), trial is worst_first[-1]) for trial in worst_first]
    traces.append(_scale(view, worst_first))
    height = INACTIVE - 0.06 if any(parameter.when for parameter in parameters) else -0.04
    return style.figure(
        traces,
        430,
        margin={"l": 48, "r": 24, "t": 12, "b": 40},
        showlegend=False,
        xaxis={
            "range": [-0.45, len(parameters) - 0.55],
            "tickvals": list(range(len(parameters))),
            "ticktext": [style.label(parameter.name) for parameter in parameters],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "automargin": True,
        },
        yaxis={"range": [height, 1.05], "visible": False, "fixedrange": True},
        shapes=[_rule(at) for at in range(len(parameters))],
        annotations=[note for at, parameter in enumerate(parameters) for note in _ticks(at, parameter)],
    )


def _line(view: CampaignView, trial: Trial, at: float, best: bool) -> Any:
    return style.scatter(
        x=list(range(len(view.space))),
        y=_heights(style.Same(view.space), style.Same(trial)),
        mode="lines+markers",
        line={
            "shape": "spline",
            "smoothing": 0.5,
            "width": 3.5 if best else 1.4,
            "color": style.shade(at, 0.35 + 0.65 * at),
        },
        marker={"size": 8 if best else 4},
        customdata=[trial.number] * len(view.space),
        text=style.describe(view, trial),
        hoverinfo="text",
    )


@functools.lru_cache(style.DESCRIBED)
def _heights(space: style.Same[Space], trial: style.Same[Trial]) -> list[float]:
    """Give where a trial's line passes the axes."""
    configuration = trial.it.configuration
    return [
        style.brief(parameter.encode(configuration[parameter.name])) if parameter.name in configuration else INACTIVE
        for parameter in space.it.parameters
    ]


def _scale(view: CampaignView, trials: list[Trial]) -> Any:
    """Give an invisible trace that carries the scale of colours."""
    values = [trial.value for trial in trials if trial.value is not None]
    bar = {
        "title": {"text": style.text(view.metric), "side": "right", "font": {"size": 12}},
        "tickfont": {"size": 11},
        "thickness": 8,
        "len": 0.9,
        "outlinewidth": 0,
        "nticks": 5,
    }
    return style.scatter(
        x=[None],
        y=[None],
        mode="markers",
        marker={
            "color": [values[0]],
            "cmin": min(values),
            "cmax": max(values),
            "colorscale": style.scale(),
            "reversescale": not view.maximize,
            "showscale": True,
            "colorbar": bar,
        },
        hoverinfo="skip",
    )


def _rule(at: int) -> dict[str, Any]:
    line = {"color": style.INK, "width": 1}
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": line, "layer": "below"}


def _ticks(at: int, parameter: Parameter) -> list[dict[str, Any]]:
    marks = [(parameter.encode(value), wording.scalar(value)) for value in _tick_values(parameter)]
    if parameter.when:
        marks.append((INACTIVE, "not used"))
    bare = {"x": at, "showarrow": False, "xanchor": "right", "xshift": -5, "font": {"size": 11}}
    return [{**bare, "y": height, "text": style.text(words)} for height, words in marks]


def _tick_values(parameter: Parameter) -> list[Scalar]:
    if isinstance(parameter, CategoricalParameter):
        return list(parameter.choices[:MOST_CHOICES])
    if isinstance(parameter, IntParameter) and len(parameter.grid) <= MOST_CHOICES:
        return list(parameter.grid)
    if not parameter.log:
        return list(dict.fromkeys([parameter.low, parameter.default, parameter.high]))
    inner = style.log_ticks(parameter.low * 1.8, parameter.high / 1.8) if parameter.high > 4 * parameter.low else []
    if isinstance(parameter, IntParameter):
        return [parameter.low, *(round(value) for value in inner), parameter.high]
    return [parameter.low, *inner, parameter.high]
