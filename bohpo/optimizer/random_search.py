"""Random search: what every other optimizer has to beat."""

from __future__ import annotations

import time

import numpy as np

from bohpo.optimizer.cube import Cube, keys_of
from bohpo.optimizer.protocol import History
from bohpo.optimizer.startup import fresh_point
from bohpo.space import Space
from bohpo.trial import Proposal


class RandomOptimizer:
    """Propose uniformly at random in the unit cube, never the same twice."""

    def __init__(self, space: Space, *, seed: int, maximize: bool = True) -> None:
        """Search a space.

        Args:
            space: What to search.
            seed: Of all that is random.
            maximize: Without effect; taken so that all optimizers are made alike.
        """
        self._cube = Cube(space)
        self._seed = seed

    def propose(self, history: History, n: int = 1) -> list[Proposal]:
        """Propose configurations; see `Optimizer.propose`."""
        configurations = [observation.configuration for observation in history.completed]
        taken = keys_of(self._cube, [*configurations, *history.failed, *history.pending])
        proposals = []
        for index in range(history.proposed, history.proposed + n):
            began = time.perf_counter()
            point = fresh_point(self._cube, np.random.default_rng([self._seed, index]), taken)
            configuration = self._cube.space.decode(point)
            taken |= keys_of(self._cube, [configuration])
            proposals.append(Proposal(configuration, "startup", seconds=time.perf_counter() - began))
        return proposals
