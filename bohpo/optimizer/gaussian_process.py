"""Bayesian optimization that knows what is running: startup points, then a Gaussian process.

The steps of a proposal by the model:

1. Place completed, failed and pending trials in the unit cube (`cube`).
2. Standardise the values, and fit the Gaussian process to completed and failed trials (`model`, `surrogate`).
3. Condition it on the pending ones, whose values nobody knows yet.
4. Take the point of the greatest acquisition that is none of these (`acquisition`), and count it as pending.
"""

from __future__ import annotations

import dataclasses
import logging
import time

import numpy as np

from bohpo.optimizer.cache import FitCache
from bohpo.optimizer.cube import Cube, keys_of
from bohpo.optimizer.protocol import History
from bohpo.optimizer.startup import startup_point
from bohpo.space import FloatParameter, Space
from bohpo.trial import Observation, Proposal

logger = logging.getLogger(__name__)

STARTUP_COMPLETED = 3
"""The model speaks from so many completed trials on."""


def propose(
    space: Space,
    history: History,
    n: int = 1,
    *,
    maximize: bool,
    seed: int,
    startup_completed: int = STARTUP_COMPLETED,
    first: int | None = None,
    cache: FitCache | None = None,
) -> list[Proposal]:
    """Propose configurations to train now.

    Args:
        space: What to search.
        history: What has completed and failed, and what is running.
        n: How many to propose.
        maximize: Whether greater values are better.
        seed: Of all that is random.
        startup_completed: The model speaks from so many completed trials on, and never without one.
        first: Index of the first proposal in the campaign; `history.proposed` where it is not given.
        cache: The last fit; it changes speed only.

    Returns:
        `n` proposals; none is in the history, or twice among them, where the space has another point.
    """
    cube = Cube(space)
    cache = cache or FitCache()
    completed = [observation.configuration for observation in history.completed]
    taken = keys_of(cube, [*completed, *history.failed, *history.pending])
    first = history.proposed if first is None else first
    proposals: list[Proposal] = []
    for index in range(first, first + n):
        began = time.perf_counter()
        proposal = None
        source = "startup"
        if len(completed) >= max(startup_completed, 1):
            proposal = _propose_by_model(cube, history, taken, [seed, index], cache, maximize=maximize)
            source = "fallback"
        proposal = proposal or Proposal(space.decode(startup_point(cube, index, seed, taken)), source)
        history = dataclasses.replace(history, pending=(*history.pending, proposal.configuration))
        taken |= keys_of(cube, [proposal.configuration])
        proposals.append(dataclasses.replace(proposal, seconds=time.perf_counter() - began))
    return proposals


class GaussianProcessOptimizer:
    """The optimizer of a campaign; see `propose`."""

    def __init__(self, space: Space, *, maximize: bool, seed: int, startup_completed: int = STARTUP_COMPLETED) -> None:
        """Search a space.

        Args:
            space: What to search.
            maximize: Whether greater values are better.
            seed: Of all that is random.
            startup_completed: The model speaks from so many completed trials on, and never without one.
        """
        self._space = space
        self._maximize = maximize
        self._seed = seed
        self._startup_completed = startup_completed
        self._cache = FitCache()

    def propose(self, history: History, n: int = 1) -> list[Proposal]:
        """Propose configurations; see `Optimizer.propose`."""
        return propose(
            self._space,
            history,
            n,
            maximize=self._maximize,
            seed=self._seed,
            startup_completed=self._startup_completed,
            cache=self._cache,
        )


def warm_up() -> None:
    """Load what the model needs by proposing once, seconds before it is needed; safe to call from a thread."""
    space = Space((FloatParameter("x", 0.0, 1.0),))
    history = History((Observation({"x": 0.2}, 0.0), Observation({"x": 0.9}, 1.0)))
    propose(space, history, maximize=True, seed=0, startup_completed=1)


def _propose_by_model(
    cube: Cube, history: History, taken: set[bytes], seed: list[int], cache: FitCache, *, maximize: bool
) -> Proposal | None:
    """Propose by the model; None where it fails, or where its search met only points that are taken."""
    import torch

    from bohpo.optimizer.acquisition import Search
    from bohpo.optimizer.model import learn
    from bohpo.optimizer.surrogate import NUMERICAL_ERRORS, one_thread

    try:
        with one_thread():
            model = learn(cube, history, cache, maximize=maximize)
            pending = torch.from_numpy(cube.features(*cube.encode(history.pending)))
            search = Search(cube, model.surrogate.believing(pending), np.random.default_rng(seed))
            choice = search.choose(model.best, taken)
            if choice is None:
                return None
            mean, sd = model.surrogate.moments(torch.from_numpy(cube.features(choice.point[None])))
    except NUMERICAL_ERRORS as error:
        logger.warning("the Gaussian process failed (%s); a Sobol point stands in for its proposal", error)
        return None
    return Proposal(
        cube.space.decode(choice.point),
        "model",
        predicted_mean=model.scale.objective(float(mean)),
        predicted_sd=model.scale.spread * float(sd),
        acquisition=choice.acquisition,
    )
