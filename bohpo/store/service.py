"""What the service keeps in the database, and the pulse by which it learns that a campaign has changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from bohpo.store.leases import all_held
from bohpo.store.records import Audit, Pulse, RequestedLaunch
from bohpo.store.tables import AUDIT, CAMPAIGN, EVALUATION, EVENT, LAUNCH, REVISION, SUGGESTION


def read_pulses(connection: Connection) -> dict[str, Pulse]:
    """Give the pulse of every campaign by its name: a handful of rows, whatever the number of trials."""
    leases, evaluations = all_held(connection), _evaluations(connection)
    last = select(func.max(EVENT.c.number)).where(EVENT.c.campaign_id == CAMPAIGN.c.campaign_id).scalar_subquery()
    names = ("campaign_id", "name", "created", "state", "stop_request", "budget_trials")
    query = select(*(CAMPAIGN.c[name] for name in names), REVISION.c.latest, last.label("event"))
    query = query.join_from(CAMPAIGN, REVISION, REVISION.c.campaign_id == CAMPAIGN.c.campaign_id)
    return {
        row.name: Pulse(
            created=row.created,
            revision=row.latest,
            event=row.event or 0,
            state=row.state,
            stop_request=row.stop_request,
            budget_trials=row.budget_trials,
            driver=leases[row.campaign_id].token if row.campaign_id in leases else None,
            evaluations=evaluations.get(row.campaign_id, 0),
        )
        for row in connection.execute(query)
    }


def add_audit(connection: Connection, audit: Audit, uid: str) -> None:
    """Append to the record of who asked for what, unless the uid is there."""
    if connection.scalar(select(AUDIT.c.number).where(AUDIT.c.uid == uid)) is None:
        names = ("time", "who", "address", "action", "campaign", "detail")
        connection.execute(insert(AUDIT).values(uid=uid, **{name: getattr(audit, name) for name in names}))


def read_audits(connection: Connection, after: int, most: int) -> list[Audit]:
    """Give the latest `most` audits with a number above `after`, in order."""
    names = ("time", "who", "address", "action", "campaign", "detail", "number")
    query = select(*(AUDIT.c[name] for name in names)).where(AUDIT.c.number > after)
    rows = connection.execute(query.order_by(AUDIT.c.number.desc()).limit(most)).all()
    return [Audit(*row) for row in reversed(rows)]


def claim_launch(connection: Connection, wanted: RequestedLaunch) -> RequestedLaunch | None:
    """Record a launch under its key, or give the one that was recorded under it before.

    Returns:
        The launch; None, and nothing was recorded, where the name is taken by a campaign that the key did not launch.
    """
    row: Row[Any] | None = connection.execute(select(LAUNCH).where(LAUNCH.c.key == wanted.key)).one_or_none()
    if row is not None:
        return RequestedLaunch(row.key, row.digest, row.campaign, row.time)
    if connection.scalar(select(CAMPAIGN.c.campaign_id).where(CAMPAIGN.c.name == wanted.campaign)) is not None:
        return None
    columns = {"digest": wanted.digest, "campaign": wanted.campaign, "time": wanted.time}
    connection.execute(insert(LAUNCH).values(key=wanted.key, **columns))
    return wanted


def _evaluations(connection: Connection) -> dict[int, int]:
    query = select(SUGGESTION.c.campaign_id, func.count())
    query = query.join_from(EVALUATION, SUGGESTION, SUGGESTION.c.trial_id == EVALUATION.c.trial_id)
    return {row[0]: row[1] for row in connection.execute(query.group_by(SUGGESTION.c.campaign_id))}
