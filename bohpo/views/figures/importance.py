"""Which parameters the good trials have in common.

Source:
    Watanabe, Bansal, Hutter 2023, PED-ANOVA: how far a parameter's density among the best trials is from its density
    among all; as implemented in Optuna, which extends it to conditional parameters.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from bohpo.space import to_distribution
from bohpo.trial import Trial
from bohpo.views.campaign import CampaignView
from bohpo.views.figures import style

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

FEWEST_TRIALS = 12
"""Below that, the measure says more about chance than about the parameters."""
FEWEST_GOOD = 5
"""Optuna advises at least so many trials in the best part."""


def shares(view: CampaignView) -> dict[str, float]:
    """Measure the parameters' importance.

    Returns:
        Name of the parameter -> share, the greatest first; the sum is 1. Empty with fewer than `FEWEST_TRIALS`
        completed trials, or where no parameter has two values.
    """
    complete = view.ranked
    if len(complete) < FEWEST_TRIALS:
        return {}
    from optuna.importance import PedAnovaImportanceEvaluator

    evaluator = PedAnovaImportanceEvaluator(target_quantile=max(0.1, FEWEST_GOOD / len(complete)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        measured = evaluator.evaluate(_study(view, complete))
    total = sum(measured.values())
    return {name: share / total for name, share in measured.items()} if total > 0 else {}


def importance(view: CampaignView) -> style.Drawing:
    """Draw the parameters' importance as bars, the greatest on top."""
    import plotly.graph_objects as go

    measured = shares(view)
    if not measured:
        return f"Not enough trials: {len(view.ranked)} have completed, the measure needs {FEWEST_TRIALS}."
    names = list(reversed(measured))
    bars = go.Bar(
        y=list(range(len(names))),
        x=[measured[name] for name in names],
        orientation="h",
        marker={"color": style.ACCENT, "opacity": 0.85},
        text=[f"{100 * measured[name]:.0f} %" for name in names],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    return style.figure(
        [bars],
        70 + 30 * len(names),
        margin={"l": 8, "r": 48, "t": 8, "b": 16},
        xaxis={"visible": False, "range": [0, 1.08 * max(measured.values())], "fixedrange": True},
        yaxis={
            "automargin": True,
            "fixedrange": True,
            "tickvals": list(range(len(names))),
            "ticktext": [f"{style.label(name)}  " for name in names],
        },
        bargap=0.4,
    )


def _study(view: CampaignView, complete: list[Trial]) -> Study:
    """Give the completed trials to Optuna, in memory and without a word on stderr."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(direction="maximize" if view.maximize else "minimize")
        study.add_trials([_frozen(view, trial) for trial in complete])
    finally:
        optuna.logging.set_verbosity(verbosity)
    return study


def _frozen(view: CampaignView, trial: Trial) -> FrozenTrial:
    from optuna.trial import create_trial

    params: dict[str, Any] = dict(trial.configuration)
    return create_trial(
        params=params,
        distributions={name: to_distribution(view.space[name]) for name in params},
        value=trial.value,
    )
