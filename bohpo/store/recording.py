"""Writing trials: Optuna's rows and bohpo's in one transaction each.

Going through Optuna's storage would take a transaction per parameter and make a second trial when the acknowledgement
of a COMMIT is lost; its tables are written directly instead, as the schema of Optuna 5 prescribes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages._rdb.models import TrialIntermediateValueModel, TrialValueModel
from optuna.trial import TrialState as OptunaState
from sqlalchemy import Connection, Row, ScalarSelect, func, insert, select, update

from bohpo.clean_text import dump_clean_json
from bohpo.errors import AttemptError, NotFoundError, SpaceError, UsageError
from bohpo.space import Parameter, from_distribution
from bohpo.store.campaigns import inserted_key
from bohpo.store.events import NewEvent, insert_event
from bohpo.store.leases import CampaignKey, fence
from bohpo.store.records import Announcement, Lease
from bohpo.store.tables import (
    ATTEMPT,
    CAMPAIGN,
    INTERMEDIATE_VALUES,
    OUTCOME,
    PARAMS,
    REVISION,
    STUDIES,
    SUGGESTION,
    TRIALS,
    USER_ATTRIBUTES,
    VALUES,
)
from bohpo.trial import Attempt, Outcome, Proposal, Scalar

UID, VARIANCE, REASON = "bohpo:uid", "bohpo:variance", "bohpo:reason"
"""User attributes of a trial, as Optuna's users see them."""

MAX_STEP = 2**31 - 1


@dataclass(frozen=True, slots=True)
class NewTrial:
    """A proposal to record.

    Attributes:
        uid: Identity of the proposal.
        proposal: What to train.
        proposed: Now, UTC without a zone, as Optuna keeps it.
        announcement: What to append to the campaign's history with it, given the trial's number, or None.
    """

    uid: str
    proposal: Proposal
    proposed: datetime
    announcement: Callable[[int], Announcement] | None = None


def add_trial(connection: Connection, lease: Lease, new: NewTrial) -> int:
    """Record a proposal as a running trial of Optuna's; give the number of the one that has its uid."""
    key = fence(connection, lease)
    # Optuna itself locks the study's row while it counts trials for the next number.
    connection.execute(select(STUDIES.c.study_id).where(STUDIES.c.study_id == key.study_id).with_for_update())
    known = connection.execute(
        select(SUGGESTION.c.number, SUGGESTION.c.campaign_id).where(SUGGESTION.c.uid == new.uid)
    ).one_or_none()
    if known is not None:
        return _same_campaign(known.number, known.campaign_id, key, new.uid)
    values = _checked(connection, key, new.proposal)
    number = connection.scalar(select(func.count()).select_from(TRIALS).where(TRIALS.c.study_id == key.study_id)) or 0
    trial = {"study_id": key.study_id, "number": number, "state": OptunaState.RUNNING, "datetime_start": new.proposed}
    trial_id = inserted_key(connection.execute(insert(TRIALS).values(trial)))
    if values:
        connection.execute(insert(PARAMS), [value.row(trial_id) for value in values])
    _set_attribute(connection, trial_id, UID, new.uid)
    row = _suggestion_row(new, values) | {"trial_id": trial_id, "campaign_id": key.campaign_id, "number": number}
    connection.execute(insert(SUGGESTION).values(**row, revision=_next_revision(connection, key)))
    if new.announcement is not None:
        insert_event(connection, key, NewEvent.of(new.announcement(number)), number)
    return int(number)


def save_attempt(connection: Connection, lease: Lease, attempt: Attempt, event: NewEvent | None = None) -> None:
    """Record an attempt or its new state.

    Raises:
        NotFoundError: If there is no such trial.
    """
    key = fence(connection, lease)
    trial_id = _trial(connection, key, attempt.trial).trial_id
    _save_attempt(connection, trial_id, attempt)
    _touch(connection, key, trial_id)
    insert_event(connection, key, event, attempt.trial)


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
        attempt: The attempt that came to it, as it ended, or None where that is recorded already.
        event: What to append to the campaign's history with it, or None.
    """

    number: int
    value: float
    outcome: Outcome
    reports: Sequence[tuple[int, float]]
    ended: datetime
    attempt: Attempt | None = None
    event: NewEvent | None = None

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


@dataclass(frozen=True, slots=True)
class Failure:
    """What to record of a trial that will have no outcome.

    Attributes:
        number: The trial's.
        reason: Why, in one line.
        ended: Now; see `Completion`.
        attempt: The attempt that ended it, or None where that is recorded already.
        event: What to append to the campaign's history with it, or None.
    """

    number: int
    reason: str
    ended: datetime
    attempt: Attempt | None = None
    event: NewEvent | None = None


def complete_trial(connection: Connection, lease: Lease, completion: Completion) -> bool:
    """Record an outcome unless the trial has ended; give whether this request recorded it."""
    key = fence(connection, lease)
    trial = _trial(connection, key, completion.number)
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
    _end(connection, key, trial_id, OptunaState.COMPLETE, completion)
    return True


def fail_trial(connection: Connection, lease: Lease, failure: Failure) -> bool:
    """Record that a trial will have no outcome, unless it has ended; give whether this request recorded it."""
    key = fence(connection, lease)
    trial = _trial(connection, key, failure.number)
    if trial.state is not OptunaState.RUNNING:
        return bool(trial.state is OptunaState.FAIL and trial.datetime_complete == failure.ended)
    _set_attribute(connection, trial.trial_id, REASON, failure.reason)
    _end(connection, key, trial.trial_id, OptunaState.FAIL, failure)
    return True


def trial_row(connection: Connection, key: CampaignKey, number: int, *, lock: bool) -> Row[Any]:
    """Give a trial that bohpo proposed.

    Raises:
        NotFoundError: If there is none of this number.
    """
    query = select(TRIALS).join_from(SUGGESTION, TRIALS, TRIALS.c.trial_id == SUGGESTION.c.trial_id)
    query = query.where(SUGGESTION.c.campaign_id == key.campaign_id, SUGGESTION.c.number == number)
    row = connection.execute(query.with_for_update(of=TRIALS) if lock else query).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no trial {number} in this campaign; `bohpo status` lists those that are")
    return row


def _trial(connection: Connection, key: CampaignKey, number: int) -> Row[Any]:
    return trial_row(connection, key, number, lock=True)


def _same_campaign(number: int, campaign_id: int, key: CampaignKey, uid: str) -> int:
    if campaign_id != key.campaign_id:
        raise UsageError(f"the proposal {uid} belongs to another campaign; give each proposal a uid of its own")
    return number


@dataclass(frozen=True, slots=True)
class _Value:
    """A parameter's value in Optuna's terms."""

    name: str
    internal: float
    external: Scalar
    distribution: str

    def row(self, trial_id: int) -> dict[str, object]:
        figures = {"param_name": self.name, "param_value": self.internal, "distribution_json": self.distribution}
        return {"trial_id": trial_id, **figures}


def _checked(connection: Connection, key: CampaignKey, proposal: Proposal) -> list[_Value]:
    query = select(CAMPAIGN.c.distributions).where(CAMPAIGN.c.campaign_id == key.campaign_id)
    distributions: dict[str, str] = connection.execute(query).scalar_one()
    values: list[_Value] = []
    for name, value in proposal.configuration.items():
        if name not in distributions:
            raise SpaceError(f"{name}: no such parameter; the campaign's space has {', '.join(distributions)}")
        parameter, distribution = _parameter(name, distributions[name])
        if not parameter.contains(value):
            raise SpaceError(f"{name}: cannot be {value!r}, only {parameter.domain}; propose a value of the space")
        internal = float(distribution.to_internal_repr(value))
        values.append(_Value(name, internal, distribution.to_external_repr(internal), distributions[name]))
    return values


@cache
def _parameter(name: str, text: str) -> tuple[Parameter, BaseDistribution]:
    distribution = json_to_distribution(text)
    return from_distribution(name, distribution), distribution


def _suggestion_row(new: NewTrial, values: list[_Value]) -> dict[str, object]:
    row = _fields(new.proposal)
    return row | {"uid": new.uid, "configuration": dump_clean_json({value.name: value.external for value in values})}


def _report_rows(trial_id: int, reports: Sequence[tuple[int, float]]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for step, value in dict(reports).items():
        stored, kind = TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
        figures = {"intermediate_value": stored, "intermediate_value_type": kind}
        rows.append({"trial_id": trial_id, "step": step, **figures})
    return rows


def _set_attribute(connection: Connection, trial_id: int, key: str, value: object) -> None:
    connection.execute(insert(USER_ATTRIBUTES).values(trial_id=trial_id, key=key, value_json=dump_clean_json(value)))


def _end(
    connection: Connection, key: CampaignKey, trial_id: int, state: OptunaState, ending: Completion | Failure
) -> None:
    """Record, with the end of a trial, that of its attempt, and append to the campaign's history."""
    columns = {"state": state, "datetime_complete": ending.ended}
    connection.execute(update(TRIALS).where(TRIALS.c.trial_id == trial_id).values(**columns))
    if ending.attempt is not None:
        _save_attempt(connection, trial_id, ending.attempt)
    _touch(connection, key, trial_id)
    insert_event(connection, key, ending.event, ending.number)


def _save_attempt(connection: Connection, trial_id: int, attempt: Attempt) -> None:
    columns = {name: value for name, value in _fields(attempt).items() if name not in ("trial", "number", "devices")}
    columns["devices"] = ",".join(attempt.devices) or None
    same = (ATTEMPT.c.trial_id == trial_id) & (ATTEMPT.c.number == attempt.number)
    if connection.execute(update(ATTEMPT).where(same).values(**columns)).rowcount == 0:
        connection.execute(insert(ATTEMPT).values(trial_id=trial_id, number=attempt.number, **columns))


def _touch(connection: Connection, key: CampaignKey, trial_id: int) -> None:
    """Mark a trial as changed, for those who read only what has changed."""
    revision = _next_revision(connection, key)
    connection.execute(update(SUGGESTION).where(SUGGESTION.c.trial_id == trial_id).values(revision=revision))


def _next_revision(connection: Connection, key: CampaignKey) -> ScalarSelect[int]:
    """Count a change, and keep others from counting until it is committed: revisions appear in their order."""
    counter = REVISION.c.campaign_id == key.campaign_id
    connection.execute(update(REVISION).where(counter).values(latest=REVISION.c.latest + 1))
    return select(REVISION.c.latest).where(counter).scalar_subquery()


def _fields(record: Attempt | Proposal) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
