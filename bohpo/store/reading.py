"""Reading trials in bulk: a few queries, however many there are.

A cold read of a large campaign is spent on making values, so nothing is made per parameter: a configuration comes in
one piece, and JSON is parsed a thousand trials at a time, which also lets them share the parameters' names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from optuna.trial import TrialState as OptunaState
from sqlalchemy import ColumnElement, Connection, Select, Text, cast, func, select

from bohpo.clean_text import load_clean_json
from bohpo.errors import NotFoundError
from bohpo.store.campaigns import campaign_row
from bohpo.store.leases import CampaignKey
from bohpo.store.recording import REASON, trial_row
from bohpo.store.records import Changes
from bohpo.store.tables import ATTEMPT, OUTCOME, REVISION, SUGGESTION, TRIALS, USER_ATTRIBUTES, VALUES
from bohpo.trial import Attempt, AttemptState, Curve, Proposal, Trial, TrialState

STATES = {
    OptunaState.WAITING: TrialState.PENDING,
    OptunaState.RUNNING: TrialState.PENDING,
    OptunaState.COMPLETE: TrialState.COMPLETE,
    OptunaState.PRUNED: TrialState.FAILED,
    OptunaState.FAIL: TrialState.FAILED,
}

ATTEMPT_STATES = {state.value: state for state in AttemptState}

EPOCH = datetime(1970, 1, 1)  # Optuna keeps UTC without a zone

BATCH = 1000
"""Trials whose JSON is parsed at a time: the texts of all of them would take more memory than what they say."""


def read_trials(connection: Connection, name: str) -> list[Trial]:
    """Give the trials that bohpo proposed in a campaign, by number.

    Raises:
        NotFoundError: If there is no such campaign.
    """
    campaign_id = campaign_row(connection, name).campaign_id
    return _read(connection, SUGGESTION.c.campaign_id == campaign_id)


def read_trial(connection: Connection, name: str, number: int) -> Trial:
    """Give the trial of a number.

    Raises:
        NotFoundError: If there is no such campaign or trial.
    """
    campaign_id = campaign_row(connection, name).campaign_id
    for trial in _read(connection, (SUGGESTION.c.campaign_id == campaign_id) & (SUGGESTION.c.number == number)):
        return trial
    raise NotFoundError(f"there is no trial {number} in {name}; `bohpo status {name}` lists those that are")


def read_changes(connection: Connection, name: str, since: int) -> Changes:
    """Give the trials of a campaign that changed after a revision, by number.

    Raises:
        NotFoundError: If there is no such campaign.
    """
    campaign_id = campaign_row(connection, name).campaign_id
    latest = connection.scalar(select(REVISION.c.latest).where(REVISION.c.campaign_id == campaign_id)) or 0
    changed = (SUGGESTION.c.campaign_id == campaign_id) & (SUGGESTION.c.revision > since)
    return Changes(latest, tuple(_read(connection, changed)) if latest > since else ())


def read_curves(connection: Connection, name: str, number: int) -> Mapping[str, Curve]:
    """Give the curves of a trial.

    Raises:
        NotFoundError: If there is no such campaign or trial.
    """
    campaign = campaign_row(connection, name)
    trial = trial_row(connection, CampaignKey(campaign.campaign_id, campaign.study_id), number, lock=False)
    curves = connection.scalar(select(OUTCOME.c.curves).where(OUTCOME.c.trial_id == trial.trial_id)) or {}
    return {curve: Curve.from_json(curve, data) for curve, data in curves.items()}


def _read(connection: Connection, chosen: ColumnElement[bool]) -> list[Trial]:
    # Sorted here: for ORDER BY a database would go through all trials to find the few that changed.
    return sorted(_trials(connection, chosen), key=lambda trial: trial.number)


def _trials(connection: Connection, chosen: ColumnElement[bool]) -> Iterator[Trial]:
    attempts = _attempts(connection, chosen)
    reasons = _reasons(connection, chosen)
    for rows in connection.execute(_trial_query(chosen)).partitions(BATCH):
        configurations, metrics = _parse(row[0] for row in rows), _parse(row[1] for row in rows)
        for row, configuration, figures in zip(rows, configurations, metrics, strict=True):
            number = row[2]
            yield _to_trial(row, configuration, figures, reasons.get(number, ""), attempts.get(number, ()))


def _trial_query(chosen: ColumnElement[bool]) -> Select[Any]:
    proposal = ("source", "predicted_mean", "predicted_sd", "acquisition", "seconds", "view")
    return (
        select(
            SUGGESTION.c.configuration,
            func.coalesce(cast(OUTCOME.c.metrics, Text), "{}"),
            *(SUGGESTION.c[name] for name in ("number", "uid")),
            *(TRIALS.c[name] for name in ("state", "datetime_start", "datetime_complete")),
            VALUES.c.value,
            OUTCOME.c.variance,
            *(SUGGESTION.c[name] for name in proposal),
        )
        .join_from(SUGGESTION, TRIALS, TRIALS.c.trial_id == SUGGESTION.c.trial_id)
        .outerjoin(VALUES, (VALUES.c.trial_id == SUGGESTION.c.trial_id) & (VALUES.c.objective == 0))
        .outerjoin(OUTCOME, OUTCOME.c.trial_id == SUGGESTION.c.trial_id)
        .where(chosen)
    )


def _parse(texts: Iterable[str]) -> list[dict[str, Any]]:
    """Parse many JSON texts as one, so that they share the strings that are keys in all of them."""
    parsed: list[dict[str, Any]] = load_clean_json(f"[{','.join(texts)}]")
    return parsed


def _attempts(connection: Connection, chosen: ColumnElement[bool]) -> dict[int, tuple[Attempt, ...]]:
    fields = ("number", "state", "reason", "job", "worker", "submitted", "started", "ended", "devices")
    query = select(SUGGESTION.c.number.label("trial"), *(ATTEMPT.c[name] for name in fields))
    query = query.join_from(ATTEMPT, SUGGESTION, SUGGESTION.c.trial_id == ATTEMPT.c.trial_id).where(chosen)
    attempts: dict[int, tuple[Attempt, ...]] = {}
    for rows in connection.execute(query).partitions(BATCH):
        for trial, number, state, *others in rows:
            others[-1] = _listed(others[-1])
            attempt = Attempt(trial, number, ATTEMPT_STATES[state], *others)
            known = attempts.get(trial)
            attempts[trial] = (attempt,) if known is None else _in_order((*known, attempt))
    return attempts


def _listed(devices: str | None) -> tuple[str, ...]:
    return tuple(devices.split(",")) if devices else ()


def _in_order(attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    return tuple(sorted(attempts, key=lambda attempt: attempt.number))


def _reasons(connection: Connection, chosen: ColumnElement[bool]) -> dict[int, str]:
    attribute = (USER_ATTRIBUTES.c.trial_id == SUGGESTION.c.trial_id) & (USER_ATTRIBUTES.c.key == REASON)
    query = (
        select(SUGGESTION.c.number, USER_ATTRIBUTES.c.value_json)
        .join_from(SUGGESTION, TRIALS, TRIALS.c.trial_id == SUGGESTION.c.trial_id)
        .join(USER_ATTRIBUTES, attribute)
        .where(chosen, TRIALS.c.state == OptunaState.FAIL)
    )
    return {number: str(load_clean_json(text)) for number, text in connection.execute(query)}


def _to_trial(
    row: Sequence[Any],
    configuration: dict[str, Any],
    metrics: dict[str, float],
    reason: str,
    attempts: tuple[Attempt, ...],
) -> Trial:
    _, _, number, uid, state, created, ended, value, variance, *proposal = row
    return Trial(
        number=number,
        uid=uid,
        configuration=configuration,
        state=STATES[state],
        proposal=Proposal(configuration, *proposal),
        value=value if state is OptunaState.COMPLETE else None,
        variance=variance,
        metrics=metrics,
        reason=reason,
        attempts=attempts,
        created=_seconds(created) or 0.0,
        ended=_seconds(ended),
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else (moment - EPOCH).total_seconds()
