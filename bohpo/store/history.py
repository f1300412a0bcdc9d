"""Events of a campaign, and scorings of its trials on the test cases."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select

from bohpo.store.campaigns import campaign_row
from bohpo.store.events import NewEvent, insert_event
from bohpo.store.leases import CampaignKey, fence, held
from bohpo.store.recording import trial_row
from bohpo.store.records import Evaluation, Event, Lease
from bohpo.store.tables import EVALUATION, EVENT, TRIALS
from bohpo.trial import Outcome


def add_event(connection: Connection, lease: Lease, event: NewEvent, trial: int | None) -> None:
    """Append an event unless its uid is there."""
    insert_event(connection, fence(connection, lease), event, trial)


def read_events(connection: Connection, name: str, after: int, most: int | None = None) -> list[Event]:
    """Give the events with a number above `after`, in order; the latest `most` of them."""
    campaign_id = campaign_row(connection, name).campaign_id
    query = select(EVENT.c.number, EVENT.c.time, EVENT.c.kind, EVENT.c.message, EVENT.c.trial)
    query = query.where(EVENT.c.campaign_id == campaign_id, EVENT.c.number > after)
    rows = connection.execute(query.order_by(EVENT.c.number.desc()).limit(most)).all()
    return [Event(*row) for row in reversed(rows)]


def read_driver_spans(connection: Connection, name: str) -> list[tuple[float, float | None]]:
    """Return when drivers were at work, in order.

    Returns:
        Start and end of each, in seconds since the epoch. One that was killed ends with the last thing that it
        recorded; one that is at work has no end.
    """
    of_campaign = EVENT.c.campaign_id == campaign_row(connection, name).campaign_id
    query = select(EVENT.c.number, EVENT.c.time).where(of_campaign, EVENT.c.kind == "driver-started")
    starts = connection.execute(query.order_by(EVENT.c.number)).all()
    last = connection.scalar(select(func.max(EVENT.c.number)).where(of_campaign)) or 0
    spans: list[tuple[float, float | None]] = []
    for (_, began), following in zip(starts, [*(start.number for start in starts[1:]), last + 1], strict=False):
        before = select(EVENT.c.time).where(of_campaign, EVENT.c.number < following)
        spans.append((began, connection.scalar(before.order_by(EVENT.c.number.desc()).limit(1))))
    if spans and held(connection, name) is not None:
        spans[-1] = (spans[-1][0], None)
    return spans


def add_evaluation(connection: Connection, name: str, evaluation: Evaluation, uid: str) -> None:
    """Append a scoring unless its uid is there.

    Raises:
        NotFoundError: If there is no such campaign or trial.
    """
    campaign = campaign_row(connection, name)
    trial = trial_row(connection, CampaignKey(campaign.campaign_id, campaign.study_id), evaluation.trial, lock=True)
    if connection.scalar(select(EVALUATION.c.number).where(EVALUATION.c.uid == uid)) is None:
        columns = {"time": evaluation.time, **evaluation.outcome.to_json()}
        connection.execute(insert(EVALUATION).values(uid=uid, trial_id=trial.trial_id, **columns))


def read_evaluations(connection: Connection, name: str) -> list[Evaluation]:
    """Give the scorings of a campaign's trials, in order."""
    study_id = campaign_row(connection, name).study_id
    query = select(EVALUATION, TRIALS.c.number.label("trial")).join(TRIALS, TRIALS.c.trial_id == EVALUATION.c.trial_id)
    rows = connection.execute(query.where(TRIALS.c.study_id == study_id).order_by(EVALUATION.c.number))
    columns = ("value", "variance", "metrics", "curves")
    return [
        Evaluation(row.trial, row.time, Outcome.from_json({name: row._mapping[name] for name in columns}))
        for row in rows
    ]
