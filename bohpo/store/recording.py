"""Writing trials: Optuna's rows and bohpo's in one transaction each.

Going through Optuna's storage would take a transaction per parameter and make a second trial when the acknowledgement
of a COMMIT is lost; its tables are written directly instead, as the schema of Optuna 5 prescribes.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optuna.distributions import json_to_distribution
from optuna.storages._rdb.models import TrialIntermediateValueModel, TrialValueModel
from optuna.trial import TrialState as OptunaState
from sqlalchemy import Connection, Row, func, insert, select, update

from bohpo.errors import AttemptError, NotFoundError, SpaceError, UsageError
from bohpo.space import from_distribution
from bohpo.store.campaigns import inserted_key
from bohpo.store.leases import CampaignKey, fence
from bohpo.store.records import Lease
from bohpo.store.tables import (
    ATTEMPT,
    CAMPAIGN,
    INTERMEDIATE_VALUES,
    OUTCOME,
    PARAMS,
    STUDIES,
    SUGGESTION,
    TRIALS,
    USER_ATTRIBUTES,
    VALUES,
    plain_text,
)
from bohpo.trial import Attempt, Outcome, Proposal, Scalar

UID, VARIANCE, REASON = "bohpo:uid", "bohpo:variance", "bohpo:reason"
"""User attributes of a trial, as Optuna's users see them."""

MAX_STEP = 2**31 - 1


def add_trial(connection: Connection, lease: Lease, uid: str, proposal: Proposal, proposed: datetime) -> int:
    """Record a proposal as a running trial of Optuna's; give the number of the one that has its uid.

    Args:
        connection: In a transaction that writes.
        lease: The driver's.
        uid: Identity of the proposal.
        proposal: What to train.
        proposed: Now, UTC without a zone, as Optuna keeps it.
    """
    key = fence(connection, lease)
    # Optuna itself locks the study's row while it counts trials for the next number.
    connection.execute(select(STUDIES.c.study_id).where(STUDIES.c.study_id == key.study_id).with_for_update())
    known = connection.execute(
        select(TRIALS.c.number, TRIALS.c.study_id).join(SUGGESTION).where(SUGGESTION.c.uid == uid)
    ).one_or_none()
    if known is not None:
        return _same_campaign(known.number, known.study_id, key, uid)
    params = _param_rows(connection, key, proposal)
    number = connection.scalar(select(func.count()).select_from(TRIALS).where(TRIALS.c.study_id == key.study_id)) or 0
    trial = {"study_id": key.study_id, "number": number, "state": OptunaState.RUNNING, "datetime_start": proposed}
    trial_id = inserted_key(connection.execute(insert(TRIALS).values(trial)))
    if params:
        connection.execute(insert(PARAMS), [{"trial_id": trial_id, **param} for param in params])
    _set_attribute(connection, trial_id, UID, uid)
    reasons = {name: value for name, value in _fields(proposal).items() if name != "configuration"}
    connection.execute(insert(SUGGESTION).values(trial_id=trial_id, uid=uid, **reasons))
    return int(number)


def save_attempt(connection: Connection, lease: Lease, attempt: Attempt) -> None:
    """Record an attempt or its new state.

    Raises:
        NotFoundError: If there is no such trial.
    """
    trial_id = _trial(connection, fence(connection, lease), attempt.trial).trial_id
    columns = {name: value for name, value in _fields(attempt).items() if name not in ("trial", "number")}
    same = (ATTEMPT.c.trial_id == trial_id) & (ATTEMPT.c.number == attempt.number)
    if connection.execute(update(ATTEMPT).where(same).values(**columns)).rowcount == 0:
        connection.execute(insert(ATTEMPT).values(trial_id=trial_id, number=attempt.number, **columns))


@dataclass(frozen=True, slots=True)
class Completion:
    """An outcome to record.

    Attributes:
        number: The trial's.
        value: The objective.
        outcome: All that the trainer gave.
        reports: Intermediate values as (step, value).
        ended: Now, UTC without a zone, as Optuna keeps it. A trial that ended at this very microsecond was ended by
            this request, whose acknowledgement was lost.
    """

    number: int
    value: float
    outcome: Outcome
    reports: Sequence[tuple[int, float]]
    ended: datetime

    def __post_init__(self) -> None:
        """Refuse figures that the database could not hold as what they are.

        Raises:
            AttemptError: If the objective is not finite, or a step is no number that Optuna's table can hold.
        """
        if not math.isfinite(self.value):
            raise AttemptError(f"the objective is {self.value}; a diverged training must fail instead of reporting it")
        for step, _ in self.reports:
            if not 0 <= step <= MAX_STEP:
                raise AttemptError(f"step {step} is out of range; report steps from 0 to {MAX_STEP}")


def complete_trial(connection: Connection, lease: Lease, completion: Completion) -> bool:
    """Record an outcome unless the trial has ended; give whether this request recorded it."""
    trial = _trial(connection, fence(connection, lease), completion.number)
    if trial.state is not OptunaState.RUNNING:
        return bool(trial.state is OptunaState.COMPLETE and trial.datetime_complete == completion.ended)
    trial_id, outcome = trial.trial_id, completion.outcome
    stored, kind = TrialValueModel.value_to_stored_repr(completion.value)
    connection.execute(insert(VALUES).values(trial_id=trial_id, objective=0, value=stored, value_type=kind))
    if completion.reports:
        connection.execute(insert(INTERMEDIATE_VALUES), _report_rows(trial_id, completion.reports))
    if outcome.variance is not None:
        _set_attribute(connection, trial_id, VARIANCE, outcome.variance)
    connection.execute(insert(OUTCOME).values(trial_id=trial_id, **outcome.to_json()))
    _end(connection, trial_id, OptunaState.COMPLETE, completion.ended)
    return True


def fail_trial(connection: Connection, lease: Lease, number: int, reason: str, ended: datetime) -> bool:
    """Record that a trial will have no outcome, unless it has ended; give whether this request recorded it."""
    trial = _trial(connection, fence(connection, lease), number)
    if trial.state is not OptunaState.RUNNING:
        return bool(trial.state is OptunaState.FAIL and trial.datetime_complete == ended)
    _set_attribute(connection, trial.trial_id, REASON, plain_text(reason))
    _end(connection, trial.trial_id, OptunaState.FAIL, ended)
    return True


def trial_row(connection: Connection, key: CampaignKey, number: int, *, lock: bool) -> Row[Any]:
    """Give a trial that bohpo proposed.

    Raises:
        NotFoundError: If there is none of this number.
    """
    query = select(TRIALS).join(SUGGESTION).where(TRIALS.c.study_id == key.study_id, TRIALS.c.number == number)
    row = connection.execute(query.with_for_update(of=TRIALS) if lock else query).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no trial {number} in this campaign; `bohpo status` lists those that are")
    return row


def _trial(connection: Connection, key: CampaignKey, number: int) -> Row[Any]:
    return trial_row(connection, key, number, lock=True)


def _same_campaign(number: int, study_id: int, key: CampaignKey, uid: str) -> int:
    if study_id != key.study_id:
        raise UsageError(f"the proposal {uid} belongs to another campaign; give each proposal a uid of its own")
    return number


def _param_rows(connection: Connection, key: CampaignKey, proposal: Proposal) -> list[dict[str, object]]:
    query = select(CAMPAIGN.c.distributions).where(CAMPAIGN.c.campaign_id == key.campaign_id)
    distributions: dict[str, str] = connection.execute(query).scalar_one()
    rows: list[dict[str, object]] = []
    for name, value in proposal.configuration.items():
        if name not in distributions:
            raise SpaceError(f"{name}: no such parameter; the campaign's space has {', '.join(distributions)}")
        internal = _internal(name, distributions[name], value)
        rows.append({"param_name": name, "param_value": internal, "distribution_json": distributions[name]})
    return rows


def _internal(name: str, text: str, value: Scalar) -> float:
    distribution = json_to_distribution(text)
    parameter = from_distribution(name, distribution)
    if not parameter.contains(value):
        raise SpaceError(f"{name}: cannot be {value!r}, only {parameter.domain}; propose a value of the space")
    return float(distribution.to_internal_repr(value))


def _report_rows(trial_id: int, reports: Sequence[tuple[int, float]]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for step, value in dict(reports).items():
        stored, kind = TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
        figures = {"intermediate_value": stored, "intermediate_value_type": kind}
        rows.append({"trial_id": trial_id, "step": step, **figures})
    return rows


def _set_attribute(connection: Connection, trial_id: int, key: str, value: object) -> None:
    connection.execute(insert(USER_ATTRIBUTES).values(trial_id=trial_id, key=key, value_json=json.dumps(value)))


def _end(connection: Connection, trial_id: int, state: OptunaState, ended: datetime) -> None:
    columns = {"state": state, "datetime_complete": ended}
    connection.execute(update(TRIALS).where(TRIALS.c.trial_id == trial_id).values(**columns))


def _fields(record: Attempt | Proposal) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
