"""A PostgreSQL server that stands still: its kernel takes what is sent, and no answer ever comes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from bohpo.errors import StoreError
from bohpo.store.database import DatabaseStore
from tests.services.daemon import stopped
from tests.services.postgresql import PostgresqlServer

pytestmark = pytest.mark.postgresql

ANSWER_S = 1.0
LONG_S = 60.0
"""Far beyond what is allowed: who waits for so long waits for ever."""


@pytest.fixture
def store(postgresql_url: str) -> Iterator[DatabaseStore]:
    with contextlib.closing(DatabaseStore.open(postgresql_url, patience_s=2.0, answer_s=ANSWER_S)) as store:
        assert store.campaigns() == []
        yield store


def asked(store: DatabaseStore) -> object:
    """Return what somebody is answered who asks for the campaigns, or raise what they meet."""
    answer: Future[object] = Future()

    def ask() -> None:
        try:
            answer.set_result(store.campaigns())
        except StoreError as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return answer.result(LONG_S)


def test_a_server_that_stands_still_is_given_up(store: DatabaseStore, postgresql_server: PostgresqlServer) -> None:
    with stopped(postgresql_server.processes()), pytest.raises(StoreError, match="cannot be reached"):
        asked(store)
    assert asked(store) == [], "it is found again"


def test_a_session_that_stands_still_is_replaced(store: DatabaseStore, postgresql_server: PostgresqlServer) -> None:
    _, *sessions = postgresql_server.processes()
    with stopped(sessions):
        assert asked(store) == []


def test_connections_that_are_all_taken_are_not_waited_for(postgresql_url: str) -> None:
    with contextlib.closing(DatabaseStore.open(postgresql_url, answer_s=ANSWER_S, connections=1)) as store:
        taken, done = threading.Event(), threading.Event()

        def wait(_: object) -> None:
            taken.set()
            done.wait(LONG_S)

        def hold() -> None:
            store._database.read(wait)

        with ThreadPoolExecutor(1) as other:
            holding = other.submit(hold)
            assert taken.wait(LONG_S)
            try:
                with pytest.raises(
                    StoreError, match="is busy: all of this process's connections are in use; try again"
                ):
                    asked(store)
            finally:
                done.set()
            holding.result(LONG_S)
