"""Databases and queues that tests of several layers need; what keeps tests and their host out of each other's way."""

from __future__ import annotations

import locale
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import hypothesis
import pytest

from tests.chromium import CHROMIUM, launched
from tests.faults.figures import append_figure
from tests.isolation import SESSION, group_of, isolate, left_behind
from tests.services import (
    GridEngine,
    PostgresqlServer,
    SlurmCluster,
    start_grid_engine,
    start_postgresql,
    start_slurm,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

QueueT = TypeVar("QueueT", SlurmCluster, GridEngine)


def pytest_configure(config: pytest.Config) -> None:
    """Keep what this host's user has set up out of the tests, and what they write out of the user's home."""
    config.add_cleanup(isolate())
    hypothesis.settings.register_profile("untimed", deadline=None)  # beside other tests, anything may take its time
    hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the tests of one service run one after another, wherever tests run side by side (`--dist loadgroup`)."""
    for item in items:
        if (group := group_of(item)) is not None:
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Refuse to end with processes that tests have left."""
    yield
    assert left_behind(os.environ[SESSION]) == [], "tests left processes"


@pytest.fixture(autouse=True)
def _locale_is_kept() -> Iterator[None]:
    """Restore the locale after a test: ITK's writer of DICOM files sets that of the whole process."""
    before = locale.setlocale(locale.LC_ALL)
    yield
    locale.setlocale(locale.LC_ALL, before)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Take a promise's name and the figure that the test measured; `make faults` puts it into the table."""
    group = request.node.get_closest_marker("xdist_group")
    test = request.node.nodeid.removesuffix("" if group is None else f"@{group.args[0]}")
    return lambda promise, figure: append_figure(promise, figure, f"pytest {test}")


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


@pytest.fixture(scope="session")
def slurm_server() -> Iterator[SlurmCluster]:
    """Run one Slurm for the session; mark the test `slurm`."""
    cluster = start_slurm()
    yield cluster
    cluster.remove()


@pytest.fixture
def slurm(slurm_server: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmCluster]:
    """Have Slurm's commands find the session's Slurm; what the test broke or left is mended afterwards."""
    yield from _lent(slurm_server, monkeypatch)


@pytest.fixture(scope="session")
def grid_engine_server() -> Iterator[GridEngine]:
    """Run one Grid Engine for the session; mark the test `grid_engine`."""
    engine = start_grid_engine()
    yield engine
    engine.remove()


@pytest.fixture
def grid_engine(grid_engine_server: GridEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[GridEngine]:
    """Have Grid Engine's commands find the session's; what the test broke or left is mended afterwards."""
    yield from _lent(grid_engine_server, monkeypatch)


def _lent(queue: QueueT, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueT]:
    """Lend a session's queue to one test."""
    for name, value in queue.environment.items():
        monkeypatch.setenv(name, value)
    yield queue
    queue.mend()
    queue.cancel_all()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; without it the tests are skipped, unless services are required.

    A module's: while it is there, the thread counts as one that runs an event loop, and no other can run in it.
    """
    if not CHROMIUM.exists():
        message = f"{CHROMIUM} is missing; `make services` installs it"
        if os.environ.get("BOHPO_REQUIRE_SERVICES") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with launched() as chromium:
        yield chromium
