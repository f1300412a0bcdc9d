"""Text that UTF-8 or a database cannot hold: cleaned on its way in, and no database that could not hold the rest."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bohpo.clean_text import clean_data, clean_text, dump_clean_json, is_clean, load_clean_json
from bohpo.errors import AttemptError, StoreError
from bohpo.store import open_store, upgrade
from bohpo.store.database import DatabaseStore
from bohpo.trial import Attempt, AttemptState, Outcome
from tests.services import PostgresqlServer
from tests.store.examples import PROPOSAL, begin

JAPANESE = "\u640d\u5931 ± 0.1 \U0001f9e0"
HALF = "caf\udce9 \ud800\x00"
CLEAN_HALF = "caf? ?\ufffd"


@pytest.fixture(params=["LATIN1", "SQL_ASCII", "EUC_JP"])
def other_encoding(request: pytest.FixtureRequest, postgresql_server: PostgresqlServer) -> Iterator[tuple[str, str]]:
    """Return the URL of an empty database of another encoding, and that encoding."""
    postgresql_server.sql(
        f"CREATE DATABASE foreign_text ENCODING '{request.param}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    )
    yield postgresql_server.url("foreign_text"), request.param
    postgresql_server.sql("DROP DATABASE foreign_text")


@pytest.mark.postgresql
def test_a_database_that_cannot_hold_all_text_is_refused_with_the_remedy(other_encoding: tuple[str, str]) -> None:
    url, encoding = other_encoding
    for opened in (open_store, upgrade):
        with pytest.raises(StoreError, match=f"of encoding {encoding}, .*createdb -E UTF8 .*pg_dump -E UTF8") as told:
            opened(url)
        assert told.value.exit_code == 5
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert tables == (0,), "nothing was made there"


@pytest.mark.postgresql
def test_what_the_shell_says_of_the_encoding_changes_nothing(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with contextlib.closing(open_store(postgresql_url)) as store:
        lease = begin(store)
        store.add_event(lease, "said", JAPANESE)
        assert store.events("aneurysm")[-1].message == JAPANESE


def test_an_sqlite_database_in_utf_16_holds_all_text(tmp_path: Path) -> None:
    path = tmp_path / "bohpo.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16le'")
        connection.execute("CREATE TABLE mine (a TEXT)")
        connection.commit()
    with contextlib.closing(open_store(str(path))) as store:
        check_all_text(store)


def test_text_that_cannot_be_stored_is_cleaned_wherever_it_goes(database_url: str) -> None:
    with contextlib.closing(open_store(database_url)) as store:
        check_all_text(store)


def check_all_text(store: DatabaseStore) -> None:
    """Record text of all kinds everywhere, and read it."""
    lease = begin(store)
    for number, text in enumerate((JAPANESE, HALF)):
        kept = clean_text(text)
        store.add_trial(lease, f"{number}{text}", PROPOSAL)
        store.save_attempt(lease, Attempt(number, 1, AttemptState.RUNNING, reason=text, job=text))
        outcome = Outcome(0.5, None, {"score": 0.5, text: 0.25})
        assert store.complete_trial(lease, number, 0.5, outcome)
        store.add_event(lease, text, text)
        trial = store.trial("aneurysm", number)
        assert trial.metrics == {"score": 0.5, kept: 0.25}
        assert (trial.attempts[0].reason, trial.attempts[0].job) == (kept, kept)
        assert (store.events("aneurysm")[-1].kind, store.events("aneurysm")[-1].message) == (kept, kept)
    store.add_trial(lease, "failed", PROPOSAL)
    store.fail_trial(lease, 2, HALF)
    assert store.trial("aneurysm", 2).reason == CLEAN_HALF
    for trial in store.trials("aneurysm"):
        json.dumps(trial.metrics, ensure_ascii=False).encode()


def test_what_an_older_version_stored_is_cleaned_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bohpo.db"
    with contextlib.closing(open_store(str(path))) as store:
        lease = begin(store)
        store.add_trial(lease, "a", PROPOSAL)
        store.complete_trial(lease, 0, 0.5, Outcome(0.5, None, {"score": 0.5}))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE bohpo_outcome SET metrics = ?", [json.dumps({"score": 0.5, "\ud800": 1.0})])
        connection.commit()
    with contextlib.closing(open_store(str(path))) as store:
        assert store.trial("aneurysm", 0).metrics == {"score": 0.5, "?": 1.0}


def test_an_outcome_is_named_by_text_that_pages_can_show() -> None:
    curve = {"x": [0.0], "y": [1.0], "x_label": HALF, "y_label": JAPANESE}
    outcome = Outcome.from_json({"value": 1.0, "metrics": {HALF: 2.0, JAPANESE: 3.0}, "curves": {HALF: curve}})
    assert outcome.metrics == {CLEAN_HALF: 2.0, JAPANESE: 3.0}
    assert outcome.curves[CLEAN_HALF].x_label == CLEAN_HALF
    assert outcome.curves[CLEAN_HALF].y_label == JAPANESE
    with pytest.raises(AttemptError, match="metrics has two names that are the same"):
        Outcome.from_json(json.loads(r'{"value": 1.0, "metrics": {"\ud800": 2.0, "\ud801": 3.0}}'))


def test_clean_text_goes_there_and_back_unchanged() -> None:
    data = {JAPANESE: [JAPANESE, 1, None, True, 0.5], "a": {"b": JAPANESE}}
    assert load_clean_json(dump_clean_json(data)) == data
    assert clean_data(data) == data
    assert is_clean(JAPANESE)
    assert not is_clean(HALF)
    assert load_clean_json(json.dumps({HALF: (HALF,)})) == {CLEAN_HALF: [CLEAN_HALF]}
    assert json.loads(dump_clean_json({HALF: (HALF, 2)})) == {CLEAN_HALF: [CLEAN_HALF, 2]}
    assert dump_clean_json(["\\ud800"]) == json.dumps(["\\ud800"]), "a backslash that is text stays"
