"""The store of a simulation promises what every store promises, over the same suite."""

from __future__ import annotations

import time

import pytest

import tests.contracts.test_store_contract as contract
from bohpo.simulation.clock import VirtualClock
from bohpo.simulation.store import MemoryStore
from bohpo.store import Store

OF_A_DATABASE = {"test_what_one_connection_wrote_another_reads", "test_whatever_a_trainer_printed_can_be_kept"}
"""Memory has no connections, and holds any text as it is."""

globals().update(
    {name: test for name, test in vars(contract).items() if name.startswith("test_") and name not in OF_A_DATABASE}
)


class RealTime(VirtualClock):
    """A clock that shows the time."""

    def now(self) -> float:
        """Give the time."""
        return time.time()

    def database_time(self) -> float:
        """Give the time."""
        return time.time()


@pytest.fixture
def store() -> Store:
    """Give a store without campaigns."""
    return MemoryStore(RealTime())
