"""The objective against each parameter by itself."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bohpo.space import CategoricalParameter, IntParameter, Parameter, Space
from bohpo.trial import Trial, best_trials
from bohpo.views import wording
from bohpo.views.campaign import CampaignView
from bohpo.views.figures import style
from bohpo.views.figures.thinning import MOST_POINTS, drawn

GOLDEN = 0.6180339887
"""Fractional part of the golden ratio: its multiples spread evenly, so points of one choice do not hide each other."""

MOST_TICKS = 6
"""Along an axis that is not logarithmic; whole numbers, if there are no more, are all written."""


@dataclass(frozen=True, slots=True)
class Point:
    """A completed trial as all slices show it.

    Attributes:
        trial: The trial.
        value: Its objective, rounded.
        share: Its place between the worst value, 0, and the best, 1.
        places: Where it stands on the axes of its parameters, by their names, rounded.
    """

    trial: Trial
    value: float
    share: float
    places: Mapping[str, float]


def slices(view: CampaignView) -> Mapping[str, style.Drawing]:
    """Draw the values of the completed trials against each parameter.

    Returns:
        Name of the parameter -> figure, in the space's order; all with one range of values.
    """
    ranked = view.ranked
    values = [trial.value for trial in (*ranked[:1], *ranked[-1:]) if trial.value is not None]
    if not values:
        return {}
    margin = 0.08 * (max(values) - min(values)) or 0.05
    span = [min(values) - margin, max(values) + margin]
    shown = best_trials(drawn(view, MOST_POINTS // 3), maximize=view.maximize)
    share, space = style.goodness(ranked), style.Same(view.space)
    points = [
        Point(trial, style.brief(trial.value or 0.0), round(share(trial), 4), _places(space, style.Same(trial)))
        for trial in reversed(shown)
    ]
    return {parameter.name: _slice(view, parameter, points, span) for parameter in view.space.parameters}


def _slice(view: CampaignView, parameter: Parameter, points: Sequence[Point], span: list[float]) -> style.Drawing:
    used = [point for point in points if parameter.name in point.places]
    if not used:
        return "No completed trial used it."
    dots = style.scatter(
        x=[point.places[parameter.name] for point in used],
        y=[point.value for point in used],
        mode="markers",
        marker={
            "size": 8,
            "color": [point.share for point in used],
            "colorscale": style.scale(),
            "cmin": 0,
            "cmax": 1,
            "line": {"width": [2 if point is points[-1] else 0 for point in used], "color": style.TEST},
        },
        customdata=[point.trial.number for point in used],
        hovertemplate=_template(view, parameter),
        **_choices(parameter, used),
    )
    return style.figure(
        [dots],
        230,
        margin={"l": 46, "r": 12, "t": 8, "b": 40},
        showlegend=False,
        xaxis=axis_of(parameter),
        yaxis=style.axis(range=span, nticks=5),
    )


def _choices(parameter: Parameter, points: Sequence[Point]) -> dict[str, Any]:
    """Give the names of the points' choices, which stand at places beside their own."""
    if not isinstance(parameter, CategoricalParameter):
        return {}
    return {"text": [style.text(wording.scalar(point.trial.configuration[parameter.name])) for point in points]}


def _template(view: CampaignView, parameter: Parameter) -> str:
    """Write what a hover label says about a trial; plotly puts in the figures."""
    metric, name = (style.template(style.text(words)) for words in (view.metric, parameter.name))
    value = {"categorical": "%{text}", "int": "%{x:d}"}.get(parameter.kind, "%{x:.4~g}")
    return f"<b>trial %{{customdata}}</b><br>{metric} %{{y:.4f}}<br>{name} = {value}<extra></extra>"


@functools.lru_cache(style.DESCRIBED)
def _places(space: style.Same[Space], trial: style.Same[Trial]) -> Mapping[str, float]:
    """Give where a trial stands on the axes of all parameters that it has."""
    return {
        parameter.name: style.brief(place_of(parameter, trial.it))
        for parameter in space.it.parameters
        if parameter.name in trial.it.configuration
    }


def place_of(parameter: Parameter, trial: Trial) -> float:
    """Give where a trial stands on a parameter's axis; trials of one choice are spread, so that none hides another."""
    value = trial.configuration[parameter.name]
    if isinstance(parameter, CategoricalParameter):
        return parameter.index(value) + 0.4 * (trial.number * GOLDEN % 1 - 0.5)
    assert isinstance(value, int | float)
    return value


def axis_of(parameter: Parameter) -> dict[str, Any]:
    """Give the axis of a parameter: its choices, or its interval, logarithmic where the study says so."""
    if isinstance(parameter, CategoricalParameter):
        names = [style.label(wording.scalar(choice)) for choice in parameter.choices]
        places = list(range(len(names)))
        return style.axis(tickvals=places, ticktext=names, range=[-0.5, len(names) - 0.5], showgrid=False)
    if not parameter.log:
        margin = 0.04 * (parameter.high - parameter.low) or 0.5
        edges = [parameter.low - margin, parameter.high + margin]
        if isinstance(parameter, IntParameter) and (parameter.high - parameter.low) // parameter.step < MOST_TICKS:
            return style.axis(range=edges, tick0=parameter.low, dtick=parameter.step)
        return style.axis(range=edges, nticks=MOST_TICKS)
    low, high = math.log10(parameter.low), math.log10(parameter.high)
    margin = 0.04 * (high - low) or 0.5
    ticks = style.log_ticks(parameter.low, parameter.high)
    return style.axis(
        type="log", range=[low - margin, high + margin], tickvals=ticks, ticktext=[wording.number(at) for at in ticks]
    )
