"""On functions whose optimum is known, the model beats random search by far."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from bohpo.optimizer import GaussianProcessOptimizer, History, Optimizer, RandomOptimizer
from bohpo.space import FloatParameter, Space
from bohpo.trial import Configuration, Observation

Function = Callable[[Configuration], float]

UNIT_CUBE_6 = Space(tuple(FloatParameter(f"x{j}", 0.0, 1.0) for j in range(6)))
BRANIN_SPACE = Space((FloatParameter("x0", -5.0, 10.0), FloatParameter("x1", 0.0, 15.0)))


def vector(configuration: Configuration) -> list[float]:
    return [float(configuration[f"x{j}"] or 0.0) for j in range(len(configuration))]


def branin(configuration: Configuration) -> float:
    """Least value 0.397887; Branin 1972."""
    x, y = vector(configuration)
    curve = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return curve**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann6(configuration: Configuration) -> float:
    """Least value -3.32237; Hartman 1973."""
    heights = np.array([1.0, 1.2, 3.0, 3.2])
    widths = np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    )
    centres = 1e-4 * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )
    exponents = (widths * (np.array(vector(configuration)) - centres) ** 2).sum(axis=1)
    return -float(heights @ np.exp(-exponents))


def least(optimizer: Optimizer, function: Function, *, trials: int, workers: int = 4) -> float:
    """Give the least value found with several workers, each trial ending in the order of its start."""
    completed: list[Observation] = []
    pending: list[Configuration] = []
    while len(completed) < trials:
        missing = min(workers, trials - len(completed)) - len(pending)
        proposals = optimizer.propose(History(tuple(completed), pending=tuple(pending)), missing)
        pending += [proposal.configuration for proposal in proposals]
        ended = pending.pop(0)
        completed.append(Observation(ended, function(ended)))
    return min(observation.value for observation in completed)


@pytest.mark.parametrize(
    ("space", "function", "lead"),
    [(BRANIN_SPACE, branin, 0.8), (UNIT_CUBE_6, hartmann6, 0.5)],
    ids=["branin", "hartmann6"],
)
def test_thirty_trials_of_the_model_beat_random_search(space: Space, function: Function, lead: float) -> None:
    seeds = range(5)
    modelled = [
        least(GaussianProcessOptimizer(space, maximize=False, seed=seed), function, trials=30) for seed in seeds
    ]
    drawn = [least(RandomOptimizer(space, seed=seed), function, trials=30) for seed in seeds]
    assert np.mean(modelled) < np.mean(drawn) - lead
