"""A database as an older bohpo left it: made by the migrations of its time and filled with rows of its time."""

from __future__ import annotations

import json

from optuna.distributions import distribution_to_json
from sqlalchemy import Connection, text

from bohpo.space import to_distribution
from bohpo.store import schema
from bohpo.store.transactions import Database
from tests.store.examples import SGD, SPACE

CAMPAIGN = {
    "name": "aneurysm",
    "study_text": 'name = "aneurysm"',
    "study_hash": "0" * 64,
    "directory": "/data/campaigns/aneurysm",
    "space": json.dumps(SPACE.to_json()),
    "distributions": json.dumps({p.name: distribution_to_json(to_distribution(p)) for p in SPACE.parameters}),
    "metric": "partial_auc",
    "state": "stopped",
    "stop_request": "",
    "budget_trials": 50,
    "provenance": "{}",
    "created": 1.5,
}
BEGAN, ENDED = "2026-01-01 00:00:00.250000", "2026-01-01 01:00:00.750000"


def write_old_database(database: Database, revision: str) -> None:
    """Make a database of a revision, with a campaign whose driver was killed.

    Trial 0 is complete; trial 1 was enqueued by an Optuna user; trial 2 has no parameter and no outcome.
    """
    database.write(schema._create_optuna)
    database.write(lambda connection: schema.migrate(connection, revision))
    database.write(_fill)


def _fill(connection: Connection) -> None:
    _insert(connection, "studies", study_id=7, study_name="aneurysm")
    _insert(connection, "study_directions", study_direction_id=1, study_id=7, objective=0, direction="MAXIMIZE")
    _insert(connection, "bohpo_campaign", campaign_id=3, study_id=7, **CAMPAIGN)
    nobody = {"token": 1, "grant_uid": "", "host": "elsewhere", "pid": 1, "started": 1, "since": 1.0, "expires": 2.0}
    _insert(connection, "bohpo_lease", campaign_id=3, **nobody)
    _trial(connection, 11, 0, "COMPLETE", ENDED)
    _trial(connection, 12, 1, "WAITING", None)
    _trial(connection, 13, 2, "RUNNING", None)
    for key, uid in ((11, "a"), (13, "b")):
        _insert(connection, "bohpo_suggestion", trial_id=key, uid=uid, source="startup", seconds=0.0)
    _insert_parameters(connection)
    value = {"value": 0.75, "value_type": "FINITE"}
    _insert(connection, "trial_values", trial_value_id=1, trial_id=11, objective=0, **value)
    outcome = {"value": 0.75, "metrics": json.dumps({"partial_auc": 0.75}), "curves": "{}"}
    _insert(connection, "bohpo_outcome", trial_id=11, **outcome)
    times = {"submitted": 1.0, "started": 2.0, "ended": 3.0}
    attempt = {"state": "completed", "reason": "", "job": "17", "worker": 0, **times}
    _insert(connection, "bohpo_attempt", trial_id=11, number=1, **attempt)
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT setval('trials_trial_id_seq', 13), setval('trial_values_trial_value_id_seq', 1)")
        )


def _trial(connection: Connection, key: int, number: int, state: str, ended: str | None) -> None:
    times = {"datetime_start": BEGAN, "datetime_complete": ended}
    _insert(connection, "trials", trial_id=key, study_id=7, number=number, state=state, **times)


def _insert_parameters(connection: Connection) -> None:
    for name, distribution in SPACE.distributions(SGD).items():
        told = {"param_name": name, "distribution_json": distribution_to_json(distribution)}
        internal = distribution.to_internal_repr(SGD[name])
        statement = (
            "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json)"
            " VALUES (11, :param_name, :param_value, :distribution_json)"
        )
        connection.execute(text(statement), {**told, "param_value": internal})


def _insert(connection: Connection, table: str, **columns: object) -> None:
    names = ", ".join(columns)
    values = ", ".join(f":{name}" for name in columns)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), columns)
