"""The tables of a database: made at the latest revision, refused at another, migrated on request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import optuna
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from bohpo.errors import SchemaError, UsageError
from bohpo.store import Evaluation, Owner, Store, open_store, schema, upgrade
from bohpo.store.location import parse_location
from bohpo.store.tables import METADATA, OPTUNA
from bohpo.store.transactions import Database
from bohpo.trial import Attempt, AttemptState, TrialState
from tests.store.examples import OUTCOME, PROPOSAL, SGD, create_campaign
from tests.store.old_database import write_old_database

OURS = {
    "bohpo_campaign",
    "bohpo_lease",
    "bohpo_revision",
    "bohpo_suggestion",
    "bohpo_attempt",
    "bohpo_outcome",
    "bohpo_event",
    "bohpo_evaluation",
    "bohpo_audit",
    "bohpo_launch",
    "bohpo_alembic_version",
}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Connect to an empty database."""
    connected = Database(parse_location(database_url))
    yield connected
    connected.close()


def optuna_url(database_url: str) -> str:
    """Write a database's URL for Optuna."""
    return parse_location(database_url).url.render_as_string(hide_password=False)


def tables(database: Database) -> set[str]:
    """Name the tables of a database."""
    return set(database.read(lambda connection: inspect(connection).get_table_names()))


def stamp(database: Database, version_table: str, revision: str) -> None:
    """Make a database look as if another version had written it."""
    statement = text(f"UPDATE {version_table} SET version_num = :revision")
    database.write(lambda connection: connection.execute(statement, {"revision": revision}))


def differences(connection: Connection) -> list[Any]:
    """Compare bohpo's tables in a database with those that the code knows."""

    def ours(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or (name or "").startswith("bohpo_")

    options = {"include_name": ours, "compare_type": True, "version_table": schema.VERSION_TABLE}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))


def test_a_new_database_has_the_tables_of_bohpo_and_optuna(database: Database, database_url: str) -> None:
    open_store(database_url).close()
    assert tables(database) == OURS | set(OPTUNA.tables) | {"alembic_version"}


def test_migrations_lead_to_the_tables_that_the_code_knows(database: Database, database_url: str) -> None:
    open_store(database_url).close()
    assert database.read(differences) == []


def test_bohpo_keeps_its_revision_apart_from_optunas(database: Database, database_url: str) -> None:
    open_store(database_url).close()
    ours = database.read(schema.revision)
    theirs = database.read(lambda connection: schema.revision(connection, "alembic_version"))
    assert ours == schema.migrations().get_current_head() == "0006"
    assert theirs == schema.optuna_migrations().get_current_head()


def test_opening_again_changes_nothing(database: Database, database_url: str) -> None:
    store = open_store(database_url)
    campaign = create_campaign(store)
    store.close()
    again = open_store(database_url)
    assert again.campaigns() == [campaign]
    again.close()


def test_optuna_accepts_the_tables_and_keeps_studies_of_its_own(database_url: str) -> None:
    store = open_store(database_url)
    storage = optuna.storages.RDBStorage(optuna_url(database_url))
    study = optuna.create_study(study_name="theirs", storage=storage)
    study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=2)
    assert store.campaigns() == []
    with pytest.raises(UsageError, match="an Optuna study 'theirs' exists"):
        create_campaign(store, "theirs")
    storage.remove_session()
    storage.engine.dispose()
    store.close()


def test_a_database_of_optuna_alone_is_added_to(database: Database, database_url: str) -> None:
    storage = optuna.storages.RDBStorage(optuna_url(database_url))
    optuna.create_study(study_name="theirs", storage=storage)
    store = open_store(database_url)
    create_campaign(store)
    assert set(optuna.get_all_study_names(storage)) == {"theirs", "aneurysm"}
    storage.remove_session()
    storage.engine.dispose()
    store.close()


@pytest.mark.parametrize("old", ["0001", "0002", "0003"])
def test_an_older_database_is_refused_until_it_is_upgraded(database: Database, database_url: str, old: str) -> None:
    write_old_database(database, old)
    with pytest.raises(SchemaError, match=rf"older bohpo \(revision {old}\); run `bohpo db upgrade`"):
        open_store(database_url)
    assert upgrade(database_url) == (old, "0006")
    store = open_store(database_url)
    first, second = store.trials("aneurysm")
    assert (first.number, first.uid, list(first.configuration.items())) == (0, "a", list(SGD.items()))
    assert (first.state, first.value, first.metrics) == (TrialState.COMPLETE, 0.75, {"partial_auc": 0.75})
    assert first.attempts == (Attempt(0, 1, AttemptState.COMPLETED, job="17", submitted=1.0, started=2.0, ended=3.0),)
    assert (second.number, second.state, second.configuration) == (2, TrialState.PENDING, {})
    assert store.changes("aneurysm").trials == (first, second)
    go_on(store)
    store.close()
    assert upgrade(database_url) == ("0006", "0006")


def go_on(store: Store) -> None:
    """Write to an upgraded database whatever a driver writes."""
    revision = store.changes("aneurysm").revision
    lease = store.acquire_lease("aneurysm", Owner.this_process(), 60.0)
    assert store.add_trial(lease, "c", PROPOSAL) == 3
    assert store.complete_trial(lease, 2, 0.5, OUTCOME)
    store.add_evaluation("aneurysm", Evaluation(0, 1.0, OUTCOME))
    assert [trial.number for trial in store.changes("aneurysm", revision).trials] == [2, 3]
    store.release_lease(lease)


def test_a_migrated_database_is_like_a_new_one(database: Database, database_url: str) -> None:
    write_old_database(database, "0003")
    upgrade(database_url)
    assert database.read(differences) == []


def test_a_newer_database_is_refused_and_not_touched(database: Database, database_url: str) -> None:
    open_store(database_url).close()
    stamp(database, "bohpo_alembic_version", "9999")
    for use in (open_store, upgrade):
        with pytest.raises(SchemaError, match=r"newer bohpo.*pip install -U bohpo"):
            use(database_url)
    assert database.read(schema.revision) == "9999"


@pytest.mark.parametrize(
    ("revision", "remedy"), [("v3.0.0.a", "optuna storage upgrade --storage"), ("v99", "pip install -U optuna")]
)
def test_tables_of_another_optuna_are_refused(
    database: Database, database_url: str, revision: str, remedy: str
) -> None:
    open_store(database_url).close()
    stamp(database, "alembic_version", revision)
    with pytest.raises(SchemaError, match=remedy):
        open_store(database_url)


def test_tables_are_made_whole_or_not_at_all(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: Connection, target: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(schema, "migrate", fail)
        with pytest.raises(KeyboardInterrupt):
            open_store(database_url)
    assert tables(database) == set()
    open_store(database_url).close()
    assert tables(database) >= OURS
