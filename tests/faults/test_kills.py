"""A few kills at seeded moments; `python -m tests.faults.kills --kills 1000` does many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.kills import SEED, kill_campaigns
from tests.services import PostgresqlServer, start_postgresql

KILLS = 6


@pytest.fixture
def server() -> Iterator[PostgresqlServer]:
    """Run a server that the test may kill."""
    started = start_postgresql()
    yield started
    started.remove()


@pytest.mark.kills
@pytest.mark.slurm
@pytest.mark.postgresql
@pytest.mark.usefixtures("slurm")
def test_a_few_kills_lose_nothing(
    server: PostgresqlServer, tmp_path: Path, measured: Callable[[str, str], None]
) -> None:
    tally = kill_campaigns(KILLS, SEED, tmp_path, server, trials=10)
    assert tally.kills.total() == KILLS
    measured("P1", f"{tally}; seed {SEED}")
