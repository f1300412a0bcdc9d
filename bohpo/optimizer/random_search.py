"""Random search: what every other optimizer has to beat."""

from __future__ import annotations

from bohpo.optimizer.protocol import History
from bohpo.optimizer.round import Feasible, Round
from bohpo.space import Space
from bohpo.trial import Proposal


class RandomOptimizer:
    """Propose uniformly at random in the unit cube, never the same twice."""

    def __init__(self, space: Space, *, seed: int, maximize: bool = True, feasible: Feasible | None = None) -> None:
        """Search a space.

        Args:
            space: What to search.
            seed: Of all that is random.
            maximize: Without effect; taken so that all optimizers are made alike.
            feasible: Whether a configuration can be trained; only such are proposed.
        """
        self._space = space
        self._seed = seed
        self._feasible = feasible

    def propose(self, history: History, n: int = 1) -> list[Proposal]:
        """Propose configurations; see `Optimizer.propose`."""
        round_ = Round(self._space, history, maximize=True, seed=self._seed, feasible=self._feasible)
        return [round_.by_chance(index) for index in range(history.proposed, history.proposed + n)]

    def prepare(self, history: History, n: int = 1) -> None:
        """Do nothing: a draw costs nothing."""
