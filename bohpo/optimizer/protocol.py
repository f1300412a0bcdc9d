"""The optimizer as the campaign's loop knows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bohpo.trial import Configuration, Observation, Proposal


@dataclass(frozen=True, slots=True)
class History:
    """All that has happened so far.

    Attributes:
        completed: Trials with an outcome, in the order of their numbers.
        failed: Configurations without one, for good.
        pending: Configurations that were proposed and have no outcome yet.
    """

    completed: tuple[Observation, ...] = ()
    failed: tuple[Configuration, ...] = ()
    pending: tuple[Configuration, ...] = ()

    @property
    def proposed(self) -> int:
        """Count the configurations proposed so far."""
        return len(self.completed) + len(self.failed) + len(self.pending)


class Optimizer(Protocol):
    """Something that proposes what to train next."""

    def propose(self, history: History, n: int = 1) -> list[Proposal]:
        """Propose configurations to train now.

        The same history gives the same proposals, whatever was asked before and in whichever process.

        Args:
            history: What has completed and failed, and what is running; `n` more are going to run beside that.
            n: How many.

        Returns:
            `n` proposals, none of which is in the history or twice among them where the space has another point.
        """
        ...

    def prepare(self, history: History, n: int = 1) -> None:
        """Work ahead while jobs run, for when the next proposals are needed.

        The proposals are ready where nothing is heard until then. Where a result comes in first they are dropped, as
        the same history gives the same proposals; what they share with the next ones is kept. May be called from
        another thread than `propose`.

        Args:
            history: As it stands.
            n: How many.
        """
        ...
