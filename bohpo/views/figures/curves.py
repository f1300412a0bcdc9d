"""The curve behind the score, with its confidence band: FROC of a detector, ROC of a classifier of cases."""

from __future__ import annotations

from typing import Any

from bohpo.trial import Curve
from bohpo.views.campaign import CampaignView
from bohpo.views.figures import style
from bohpo.views.operating import operating_points

NEXT_BEST = (style.MODEL, style.OTHER, style.RETRIED, style.STARTUP)
"""Colours of the next best trials' bands."""


def froc(view: CampaignView, *, banded: int = 1) -> style.Drawing:
    """Draw the FROC of the best trials, with the end of its partial area.

    Args:
        view: The campaign.
        banded: So many of the best trials are drawn with their bands; the others are faint lines.
    """
    return _curve(view, "froc", banded, _limit(view))


def roc(view: CampaignView, *, banded: int = 1) -> style.Drawing:
    """Draw the ROC of the best trials, with the diagonal of a guess; arguments as for `froc`."""
    guess = {"color": style.INK, "width": 1, "dash": "dot"}
    line = {"type": "line", "x0": 0, "y0": 0, "x1": 1, "y1": 1, "line": guess}
    return _curve(view, "roc", banded, {"shapes": [line]})


def _curve(view: CampaignView, name: str, banded: int, layout: dict[str, Any]) -> style.Drawing:
    """Draw the best trials' curves, with operating points of the first, and the test cases' if evaluated."""
    best = view.best
    curve = None if best is None else view.curves.get(best.number, {}).get(name)
    if best is None or curve is None:
        return f"The best trial gave no curve named {name!r}."
    traces: list[Any] = []
    for rank, trial in enumerate(view.ranked[1:], start=1):
        other = view.curves.get(trial.number, {}).get(name)
        if other is not None and rank < banded:
            colour = NEXT_BEST[(rank - 1) % len(NEXT_BEST)]
            traces += _banded(other, f"trial {trial.number}", colour, opacity=0.1)
        elif other is not None:
            traces.append(_line(other, f"trial {trial.number}", style.STARTUP, faint=True))
    traces += _banded(curve, f"validation, trial {best.number}", style.ACCENT)
    evaluation = next((e for e in reversed(view.evaluations) if name in e.outcome.curves), None)
    if evaluation is not None:
        traces += _banded(evaluation.outcome.curves[name], f"test cases, trial {evaluation.trial}", style.TEST)
    traces += _operating_points(curve, name)
    return style.figure(
        traces,
        440,
        xaxis=style.axis(curve.x_label or "x", rangemode="tozero"),
        yaxis=style.axis(curve.y_label or name, rangemode="tozero"),
        **layout,
    )


def _banded(curve: Curve, label: str, colour: str, *, opacity: float = 0.16) -> list[Any]:
    if not curve.lower or not curve.upper:
        return [_line(curve, label, colour)]
    band = style.scatter(
        x=[*curve.x, *reversed(curve.x)],
        y=[*curve.upper, *reversed(curve.lower)],
        mode="lines",
        fill="toself",
        fillcolor=style.translucent(colour, opacity),
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        legendgroup=label,
    )
    return [band, _line(curve, label, colour)]


def _line(curve: Curve, label: str, colour: str, *, faint: bool = False) -> Any:
    return style.scatter(
        x=list(curve.x),
        y=list(curve.y),
        mode="lines",
        line={"color": style.translucent(colour, 0.45) if faint else colour, "width": 1 if faint else 2.5},
        hovertemplate=f"{label}<br>%{{y:.3f}} at %{{x:.3~g}}<extra></extra>",
        name=label,
        legendgroup=label,
        showlegend=not faint,
    )


def _operating_points(curve: Curve, name: str) -> list[Any]:
    """Mark where the best detector may be run, at the false positives per case that the field reads its curves at."""
    points = operating_points(curve, name)
    if not points:
        return []
    marks = style.scatter(
        x=[point.fps_per_case for point in points],
        y=[point.sensitivity for point in points],
        mode="markers",
        marker={"size": 8, "color": "#ffffff", "line": {"width": 2, "color": style.ACCENT}},
        text=[point.words for point in points],
        hoverinfo="text",
        name="operating points",
    )
    return [marks]


def _limit(view: CampaignView) -> dict[str, Any]:
    if view.limit is None:
        return {}
    line = {"color": style.INK, "width": 1, "dash": "dot"}
    note = {"text": f"area to {view.limit:g}", "x": view.limit, "y": 0, "yref": "paper", "showarrow": False}
    return {
        "shapes": [
            {"type": "line", "x0": view.limit, "x1": view.limit, "y0": 0, "y1": 1, "yref": "paper", "line": line}
        ],
        "annotations": [{**note, "xanchor": "right", "yanchor": "bottom", "xshift": -6}],
    }
