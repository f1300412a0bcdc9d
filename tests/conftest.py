"""Databases that tests of several layers need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import PostgresqlServer, start_postgresql


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Run one PostgreSQL server for the session; mark the test `postgresql`."""
    server = start_postgresql()
    yield server
    server.remove()


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> str:
    """Empty the PostgreSQL database."""
    return postgresql_server.empty_database()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give an empty database of each kind that the store knows."""
    if request.param == "sqlite":
        return str(tmp_path / "bohpo.db")
    return str(request.getfixturevalue("postgresql_url"))
