"""From what has completed, failed and is running to what to train next.

Importing this package imports no torch: the sampler and the model load when they are first used. `warm_up` loads
what the model needs ahead of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bohpo.optimizer.cache import FitCache
from bohpo.optimizer.gaussian_process import GaussianProcessOptimizer, propose, warm_up
from bohpo.optimizer.protocol import History, Optimizer
from bohpo.optimizer.random_search import RandomOptimizer

if TYPE_CHECKING:
    from bohpo.optimizer.sampler import BayesianSampler

__all__ = [
    "BayesianSampler",
    "FitCache",
    "GaussianProcessOptimizer",
    "History",
    "Optimizer",
    "RandomOptimizer",
    "propose",
    "warm_up",
]


def __getattr__(name: str) -> Any:
    if name == "BayesianSampler":
        from bohpo.optimizer.sampler import BayesianSampler

        return BayesianSampler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
