"""What bohpo relies on in Optuna's own tables: it writes the rows that Optuna would, and both may write at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import Connection, Table, select

from bohpo.space import to_distribution
from bohpo.store import Store, open_store
from bohpo.store.location import parse_location
from bohpo.store.recording import REASON, UID, VARIANCE
from bohpo.store.tables import (
    INTERMEDIATE_VALUES,
    PARAMS,
    STUDIES,
    STUDY_DIRECTIONS,
    STUDY_SYSTEM_ATTRIBUTES,
    TRIALS,
    USER_ATTRIBUTES,
    VALUES,
)
from bohpo.store.transactions import Database
from bohpo.trial import Outcome, Proposal
from tests.store.examples import PROPOSAL, SGD, SPACE, begin

OF_TRIALS = (TRIALS, PARAMS, VALUES, INTERMEDIATE_VALUES, USER_ATTRIBUTES)
OF_STUDIES = (STUDY_DIRECTIONS, STUDY_SYSTEM_ATTRIBUTES)
MEANINGLESS = {"datetime_start", "datetime_complete"}


@pytest.fixture
def storage(database_url: str) -> Iterator[optuna.storages.RDBStorage]:
    """Open the database with Optuna."""
    opened = optuna.storages.RDBStorage(parse_location(database_url).url.render_as_string(hide_password=False))
    yield opened
    opened.remove_session()
    opened.engine.dispose()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """Open the database with bohpo."""
    opened = open_store(database_url)
    yield opened
    opened.close()


def record_by_bohpo(store: Store) -> None:
    """Record a completed, a failed and a running trial."""
    lease = begin(store, "ours")
    for uid in "abc":
        store.add_trial(lease, uid, Proposal(SGD, "startup"))
    store.complete_trial(lease, 0, 0.75, Outcome(0.75, 0.25), [(1, 0.5), (2, float("inf"))])
    store.fail_trial(lease, 1, "diverged")


def record_by_optuna(storage: optuna.storages.RDBStorage) -> None:
    """Record the same with Optuna's own functions."""
    study = optuna.create_study(study_name="theirs", direction="maximize", storage=storage)
    study.set_metric_names(["partial_auc"])
    distributions = {p.name: to_distribution(p) for p in SPACE.parameters}
    for uid in "abc":
        study.enqueue_trial(dict(SGD))
        trial = study.ask({name: distributions[name] for name in SGD})
        trial.set_user_attr(UID, uid)
        if uid == "a":
            trial.report(0.5, 1)
            trial.report(float("inf"), 2)
            trial.set_user_attr(VARIANCE, 0.25)
            study.tell(trial, 0.75)
        elif uid == "b":
            trial.set_user_attr(REASON, "diverged")
            study.tell(trial, state=TrialState.FAIL)


def rows(connection: Connection, name: str) -> dict[str, list[dict[str, Any]]]:
    """Read what Optuna's tables hold of a study, without keys and times."""
    study_id = connection.execute(select(STUDIES.c.study_id).where(STUDIES.c.study_name == name)).scalar_one()
    told: dict[str, list[dict[str, Any]]] = {}
    for table in OF_STUDIES:
        told[table.name] = _without_keys(connection, table, table.c.study_id == study_id)
    for table in OF_TRIALS:
        of_study = table.c.trial_id.in_(select(TRIALS.c.trial_id).where(TRIALS.c.study_id == study_id))
        told[table.name] = _without_keys(connection, table, of_study)
    return told


def _without_keys(connection: Connection, table: Table, chosen: Any) -> list[dict[str, Any]]:
    columns = [column for column in table.c if not column.name.endswith("_id") and column.name not in MEANINGLESS]
    found = connection.execute(select(*columns).where(chosen)).mappings()
    return sorted((dict(row) for row in found), key=repr)


@pytest.mark.filterwarnings("ignore:.*set_metric_names is experimental")
def test_bohpo_writes_the_rows_that_optuna_would(
    store: Store, storage: optuna.storages.RDBStorage, database_url: str
) -> None:
    record_by_bohpo(store)
    record_by_optuna(storage)
    database = Database(parse_location(database_url))
    ours, theirs = (database.read(partial(rows, name=name)) for name in ("ours", "theirs"))
    database.close()
    assert ours == theirs


def test_optuna_and_bohpo_number_trials_of_one_study_together(
    store: Store, storage: optuna.storages.RDBStorage
) -> None:
    lease = begin(store)
    study = optuna.load_study(study_name="aneurysm", storage=storage)
    theirs: list[int] = []
    asking = threading.Thread(target=lambda: theirs.extend(study.ask().number for _ in range(8)))
    asking.start()
    ours = [store.add_trial(lease, f"u{count}", PROPOSAL) for count in range(8)]
    asking.join()
    assert sorted(ours + theirs) == list(range(16))
    assert [trial.number for trial in store.trials("aneurysm")] == ours
