"""Reading trials in bulk: five queries, however many there are."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.trial import TrialState as OptunaState
from sqlalchemy import Connection, Row, Select, select

from bohpo.errors import NotFoundError
from bohpo.store.campaigns import campaign_row
from bohpo.store.leases import CampaignKey
from bohpo.store.recording import REASON, trial_row
from bohpo.store.tables import ATTEMPT, OUTCOME, PARAMS, SUGGESTION, TRIALS, USER_ATTRIBUTES, VALUES
from bohpo.trial import Attempt, AttemptState, Curve, Proposal, Scalar, Trial, TrialState

STATES = {
    OptunaState.WAITING: TrialState.PENDING,
    OptunaState.RUNNING: TrialState.PENDING,
    OptunaState.COMPLETE: TrialState.COMPLETE,
    OptunaState.PRUNED: TrialState.FAILED,
    OptunaState.FAIL: TrialState.FAILED,
}


def read_trials(connection: Connection, name: str, number: int | None = None) -> list[Trial]:
    """Give the trials that bohpo proposed in a campaign, by number, or the one of a number.

    Raises:
        NotFoundError: If there is no such campaign, or none of the number.
    """
    study_id = campaign_row(connection, name).study_id
    chosen = _chosen(study_id, number)
    parameters = _configurations(connection, chosen)
    attempts = _attempts(connection, chosen)
    reasons = _reasons(connection, chosen)
    rows = connection.execute(_trial_query(study_id, number)).all()
    if number is not None and not rows:
        raise NotFoundError(f"there is no trial {number} in {name}; `bohpo status {name}` lists those that are")
    return [
        _to_trial(row, parameters.get(row.trial_id, {}), reasons.get(row.trial_id, ""), attempts.get(row.trial_id, ()))
        for row in rows
    ]


def read_curves(connection: Connection, name: str, number: int) -> Mapping[str, Curve]:
    """Give the curves of a trial.

    Raises:
        NotFoundError: If there is no such campaign or trial.
    """
    campaign = campaign_row(connection, name)
    trial = trial_row(connection, CampaignKey(campaign.campaign_id, campaign.study_id), number, lock=False)
    curves = connection.scalar(select(OUTCOME.c.curves).where(OUTCOME.c.trial_id == trial.trial_id)) or {}
    return {curve: Curve.from_json(curve, data) for curve, data in curves.items()}


def _chosen(study_id: int, number: int | None) -> Select[Any]:
    query = select(TRIALS.c.trial_id).where(TRIALS.c.study_id == study_id)
    return query if number is None else query.where(TRIALS.c.number == number)


def _trial_query(study_id: int, number: int | None) -> Select[Any]:
    query = (
        select(TRIALS, SUGGESTION, VALUES.c.value, OUTCOME.c.variance, OUTCOME.c.metrics)
        .join(SUGGESTION, SUGGESTION.c.trial_id == TRIALS.c.trial_id)
        .outerjoin(VALUES, (VALUES.c.trial_id == TRIALS.c.trial_id) & (VALUES.c.objective == 0))
        .outerjoin(OUTCOME, OUTCOME.c.trial_id == TRIALS.c.trial_id)
        .where(TRIALS.c.study_id == study_id)
        .order_by(TRIALS.c.number)
    )
    return query if number is None else query.where(TRIALS.c.number == number)


def _configurations(connection: Connection, chosen: Select[Any]) -> dict[int, dict[str, Scalar]]:
    columns = (PARAMS.c.trial_id, PARAMS.c.param_name, PARAMS.c.param_value, PARAMS.c.distribution_json)
    query = select(*columns).where(PARAMS.c.trial_id.in_(chosen)).order_by(PARAMS.c.param_id)
    configurations: dict[int, dict[str, Scalar]] = defaultdict(dict)
    for trial_id, name, value, distribution in connection.execute(query):
        configurations[trial_id][name] = _distribution(distribution).to_external_repr(value)
    return configurations


@cache
def _distribution(text: str) -> BaseDistribution:
    return json_to_distribution(text)


def _attempts(connection: Connection, chosen: Select[Any]) -> dict[int, tuple[Attempt, ...]]:
    query = select(ATTEMPT, TRIALS.c.number.label("trial")).join(TRIALS).where(ATTEMPT.c.trial_id.in_(chosen))
    attempts: dict[int, tuple[Attempt, ...]] = defaultdict(tuple)
    for row in connection.execute(query.order_by(ATTEMPT.c.trial_id, ATTEMPT.c.number)):
        columns = {name: value for name, value in row._mapping.items() if name != "trial_id"}
        attempts[row.trial_id] += (Attempt(**columns | {"state": AttemptState(row.state)}),)
    return attempts


def _reasons(connection: Connection, chosen: Select[Any]) -> dict[int, str]:
    query = select(USER_ATTRIBUTES.c.trial_id, USER_ATTRIBUTES.c.value_json)
    rows = connection.execute(query.where(USER_ATTRIBUTES.c.key == REASON, USER_ATTRIBUTES.c.trial_id.in_(chosen)))
    return {trial_id: str(json.loads(text)) for trial_id, text in rows}


def _to_trial(row: Row[Any], configuration: dict[str, Scalar], reason: str, attempts: tuple[Attempt, ...]) -> Trial:
    figures = (row.predicted_mean, row.predicted_sd, row.acquisition, row.seconds)
    proposal = Proposal(configuration, row.source, *figures, view=row.view)
    return Trial(
        number=row.number,
        uid=row.uid,
        configuration=configuration,
        state=STATES[row.state],
        proposal=proposal,
        value=row.value if row.state is OptunaState.COMPLETE else None,
        variance=row.variance,
        metrics=row.metrics or {},
        reason=reason,
        attempts=attempts,
        created=_seconds(row.datetime_start) or 0.0,
        ended=_seconds(row.datetime_complete),
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.replace(tzinfo=UTC).timestamp()
