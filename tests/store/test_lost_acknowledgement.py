"""A COMMIT takes effect and its acknowledgement is lost: the store repeats it, and nothing happens twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from sqlalchemy import PoolProxiedConnection
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.interfaces import DBAPIConnection

from bohpo.store import Announcement, CampaignState, Evaluation, Lease, Owner, StopRequest, Store, open_store
from bohpo.trial import Attempt, AttemptState, TrialState
from tests.services import DATABASE, PostgresqlServer
from tests.store.examples import OUTCOME, PROPOSAL, begin, create_campaign
from tests.store.proxy import Proxy

COMMIT: Callable[[DefaultDialect, DBAPIConnection], None] = DefaultDialect.do_commit


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """Open a store over an empty database."""
    opened = open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lose an acknowledgement for each item of this list: fill it when the next commit is to be lost."""
    pending: list[str] = []

    def commit_and_lose(dialect: DefaultDialect, connection: DBAPIConnection) -> None:
        COMMIT(dialect, connection)
        if pending:
            pending.pop()
            raise lost(dialect, connection)

    monkeypatch.setattr(DefaultDialect, "do_commit", commit_and_lose)
    return pending


def lost(dialect: DefaultDialect, connection: DBAPIConnection) -> Exception:
    """Break the connection and give the error that the driver would raise."""
    if dialect.name == "sqlite":
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        return error
    assert isinstance(connection, PoolProxiedConnection)
    assert connection.driver_connection is not None
    connection.driver_connection.close()
    return psycopg.OperationalError("server closed the connection unexpectedly")


def test_a_proposal_makes_one_trial(store: Store, losses: list[str]) -> None:
    lease = begin(store)
    losses.append("add_trial")
    assert store.add_trial(lease, "a", PROPOSAL) == 0
    assert losses == []
    assert [trial.uid for trial in store.trials("aneurysm")] == ["a"]


def test_an_outcome_is_told_as_recorded(store: Store, losses: list[str]) -> None:
    lease = begin(store)
    store.add_trial(lease, "a", PROPOSAL)
    losses.append("complete_trial")
    assert store.complete_trial(lease, 0, 0.75, OUTCOME, [(1, 0.5)])
    assert not store.complete_trial(lease, 0, 0.75, OUTCOME, [(1, 0.5)])
    assert store.trial("aneurysm", 0).value == 0.75


def test_a_failure_is_told_as_recorded(store: Store, losses: list[str]) -> None:
    lease = begin(store)
    store.add_trial(lease, "a", PROPOSAL)
    losses.append("fail_trial")
    assert store.fail_trial(lease, 0, "diverged")
    assert not store.fail_trial(lease, 0, "diverged")
    assert store.trial("aneurysm", 0).state is TrialState.FAILED


def test_a_campaign_is_begun_once(store: Store, losses: list[str]) -> None:
    losses.append("create_campaign")
    campaign = create_campaign(store)
    assert store.campaigns() == [campaign]


def test_a_lease_is_granted_once(store: Store, losses: list[str]) -> None:
    create_campaign(store)
    losses.append("acquire_lease")
    lease = store.acquire_lease("aneurysm", Owner.this_process(), 60.0)
    assert lease.token == 1
    assert store.lease("aneurysm") == lease


@pytest.mark.parametrize(
    ("write", "read", "expected"),
    [
        (
            lambda store, lease: store.add_event(lease, "launched", "begun"),
            lambda store: [event.kind for event in store.events("aneurysm")],
            ["launched"],
        ),
        (
            lambda store, lease: store.add_evaluation("aneurysm", Evaluation(0, 1.0, OUTCOME)),
            lambda store: store.evaluations("aneurysm"),
            [Evaluation(0, 1.0, OUTCOME)],
        ),
        (
            lambda store, lease: store.save_attempt(lease, Attempt(0, 1, AttemptState.RUNNING)),
            lambda store: store.trial("aneurysm", 0).attempts,
            (Attempt(0, 1, AttemptState.RUNNING),),
        ),
        (
            lambda store, lease: store.set_state(lease, CampaignState.STOPPED),
            lambda store: store.campaign("aneurysm").state,
            CampaignState.STOPPED,
        ),
        (
            lambda store, lease: store.request_stop("aneurysm", StopRequest.DRAIN),
            lambda store: store.campaign("aneurysm").stop_request,
            StopRequest.DRAIN,
        ),
        (lambda store, lease: store.release_lease(lease), lambda store: store.lease("aneurysm"), None),
    ],
    ids=["add_event", "add_evaluation", "save_attempt", "set_state", "request_stop", "release_lease"],
)
def test_a_repeated_write_changes_nothing(
    store: Store,
    losses: list[str],
    write: Callable[[Store, Lease], None],
    read: Callable[[Store], object],
    expected: object,
) -> None:
    lease = begin(store)
    store.add_trial(lease, "a", PROPOSAL)
    losses.append("write")
    write(store, lease)
    assert losses == []
    assert read(store) == expected


@pytest.fixture
def proxy(postgresql_server: PostgresqlServer) -> Iterator[Proxy]:
    """Run a proxy before the PostgreSQL server."""
    started = Proxy(postgresql_server.port)
    yield started
    started.close()


@pytest.mark.postgresql
@pytest.mark.usefixtures("postgresql_url")
def test_a_network_that_breaks_in_every_commit_loses_and_doubles_nothing(
    postgresql_server: PostgresqlServer, proxy: Proxy
) -> None:
    password = postgresql_server.password.replace(" ", "%20")
    store = open_store(f"postgresql://postgres:{password}@127.0.0.1:{proxy.port}/{DATABASE}")

    def broken(write: Callable[[], Any]) -> Any:
        before = proxy.swallowed
        proxy.swallow = 1
        result = write()
        assert proxy.swallowed == before + 1
        return result

    campaign = broken(lambda: create_campaign(store))
    lease = broken(lambda: store.acquire_lease(campaign.name, Owner.this_process(), 60.0))
    told = Announcement("told", "once")
    for number in range(3):
        assert broken(partial(store.add_trial, lease, f"u{number}", PROPOSAL, announcement=lambda _: told)) == number
        broken(partial(store.save_attempt, lease, Attempt(number, 1, AttemptState.RUNNING), announcement=told))
    ended = Attempt(0, 1, AttemptState.COMPLETED)
    assert broken(lambda: store.complete_trial(lease, 0, 0.75, OUTCOME, attempt=ended, announcement=told))
    assert broken(lambda: store.fail_trial(lease, 1, "diverged", announcement=told))
    broken(lambda: store.release_lease(lease))
    trials = store.trials(campaign.name)
    assert [(trial.uid, trial.value) for trial in trials] == [("u0", 0.75), ("u1", None), ("u2", None)]
    assert [len(trial.attempts) for trial in trials] == [1, 1, 1]
    assert [event.trial for event in store.events(campaign.name)] == [0, 0, 1, 1, 2, 2, 0, 1]
    assert (lease.token, store.lease(campaign.name)) == (1, None)
    store.close()
