"""The lease of a driver that is busy, and of one that hangs."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bohpo.campaign.launch import begin
from bohpo.campaign.lease import holding
from bohpo.errors import LeaseError, StoreError
from bohpo.store import Lease, Owner, Store, open_store
from tests.campaign.test_loop import study


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(str(tmp_path / "bohpo.db"))) as opened:
        begin(study(), opened, tmp_path)
        yield opened


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bohpo.campaign.lease.RENEW_S", 0.05)


def elsewhere() -> Owner:
    return Owner("another-host", 1, 1)


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def expires(store: Store) -> float:
    lease = store.lease("specimen")
    assert lease is not None
    return lease.expires


def test_the_lease_is_renewed_while_the_driver_is_busy(store: Store) -> None:
    lease = store.acquire_lease("specimen", elsewhere(), 30.0)
    with holding(store, lease, time.monotonic):
        wait_until(lambda: expires(store) > lease.expires + 1.0)
    assert not any(thread.name == "lease" for thread in threading.enumerate())


def test_a_driver_that_hangs_loses_its_lease(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bohpo.campaign.lease.LONGEST_STEP_S", 0.0)
    lease = store.acquire_lease("specimen", elsewhere(), 1.0)
    with holding(store, lease, lambda: time.monotonic() - 1.0):
        wait_until(lambda: store.lease("specimen") is None)
        other = store.acquire_lease("specimen", Owner.this_process(), 30.0)
    with pytest.raises(LeaseError, match="taken over"):
        store.add_event(lease, "late", "a write of the one that hung")
    store.release_lease(other)


def test_an_outage_of_the_database_does_not_end_the_renewal(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = store.acquire_lease("specimen", elsewhere(), 30.0)
    renew = store.renew_lease
    failures: list[Lease] = []

    def fail_at_first(held: Lease, seconds: float) -> Lease:
        if len(failures) < 3:
            failures.append(held)
            raise StoreError("the database is out of reach")
        return renew(held, seconds)

    monkeypatch.setattr(store, "renew_lease", fail_at_first)
    with holding(store, lease, time.monotonic):
        wait_until(lambda: expires(store) > lease.expires + 0.1)
    assert len(failures) == 3
