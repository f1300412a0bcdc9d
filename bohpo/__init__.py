"""Asynchronous parallel Bayesian hyperparameter search for medical-imaging networks on GPU clusters.

    import bohpo

    study = bohpo.Study.load("study.toml")
    campaign = bohpo.launch(study)  # or bohpo.launch("study.toml")

`bohpo.optimizer.BayesianSampler` is the optimizer as an Optuna sampler, `bohpo.evaluation` scores detectors,
`bohpo.trainer` is what a trainer needs. Everything here is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bohpo.campaign.launch import launch as launch
    from bohpo.errors import BohpoError as BohpoError
    from bohpo.study import Study as Study
    from bohpo.trial import Curve as Curve
    from bohpo.trial import Outcome as Outcome

_HOMES = {
    "BohpoError": "bohpo.errors",
    "Curve": "bohpo.trial",
    "Outcome": "bohpo.trial",
    "Study": "bohpo.study",
    "launch": "bohpo.campaign.launch",
}

__all__ = ["BohpoError", "Curve", "Outcome", "Study", "launch"]


def __getattr__(name: str) -> object:
    """Import a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bohpo' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
