"""A campaign's trials in memory, brought up to date by reading only what has changed."""

from __future__ import annotations

from bohpo.store.protocol import Store
from bohpo.trial import Trial


class TrialsReader:
    """Reads a campaign again and again: the first time whole, then the trials that changed since.

    What others change through Optuna in a trial that bohpo proposed is seen by a reader that begins after it.
    """

    def __init__(self, store: Store, name: str) -> None:
        """Read the campaign `name` from `store`; the first `read` may raise `NotFoundError`."""
        self._store = store
        self._name = name
        self._revision = 0
        self._trials: dict[int, Trial] = {}

    def read(self) -> list[Trial]:
        """Give all trials as they stand now, by number."""
        changes = self._store.changes(self._name, self._revision)
        if changes.revision < self._revision:  # another database is in its place
            self._trials.clear()
            changes = self._store.changes(self._name)
        self._revision = changes.revision
        self._trials.update((trial.number, trial) for trial in changes.trials)
        return list(self._trials.values())
