"""Campaigns in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.study import StudyDirection
from sqlalchemy import Connection, CursorResult, Label, Row, case, insert, select, update

from bohpo.clean_text import dump_clean_json
from bohpo.errors import NotFoundError, UsageError
from bohpo.space import Space, to_distribution
from bohpo.space.checks import nearest_words
from bohpo.store.paths import from_recorded, home_of, to_recorded
from bohpo.store.records import LAST_WORDS, STOPPED_BY_FAILURES, Campaign, CampaignState, StopRequest
from bohpo.store.tables import CAMPAIGN, EVENT, LEASE, REVISION, STUDIES, STUDY_DIRECTIONS, STUDY_SYSTEM_ATTRIBUTES

WORKING_DIRECTORY, INCARNATION = "working_directory", "incarnation"
"""Keys of the recorded provenance: a path, and what only a copy of a campaign has."""

LONGEST_NAME = 200
"""Characters of an unknown name that a message repeats."""

OPTUNA_METRIC_NAMES = "study:metric_names"
"""Where `optuna.Study.set_metric_names` keeps them; Optuna's data frames and plots read it."""


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """What a campaign begins with.

    Attributes:
        campaign: As it will be recorded; `created` also tells a repeated request from another one.
        space: Parameters.
        maximize: Whether larger values are better.
        metric: Name of the objective.
    """

    campaign: Campaign
    space: Space
    maximize: bool
    metric: str


def create_campaign(connection: Connection, new: NewCampaign) -> Campaign:
    """Record a campaign, its Optuna study and its lease, which nobody holds.

    Raises:
        UsageError: If a campaign or an Optuna study has its name.
    """
    name = new.campaign.name
    home = home_of(connection)
    existing = connection.execute(select(CAMPAIGN, stop_reason()).where(CAMPAIGN.c.name == name)).one_or_none()
    if existing is not None and to_campaign(existing, home) == new.campaign:
        return new.campaign
    if existing is not None:
        raise UsageError(f"a campaign {name!r} exists; continue it with `bohpo resume {name}` or give another --name")
    if connection.scalar(select(STUDIES.c.study_id).where(STUDIES.c.study_name == name)) is not None:
        raise UsageError(f"an Optuna study {name!r} exists in this database; give the campaign another --name")
    row = _to_row(new, home) | {"study_id": _create_study(connection, new)}
    campaign_id = inserted_key(connection.execute(insert(CAMPAIGN).values(row)))
    nobody = {"token": 0, "grant_uid": "", "host": None, "pid": 0, "started": 0, "since": 0.0, "expires": 0.0}
    connection.execute(insert(LEASE).values(campaign_id=campaign_id, **nobody))
    connection.execute(insert(REVISION).values(campaign_id=campaign_id, latest=0))
    return new.campaign


def read_campaigns(connection: Connection) -> list[Campaign]:
    """Return all campaigns, the latest first."""
    rows = connection.execute(select(CAMPAIGN, stop_reason()).order_by(CAMPAIGN.c.campaign_id.desc()))
    home = home_of(connection)
    return [to_campaign(row, home) for row in rows]


def read_campaign(connection: Connection, name: str) -> Campaign:
    """Give a campaign.

    Raises:
        NotFoundError: If there is none of this name.
    """
    return to_campaign(campaign_row(connection, name), home_of(connection))


def campaign_row(connection: Connection, name: str) -> Row[Any]:
    """Give a campaign's row.

    Raises:
        NotFoundError: If there is none of this name.
    """
    row = connection.execute(select(CAMPAIGN, stop_reason()).where(CAMPAIGN.c.name == name)).one_or_none()
    if row is None:
        raise NotFoundError(_missing(name, list(connection.scalars(select(CAMPAIGN.c.name)))))
    return row


def change_campaign(connection: Connection, name: str, changes: Mapping[str, object]) -> None:
    """Set columns of a campaign.

    Raises:
        NotFoundError: If there is none of this name.
    """
    row = campaign_row(connection, name)
    connection.execute(update(CAMPAIGN).where(CAMPAIGN.c.campaign_id == row.campaign_id).values(**changes))


def inserted_key(result: CursorResult[Any]) -> int:
    """Give the key that the database chose for an inserted row."""
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


def _create_study(connection: Connection, new: NewCampaign) -> int:
    study_id = inserted_key(connection.execute(insert(STUDIES).values(study_name=new.campaign.name)))
    direction = StudyDirection.MAXIMIZE if new.maximize else StudyDirection.MINIMIZE
    connection.execute(insert(STUDY_DIRECTIONS).values(study_id=study_id, objective=0, direction=direction))
    attribute = {"key": OPTUNA_METRIC_NAMES, "value_json": dump_clean_json([new.metric])}
    connection.execute(insert(STUDY_SYSTEM_ATTRIBUTES).values(study_id=study_id, **attribute))
    return study_id


def paths_to_row(campaign: Campaign, home: Path | None) -> dict[str, object]:
    """Return the columns that say where a campaign is, and which copy of it this is."""
    provenance = dict(campaign.provenance)
    if WORKING_DIRECTORY in provenance:
        provenance[WORKING_DIRECTORY] = to_recorded(provenance[WORKING_DIRECTORY], home)
    if campaign.incarnation:
        provenance[INCARNATION] = campaign.incarnation
    return {"directory": to_recorded(campaign.directory, home), "provenance": provenance}


def _to_row(new: NewCampaign, home: Path | None) -> dict[str, object]:
    campaign = new.campaign
    return {
        "name": campaign.name,
        "study_text": campaign.study_text,
        "study_hash": campaign.study_hash,
        "space": new.space.to_json(),
        "distributions": {p.name: distribution_to_json(to_distribution(p)) for p in new.space.parameters},
        "metric": new.metric,
        "state": campaign.state.value,
        "stop_request": campaign.stop_request.value,
        "budget_trials": campaign.budget_trials,
        "created": campaign.created,
        "ended": campaign.ended,
        **paths_to_row(campaign, home),
    }


def to_campaign(row: Row[Any], home: Path | None) -> Campaign:
    """Build a campaign from its row.

    Args:
        row: Row of `bohpo_campaign`.
        home: Where its relative paths start, as `bohpo.store.paths.home_of` returns it.
    """
    provenance = dict(row.provenance)
    incarnation = provenance.pop(INCARNATION, "")
    if WORKING_DIRECTORY in provenance:
        provenance[WORKING_DIRECTORY] = str(from_recorded(provenance[WORKING_DIRECTORY], home))
    return Campaign(
        name=row.name,
        study_text=row.study_text,
        study_hash=row.study_hash,
        directory=from_recorded(row.directory, home),
        state=CampaignState(row.state),
        stop_request=StopRequest(row.stop_request),
        budget_trials=row.budget_trials,
        provenance=provenance,
        created=row.created,
        ended=row.ended,
        incarnation=incarnation,
        stop_reason=row.stop_reason or "",
    )


def stop_reason() -> Label[str | None]:
    """Return the column that says why a campaign's driver has stopped it by itself, for queries of `CAMPAIGN`.

    It is the last word of a driver, so the search from the last event backwards ends soon.
    """
    is_last = (EVENT.c.campaign_id == CAMPAIGN.c.campaign_id) & EVENT.c.kind.in_(LAST_WORDS)
    said = case((EVENT.c.kind == STOPPED_BY_FAILURES, EVENT.c.message))
    last = select(said).where(is_last).order_by(EVENT.c.number.desc()).limit(1).correlate(CAMPAIGN)
    return case((CAMPAIGN.c.state == CampaignState.STOPPED.value, last.scalar_subquery())).label("stop_reason")


def _missing(name: str, known: list[str]) -> str:
    close = nearest_words(name, known, most=3)
    name = name[:LONGEST_NAME]
    if close:
        return f"there is no campaign {name!r}; did you mean {' or '.join(close)}?"
    if known:
        return f"there is no campaign {name!r} in this database; `bohpo ls` lists those that are"
    return f"there is no campaign {name!r}, nor any other in this database; begin one with `bohpo launch`"
