"""How the trainings went: intermediate values against steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from bohpo.trial import Trial, TrialState
from bohpo.views.campaign import CampaignView
from bohpo.views.figures import style

Reports: TypeAlias = Mapping[int, Sequence[tuple[int, float]]]
"""Trial number -> intermediate values as (step, value), ascending steps."""


def learning_curves(view: CampaignView, reports: Reports) -> style.Drawing:
    """Draw the intermediate values of at most `MOST_LINES` trials, the better the trial the stronger."""
    reported = [trial for trial in view.trials if reports.get(trial.number)]
    if not reported:
        return "The trainer reported no intermediate values."
    best, share = view.best, style.goodness(view.ranked)
    places = {trial.number: -1.0 if trial.value is None else share(trial) for trial in reported}
    return style.figure(
        [
            _line(view, trial, reports[trial.number], max(places[trial.number], 0.0), is_best=trial is best)
            for trial in sorted(reported, key=lambda trial: places[trial.number])[-style.MOST_LINES :]
        ],
        360,
        showlegend=False,
        xaxis=style.axis("step"),
        yaxis=style.axis("reported by the trainer"),
    )


def _line(
    view: CampaignView, trial: Trial, reported: Sequence[tuple[int, float]], at: float, *, is_best: bool
) -> style.Trace:
    steps, values = zip(*reported, strict=True)
    failed = trial.state is TrialState.FAILED
    return style.scatter(
        x=list(steps),
        y=list(values),
        mode="lines" if len(steps) > 1 else "markers",
        line={
            "color": style.FAILED if failed else style.shade(at, 0.4 + 0.6 * at),
            "width": 2.8 if is_best else 1.3,
            "dash": "dot" if failed else "solid",
        },
        customdata=[trial.number] * len(steps),
        hovertemplate=f"step %{{x:d}}: %{{y:.4~g}}<br>{style.template(style.describe(view, trial))}<extra></extra>",
    )
