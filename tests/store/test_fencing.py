"""Two real processes and one lease: the driver that was stopped for too long writes nothing when it wakes up."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bohpo.errors import LeaseError, StoreError
from bohpo.store import Lease, Owner, StopRequest, Store, open_store, transactions
from bohpo.store.database import DatabaseStore
from tests.store.examples import PROPOSAL, another_owner, begin, create_campaign
from tests.store.processes import next_line, wait_until_stopped, writer


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """Open a store with a campaign that nobody drives."""
    opened = open_store(database_url)
    create_campaign(opened)
    yield opened
    opened.close()


def take_over(store: Store) -> Lease:
    """Take the lease as soon as it has expired."""
    while True:
        try:
            return store.acquire_lease("aneurysm", Owner.this_process(), 60.0)
        except LeaseError:
            time.sleep(0.05)


def test_of_many_drivers_one_gets_the_lease(store: Store, database_url: str) -> None:
    with ExitStack() as stack:
        drivers = [stack.enter_context(writer(database_url, "acquire")) for _ in range(3)]
        answers = [next_line(driver) for driver in drivers]
        assert sorted(answer["did"] for answer in answers) == ["lease", "refused", "refused"]
        winner = drivers[[answer["did"] for answer in answers].index("lease")]
        assert all(
            f"process {winner.pid} on" in answer.get("message", f"process {winner.pid} on") for answer in answers
        )
        with pytest.raises(LeaseError, match=f"process {winner.pid} on"):
            store.acquire_lease("aneurysm", another_owner(), 60.0)
        winner.kill()
        winner.wait()
        assert store.acquire_lease("aneurysm", another_owner(), 60.0).token == 2


def test_a_driver_that_slept_through_its_lease_writes_nothing(store: Store, database_url: str) -> None:
    with writer(database_url, "stop-between") as driver:
        wait_until_stopped(driver)
        lease = take_over(store)
        store.add_trial(lease, "mine", PROPOSAL)
        before = store.trials("aneurysm"), store.lease("aneurysm")
        driver.send_signal(signal.SIGCONT)
        answer = next_line(driver)
    assert (answer["did"], "taken over" in answer["message"]) == ("refused", True)
    assert (store.trials("aneurysm"), store.lease("aneurysm")) == before


@pytest.mark.postgresql
def test_a_driver_stopped_in_a_transaction_cannot_block_its_successor(postgresql_url: str) -> None:
    store = open_store(postgresql_url)
    create_campaign(store)
    with writer(postgresql_url, "stop-within") as driver:
        wait_until_stopped(driver)
        lease = take_over(store)
        driver.send_signal(signal.SIGCONT)
        assert next_line(driver)["did"] == "refused"
        store.add_trial(lease, "mine", PROPOSAL)
    assert [trial.uid for trial in store.trials("aneurysm")] == ["before", "mine"]
    store.close()


def test_a_driver_stopped_in_a_transaction_on_sqlite_blocks_until_it_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "SQLITE_BUSY_S", 0.1)
    url = str(tmp_path / "bohpo.db")
    store = DatabaseStore.open(url, patience_s=0.5)
    create_campaign(store)
    with writer(url, "stop-within") as driver:
        wait_until_stopped(driver)
        with pytest.raises(StoreError, match=r"stays locked .* suspended in the middle of a write"):
            take_over(store)
        assert [trial.uid for trial in store.trials("aneurysm")] == ["before"]
        driver.kill()
        driver.wait()
    lease = take_over(store)
    store.add_trial(lease, "mine", PROPOSAL)
    assert [trial.uid for trial in store.trials("aneurysm")] == ["before", "mine"]
    store.close()


def test_others_ask_for_stops_and_read_while_a_driver_writes(database_url: str) -> None:
    store = open_store(database_url)
    lease = begin(store)
    with ExitStack() as stack:
        asking = [stack.enter_context(writer(database_url, "ask", "40")) for _ in range(2)]
        for number in range(60):
            assert store.add_trial(lease, f"u{number}", PROPOSAL) == number
            assert len(store.trials("aneurysm")) == number + 1
        assert [next_line(process)["did"] for process in asking] == ["ask", "ask"]
        assert [process.wait() for process in asking] == [0, 0]
    campaign = store.campaign("aneurysm")
    assert (campaign.stop_request, campaign.budget_trials) == (StopRequest.DRAIN, 40)
    store.close()
