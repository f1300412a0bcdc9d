"""From what has completed, failed and is running to what to train next.

Importing this package imports numpy and scipy, no torch and no optuna: the sampler loads when it is first used, and
BoTorch's counterpart of the model (`reference`) only where it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bohpo.optimizer.explain import Explanation, explain
from bohpo.optimizer.gaussian_process import GaussianProcessOptimizer, propose
from bohpo.optimizer.memory import Memory
from bohpo.optimizer.protocol import History, Optimizer
from bohpo.optimizer.random_search import RandomOptimizer
from bohpo.optimizer.recipe import Recipe

if TYPE_CHECKING:
    from bohpo.optimizer.sampler import BayesianSampler

__all__ = [
    "BayesianSampler",
    "Explanation",
    "GaussianProcessOptimizer",
    "History",
    "Memory",
    "Optimizer",
    "RandomOptimizer",
    "Recipe",
    "explain",
    "propose",
]


def __getattr__(name: str) -> Any:
    if name == "BayesianSampler":
        from bohpo.optimizer.sampler import BayesianSampler

        return BayesianSampler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
