"""Campaigns in a few figures each, added up by the database: no trial is read."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import TrialState as OptunaState
from sqlalchemy import Connection, Row, Select, case, func, select

from bohpo.store.campaigns import stop_reason, to_campaign
from bohpo.store.leases import all_held
from bohpo.store.paths import home_of
from bohpo.store.reading import STATES
from bohpo.store.records import Summary
from bohpo.store.tables import ATTEMPT, CAMPAIGN, EVALUATION, EVENT, STUDY_DIRECTIONS, SUGGESTION, TRIALS, VALUES
from bohpo.trial import AttemptState, TrialState


def read_summaries(connection: Connection) -> list[Summary]:
    """Sum up all campaigns, the latest first."""
    leases, counts, running = all_held(connection), _counts(connection), _running(connection)
    best, evaluations, home = _best(connection), _evaluations(connection), home_of(connection)
    summaries: list[Summary] = []
    for row in _campaigns(connection):
        key, states = row.campaign_id, counts[row.campaign_id]
        number, value = best.get(key, (None, None))
        summary = Summary(
            campaign=to_campaign(row, home),
            metric=row.metric,
            maximize=row.direction is StudyDirection.MAXIMIZE,
            lease=leases.get(key),
            complete=states[TrialState.COMPLETE],
            failed=states[TrialState.FAILED],
            running=running.get(key, 0),
            queued=states[TrialState.PENDING] - running.get(key, 0),
            best=number,
            best_value=value,
            evaluations=evaluations.get(key, 0),
            changed=row.changed,
        )
        summaries.append(summary)
    return summaries


def _campaigns(connection: Connection) -> list[Row[Any]]:
    changed = select(EVENT.c.time).where(EVENT.c.campaign_id == CAMPAIGN.c.campaign_id).order_by(EVENT.c.number.desc())
    query = select(
        CAMPAIGN, stop_reason(), STUDY_DIRECTIONS.c.direction, changed.limit(1).scalar_subquery().label("changed")
    )
    query = query.join(STUDY_DIRECTIONS, STUDY_DIRECTIONS.c.study_id == CAMPAIGN.c.study_id)
    return list(connection.execute(query.order_by(CAMPAIGN.c.campaign_id.desc())))


def _counts(connection: Connection) -> defaultdict[int, defaultdict[TrialState, int]]:
    key = (SUGGESTION.c.campaign_id, TRIALS.c.state)
    query = select(*key, func.count()).join_from(SUGGESTION, TRIALS, TRIALS.c.trial_id == SUGGESTION.c.trial_id)
    counts: defaultdict[int, defaultdict[TrialState, int]] = defaultdict(lambda: defaultdict(int))
    for campaign_id, state, count in connection.execute(query.group_by(*key)):
        counts[campaign_id][STATES[state]] += count
    return counts


def _running(connection: Connection) -> dict[int, int]:
    pending = [state for state, ours in STATES.items() if ours is TrialState.PENDING]
    query = (
        select(SUGGESTION.c.campaign_id, func.count(SUGGESTION.c.trial_id.distinct()))
        .join_from(SUGGESTION, TRIALS, TRIALS.c.trial_id == SUGGESTION.c.trial_id)
        .join(ATTEMPT, ATTEMPT.c.trial_id == SUGGESTION.c.trial_id)
        .where(TRIALS.c.state.in_(pending), ATTEMPT.c.state == AttemptState.RUNNING.value)
    )
    return _by_campaign(connection, query)


def _best(connection: Connection) -> dict[int, tuple[int, float]]:
    """Give number and value of each campaign's best trial; ties go to the earlier one."""
    sign = case((STUDY_DIRECTIONS.c.direction == StudyDirection.MAXIMIZE, -1.0), else_=1.0)
    order = (sign * VALUES.c.value, SUGGESTION.c.number)
    rank = func.row_number().over(partition_by=SUGGESTION.c.campaign_id, order_by=order)
    ranked = (
        select(SUGGESTION.c.campaign_id, SUGGESTION.c.number, VALUES.c.value, rank.label("rank"))
        .join_from(SUGGESTION, TRIALS, TRIALS.c.trial_id == SUGGESTION.c.trial_id)
        .join(STUDY_DIRECTIONS, STUDY_DIRECTIONS.c.study_id == TRIALS.c.study_id)
        .join(VALUES, (VALUES.c.trial_id == SUGGESTION.c.trial_id) & (VALUES.c.objective == 0))
        .where(TRIALS.c.state == OptunaState.COMPLETE, VALUES.c.value.is_not(None))
        .subquery()
    )
    query = select(ranked.c.campaign_id, ranked.c.number, ranked.c.value).where(ranked.c.rank == 1)
    return {campaign_id: (number, value) for campaign_id, number, value in connection.execute(query)}


def _evaluations(connection: Connection) -> dict[int, int]:
    query = select(SUGGESTION.c.campaign_id, func.count())
    query = query.join_from(EVALUATION, SUGGESTION, SUGGESTION.c.trial_id == EVALUATION.c.trial_id)
    return _by_campaign(connection, query)


def _by_campaign(connection: Connection, query: Select[Any]) -> dict[int, int]:
    return {row[0]: row[1] for row in connection.execute(query.group_by(SUGGESTION.c.campaign_id))}
