"""PostgreSQL goes away and comes back: the store waits, and says so when it has waited too long."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from bohpo.errors import StoreError
from bohpo.store.database import DatabaseStore
from tests.services import PostgresqlServer, start_postgresql
from tests.store.examples import OUTCOME, PROPOSAL, begin

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """Run a server that these tests may stop."""
    started = start_postgresql()
    yield started
    started.remove()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["shutdown", "crash"])
def test_a_restarted_server_costs_no_write_and_doubles_none(server: PostgresqlServer, how: signal.Signals) -> None:
    store = DatabaseStore.open(server.empty_database(), patience_s=60.0)
    lease = begin(store)
    numbers: list[int] = []
    halfway, go_on = threading.Event(), threading.Event()

    def drive() -> None:
        for count in range(40):
            number = store.add_trial(lease, f"u{count}", PROPOSAL)
            numbers.append(number if store.complete_trial(lease, number, 0.5, OUTCOME) else -1)
            if count == 10:
                halfway.set()
            if count == 35:
                go_on.wait()

    driver = threading.Thread(target=drive)
    driver.start()
    halfway.wait()
    server.stop(how)
    server.start()
    go_on.set()
    driver.join()
    trials = store.trials("aneurysm")
    assert numbers == list(range(40))
    assert [(trial.number, trial.uid, trial.value) for trial in trials] == [(k, f"u{k}", 0.5) for k in range(40)]
    store.close()


def test_an_outage_that_lasts_is_told_and_leaves_the_store_usable(server: PostgresqlServer) -> None:
    store = DatabaseStore.open(server.empty_database(), patience_s=0.5)
    lease = begin(store)
    server.stop()
    with pytest.raises(StoreError, match="cannot be reached; check that the server runs"):
        store.add_trial(lease, "a", PROPOSAL)
    with pytest.raises(StoreError, match="cannot be reached"):
        store.trials("aneurysm")
    server.start()
    assert store.add_trial(lease, "a", PROPOSAL) == 0
    store.close()
