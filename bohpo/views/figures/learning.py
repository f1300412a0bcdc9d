"""How the trainings went: intermediate values against steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from bohpo.trial import TrialState
from bohpo.views.campaign import CampaignView
from bohpo.views.figures import style

Reports: TypeAlias = Mapping[int, Sequence[tuple[int, float]]]
"""Trial number -> intermediate values as (step, value), ascending steps."""


def learning_curves(view: CampaignView, reports: Reports) -> style.Drawing:
    """Draw the intermediate values of at most `MOST_LINES` trials, the better the trial the stronger."""
    import plotly.graph_objects as go

    best, share = view.best, style.goodness(view, view.ranked)
    reported = [trial for trial in view.trials if reports.get(trial.number)]
    if not reported:
        return "The trainer reported no intermediate values."
    traces = []
    for trial in sorted(reported, key=lambda trial: share.get(trial.number, -1.0))[-style.MOST_LINES :]:
        failed = trial.state is TrialState.FAILED
        at = share.get(trial.number, 0.0)
        steps, values = zip(*reports[trial.number], strict=True)
        traces.append(
            go.Scatter(
                x=list(steps),
                y=list(values),
                mode="lines" if len(steps) > 1 else "markers",
                line={
                    "color": style.FAILED if failed else style.shade(at, 0.4 + 0.6 * at),
                    "width": 2.8 if trial is best else 1.3,
                    "dash": "dot" if failed else "solid",
                },
                customdata=[trial.number] * len(steps),
                text=[
                    f"step {step}: {value:.4g}<br>{style.describe(view, trial)}"
                    for step, value in reports[trial.number]
                ],
                hoverinfo="text",
            )
        )
    return style.figure(
        traces, 360, showlegend=False, xaxis=style.axis("step"), yaxis=style.axis("reported by the trainer")
    )
