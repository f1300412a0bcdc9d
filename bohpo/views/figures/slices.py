"""The objective against each parameter by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from bohpo.space import CategoricalParameter, Parameter
from bohpo.trial import Trial
from bohpo.views import wording
from bohpo.views.campaign import CampaignView
from bohpo.views.figures import style
from bohpo.views.figures.thinning import MOST_POINTS, drawn

GOLDEN = 0.6180339887
"""Fractional part of the golden ratio: its multiples spread evenly, so points of one choice do not hide each other."""


def slices(view: CampaignView) -> Mapping[str, style.Drawing]:
    """Draw the values of the completed trials against each parameter.

    Returns:
        Name of the parameter -> figure, in the space's order; all with one range of values.
    """
    values = [trial.value for trial in view.trials if trial.value is not None]
    if not values:
        return {}
    margin = 0.08 * (max(values) - min(values)) or 0.05
    span = [min(values) - margin, max(values) + margin]
    shown = {trial.number for trial in drawn(view, MOST_POINTS // 3)}
    ranked = view.ranked
    share = style.goodness(view, ranked)
    ranked = [trial for trial in ranked if trial.number in shown]
    return {parameter.name: _slice(view, parameter, ranked, share, span) for parameter in view.space.parameters}


def _slice(
    view: CampaignView, parameter: Parameter, ranked: list[Trial], share: dict[int, float], span: list[float]
) -> style.Drawing:
    import plotly.graph_objects as go

    trials = [trial for trial in reversed(ranked) if parameter.name in trial.configuration]
    if not trials:
        return "No completed trial used it."
    points = go.Scatter(
        x=[place_of(parameter, trial) for trial in trials],
        y=[trial.value for trial in trials],
        mode="markers",
        marker={
            "size": 8,
            "color": [share[trial.number] for trial in trials],
            "colorscale": style.scale(),
            "cmin": 0,
            "cmax": 1,
            "line": {"width": [2 if trial is ranked[0] else 0 for trial in trials], "color": style.TEST},
        },
        customdata=[trial.number for trial in trials],
        text=[_describe(view, parameter, trial) for trial in trials],
        hoverinfo="text",
    )
    return style.figure(
        [points],
        230,
        margin={"l": 46, "r": 12, "t": 8, "b": 40},
        showlegend=False,
        xaxis=axis_of(parameter),
        yaxis=style.axis(range=span, nticks=5),
    )


def _describe(view: CampaignView, parameter: Parameter, trial: Trial) -> str:
    place = f"{parameter.name} = {wording.scalar(trial.configuration[parameter.name])}"
    return f"<b>trial {trial.number}</b><br>{style.text(f'{view.metric} {trial.value:.4f}')}<br>{style.text(place)}"


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
        return style.axis(range=[parameter.low - margin, parameter.high + margin], nticks=6)
    low, high = math.log10(parameter.low), math.log10(parameter.high)
    margin = 0.04 * (high - low) or 0.5
    ticks = style.log_ticks(parameter.low, parameter.high)
    return style.axis(
        type="log", range=[low - margin, high + margin], tickvals=ticks, ticktext=[wording.number(at) for at in ticks]
    )
