"""Bayesian optimization that knows what is running: startup points, then a Gaussian process.

The steps of a proposal by the model:

1. Place completed, failed and pending trials in the unit cube (`cube`).
2. Standardise the values, and fit the Gaussian process to completed and failed trials (`model`, `fit`, `posterior`).
3. Condition its standard deviation on the pending ones, whose values nobody knows yet.
4. Take the point of the greatest acquisition that is none of these (`search`), and count it as pending.

Several proposals share steps 1 and 2.
"""

from __future__ import annotations

import threading

from bohpo.optimizer.memory import Memory
from bohpo.optimizer.protocol import History
from bohpo.optimizer.recipe import Recipe
from bohpo.optimizer.round import Feasible, Round
from bohpo.space import Space
from bohpo.trial import Proposal

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
    feasible: Feasible | None = None,
    recipe: Recipe | None = None,
    memory: Memory | None = None,
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
        feasible: Whether a configuration can be trained; only such are proposed.
        recipe: The parts of the optimizer, to leave some out.
        memory: Of the proposals before; it changes speed only.

    Returns:
        `n` proposals; none is in the history, or twice among them, where the space has another point.

    Raises:
        SpaceError: If no feasible configuration was found.
    """
    round_ = Round(space, history, maximize=maximize, seed=seed, feasible=feasible, recipe=recipe, memory=memory)
    first = history.proposed if first is None else first
    if len(history.completed) >= max(startup_completed, 1):
        return [round_.by_model(index) for index in range(first, first + n)]
    return round_.by_startup(first, n)


class GaussianProcessOptimizer:
    """The optimizer of a campaign; see `propose`. Its methods may be called from several threads."""

    def __init__(
        self,
        space: Space,
        *,
        maximize: bool,
        seed: int,
        startup_completed: int = STARTUP_COMPLETED,
        feasible: Feasible | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        """Search a space.

        Args:
            space: What to search.
            maximize: Whether greater values are better.
            seed: Of all that is random.
            startup_completed: The model speaks from so many completed trials on, and never without one.
            feasible: Whether a configuration can be trained; only such are proposed.
            recipe: The parts of the optimizer, to leave some out.
        """
        self._space = space
        self._maximize = maximize
        self._seed = seed
        self._startup_completed = startup_completed
        self._feasible, self._recipe = feasible, recipe
        self._memory = Memory()
        self._ahead: tuple[History, list[Proposal]] | None = None
        self._lock = threading.Lock()

    def propose(self, history: History, n: int = 1) -> list[Proposal]:
        """Propose configurations; see `Optimizer.propose`."""
        with self._lock:
            ready = self._ready(history)
            if len(ready) < n:
                return self._propose(history, n)
            return ready[:n]

    def prepare(self, history: History, n: int = 1) -> None:
        """Work ahead while jobs run; see `Optimizer.prepare`."""
        with self._lock:
            if len(self._ready(history)) < n:
                self._ahead = (history, self._propose(history, n))

    def _ready(self, history: History) -> list[Proposal]:
        """Give the proposals made ahead, none where something was heard since."""
        return self._ahead[1] if self._ahead is not None and self._ahead[0] == history else []

    def _propose(self, history: History, n: int) -> list[Proposal]:
        return propose(
            self._space,
            history,
            n,
            maximize=self._maximize,
            seed=self._seed,
            startup_completed=self._startup_completed,
            feasible=self._feasible,
            recipe=self._recipe,
            memory=self._memory,
        )
