"""Campaigns of any size in a database, written in bulk: recording 20,000 results one by one takes minutes."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.storages._rdb.models import TrialValueModel
from optuna.trial import TrialState
from sqlalchemy import Connection, Table, func, insert, select, text

from bohpo.space import CategoricalParameter, FloatParameter, IntParameter, Space, to_distribution
from bohpo.store import open_store
from bohpo.store.campaigns import campaign_row
from bohpo.store.location import parse_location
from bohpo.store.recording import UID, VARIANCE
from bohpo.store.tables import ATTEMPT, EVENT, OUTCOME, PARAMS, REVISION, SUGGESTION, TRIALS, USER_ATTRIBUTES, VALUES
from bohpo.store.transactions import Database
from bohpo.study.toml import write_toml
from bohpo.trial import AttemptState, Configuration

SPACE = Space(
    (
        *(FloatParameter(f"rate{number}", 1e-5, 1.0, log=True) for number in range(4)),
        *(FloatParameter(f"share{number}", 0.0, 1.0) for number in range(3)),
        *(IntParameter(f"width{number}", 8, 512, log=True) for number in range(3)),
        CategoricalParameter("optimizer", ("adamw", "sgd", "lion")),
        CategoricalParameter("augment", (True, False)),
    )
)
"""Twelve parameters, as many as the figures that are published are of."""

DISTRIBUTIONS = {parameter.name: to_distribution(parameter) for parameter in SPACE.parameters}
_TEXTS = {name: distribution_to_json(distribution) for name, distribution in DISTRIBUTIONS.items()}

NAME = "large"
BEGAN = datetime(2026, 1, 1)
_CHUNK = 500

Rows = dict[Table, list[dict[str, Any]]]


def some_configuration(dice: random.Random) -> Configuration:
    """Draw a configuration."""
    return {
        **{f"rate{number}": math.exp(dice.uniform(math.log(1e-5), 0.0)) for number in range(4)},
        **{f"share{number}": dice.random() for number in range(3)},
        **{f"width{number}": dice.randint(8, 512) for number in range(3)},
        "optimizer": dice.choice(("adamw", "sgd", "lion")),
        "augment": dice.choice((True, False)),
    }


def fill(url: str, trials: int) -> None:
    """Make a campaign of completed trials, each with one attempt, an outcome and two events.

    Args:
        url: An empty database.
        trials: How many.
    """
    store = open_store(url)
    store.create_campaign(
        NAME,
        study_text=study_text(),
        study_hash="0" * 64,
        directory=Path("/nowhere"),
        space=SPACE,
        maximize=True,
        metric="score",
        budget_trials=None,
        provenance={"working_directory": "/nowhere"},
    )
    store.close()
    database = Database(parse_location(url))
    for first in range(0, trials, _CHUNK):
        numbers = range(first, min(first + _CHUNK, trials))
        database.write(lambda connection, numbers=numbers: _insert(connection, numbers))  # type: ignore[misc]
    database.write(_settle)
    database.close()


def study_text() -> str:
    """Write the study that the campaign might have run."""
    tables: dict[str, dict[str, Any]] = {}
    for parameter in SPACE.parameters:
        table: dict[str, Any] = {"type": parameter.kind}
        if isinstance(parameter, CategoricalParameter):
            table["choices"] = list(parameter.choices)
        else:
            table |= {"low": parameter.low, "high": parameter.high, "log": parameter.log}
        tables[parameter.name] = table
    study: dict[str, Any] = {"name": NAME, "trainer": "trainer:train"}
    study["objective"] = {"metric": "score", "direction": "maximize"}
    return write_toml({**study, "budget": {"hours": 24.0}, "parallel": {"jobs": 8, "threads": 1}, "space": tables})


def _insert(connection: Connection, numbers: range) -> None:
    campaign = campaign_row(connection, NAME)
    first = (connection.scalar(select(func.max(TRIALS.c.trial_id))) or 0) + 1
    tables: Rows = {}
    for offset, number in enumerate(numbers):
        for table, row in _rows(campaign.campaign_id, campaign.study_id, first + offset, number):
            tables.setdefault(table, []).append(row)
    for table, rows in tables.items():
        connection.execute(insert(table), rows)


def _rows(campaign_id: int, study_id: int, trial_id: int, number: int) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Give the rows of one trial."""
    dice = random.Random(number)
    configuration, value, uid = some_configuration(dice), dice.random(), f"{number:032x}"
    began, ended = BEGAN + timedelta(seconds=60 * number), BEGAN + timedelta(seconds=60 * number + 45.5)
    key, stored = {"trial_id": trial_id}, TrialValueModel.value_to_stored_repr(value)
    state = {"state": TrialState.COMPLETE, "datetime_start": began, "datetime_complete": ended}
    yield TRIALS, {**key, "number": number, "study_id": study_id, **state}
    for name, choice in configuration.items():
        internal = {"param_value": DISTRIBUTIONS[name].to_internal_repr(choice), "distribution_json": _TEXTS[name]}
        yield PARAMS, {**key, "param_name": name, **internal}
    yield VALUES, {**key, "objective": 0, "value": stored[0], "value_type": stored[1]}
    for attribute, content in ((UID, uid), (VARIANCE, 1e-4)):
        yield USER_ATTRIBUTES, {**key, "key": attribute, "value_json": json.dumps(content)}
    figures = {"predicted_mean": value, "predicted_sd": 0.02, "acquisition": 0.1, "seconds": 0.5, "view": "trends"}
    place = {"campaign_id": campaign_id, "number": number, "revision": number + 1}
    why = {"uid": uid, "source": "model", "configuration": json.dumps(configuration), **figures}
    yield SUGGESTION, {**key, **place, **why}
    times = [moment.replace(tzinfo=UTC).timestamp() for moment in (began, ended)]
    job = {"job": str(4_000_000 + number), "worker": number % 8, "submitted": times[0]}
    end = {"state": AttemptState.COMPLETED.value, "reason": "", "started": times[0], "ended": times[1]}
    yield ATTEMPT, {**key, "number": 1, **job, **end}
    metrics = {"score": value, "sensitivity": dice.random(), "train_seconds": 45.5}
    yield OUTCOME, {**key, "value": value, "variance": 1e-4, "metrics": metrics, "curves": {}}
    for kind, moment in zip(("proposed", "completed"), times, strict=True):
        event = {"uid": f"{dice.getrandbits(128):032x}", "time": moment, "kind": kind, "message": f"trial {number}"}
        yield EVENT, {**event, "campaign_id": campaign_id, "trial": number}


def _settle(connection: Connection) -> None:
    """Leave the counters, and what the database knows of its tables, as if the trials had come one by one."""
    count = connection.scalar(select(func.count()).select_from(SUGGESTION))
    connection.execute(REVISION.update().values(latest=count))
    if connection.dialect.name == "postgresql":
        highest = "SELECT setval(pg_get_serial_sequence('trials', 'trial_id'), (SELECT max(trial_id) FROM trials))"
        connection.execute(text(highest))
    connection.execute(text("ANALYZE"))
