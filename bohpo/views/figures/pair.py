"""Two parameters at a time: the trials by rank, over what the model expects between them."""

from __future__ import annotations

from typing import Any

from bohpo.space import CategoricalParameter, Parameter
from bohpo.trial import Scalar, Trial
from bohpo.views.campaign import CampaignView
from bohpo.views.figures import style
from bohpo.views.figures.slices import axis_of, place_of
from bohpo.views.figures.thinning import MOST_POINTS, drawn
from bohpo.views.surface import Surface

HEIGHTS = 12
"""Lines of equal height."""


def pair(view: CampaignView, across: str, up: str, expected: Surface | None = None) -> style.Drawing:
    """Draw the completed trials against two parameters, the better the rank the stronger the colour.

    Args:
        view: The campaign.
        across: Name of the parameter from left to right.
        up: Name of the parameter from bottom to top.
        expected: What the model expects there, drawn below the trials.
    """
    ranked = [trial for trial in view.ranked if {across, up} <= set(trial.configuration)]
    if not ranked:
        return f"No completed trial used both {across} and {up}."
    first, second = view.space[across], view.space[up]
    shown = {trial.number for trial in drawn(view, MOST_POINTS // 2)}
    ranks = {trial.number: rank for rank, trial in enumerate(ranked, start=1)}
    points = _points(view, first, second, [trial for trial in reversed(ranked) if trial.number in shown], ranks)
    return style.figure(
        [points] if expected is None else [_ground(view, first, second, expected), points],
        440,
        showlegend=False,
        xaxis={**axis_of(first), **_title(first)},
        yaxis={**axis_of(second), **_title(second)},
    )


def _points(
    view: CampaignView, across: Parameter, up: Parameter, worst_first: list[Trial], ranks: dict[int, int]
) -> Any:
    last = max(len(ranks) - 1, 1)
    return style.scatter(
        x=[place_of(across, trial) for trial in worst_first],
        y=[place_of(up, trial) for trial in worst_first],
        mode="markers",
        marker={
            "size": 9,
            "color": [1 - (ranks[trial.number] - 1) / last for trial in worst_first],
            "colorscale": style.scale(),
            "cmin": 0,
            "cmax": 1,
            "line": {
                "width": [2.5 if ranks[trial.number] == 1 else 0.8 for trial in worst_first],
                "color": [style.TEST if ranks[trial.number] == 1 else "#ffffff" for trial in worst_first],
            },
        },
        customdata=[trial.number for trial in worst_first],
        text=[f"rank {ranks[trial.number]} of {len(ranks)}<br>{style.describe(view, trial)}" for trial in worst_first],
        hoverinfo="text",
    )


def _ground(view: CampaignView, across: Parameter, up: Parameter, expected: Surface) -> Any:
    x, y = ([_place(p, value) for value in values] for p, values in ((across, expected.across), (up, expected.up)))
    bar = {
        "title": {"text": f"expected {style.text(view.metric)}", "side": "right", "font": {"size": 12}},
        "tickfont": {"size": 11},
        "thickness": 8,
        "outlinewidth": 0,
        "nticks": 5,
    }
    shared: dict[str, Any] = {
        "x": x,
        "y": y,
        "z": [list(row) for row in expected.mean],
        "colorscale": style.scale(),
        "reversescale": not view.maximize,
        "colorbar": bar,
        "hoverinfo": "skip",
        "opacity": 0.3,
    }
    if isinstance(across, CategoricalParameter) or isinstance(up, CategoricalParameter):
        return style.trace("heatmap", **shared, zsmooth=False)
    return style.trace("contour", **shared, ncontours=HEIGHTS, line={"width": 0.7, "color": style.RULE})


def _place(parameter: Parameter, value: Scalar) -> float:
    if isinstance(parameter, CategoricalParameter):
        return parameter.index(value)
    assert isinstance(value, int | float)
    return value


def _title(parameter: Parameter) -> dict[str, Any]:
    return {"title": style.axis(parameter.name)["title"]}
