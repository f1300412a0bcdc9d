"""What reading many trials takes: a trial's configuration in one piece, its number, and when it last changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op
from optuna.distributions import BaseDistribution, json_to_distribution

revision = "0004"
down_revision = "0003"

BATCH = 1000
"""Trials that are filled in at a time."""


def upgrade() -> None:
    """Add the table and the columns, and fill them in for the trials that are there."""
    op.create_table(
        "bohpo_revision",
        sa.Column("campaign_id", sa.Integer, nullable=False),
        sa.Column("latest", sa.BigInteger, nullable=False, comment="Counts the changes of the campaign's trials"),
        sa.PrimaryKeyConstraint("campaign_id", name="pk_bohpo_revision"),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["bohpo_campaign.campaign_id"], name="fk_bohpo_revision_campaign_id", ondelete="CASCADE"
        ),
    )
    op.execute("INSERT INTO bohpo_revision (campaign_id, latest) SELECT campaign_id, 1 FROM bohpo_campaign")
    for column in _columns(nullable=True):
        op.add_column("bohpo_suggestion", column)
    _fill_in(op.get_bind())
    with op.batch_alter_table("bohpo_suggestion") as table:
        for column in _columns(nullable=False):
            table.alter_column(column.name, existing_type=column.type, existing_comment=column.comment, nullable=False)
        table.create_foreign_key(
            "fk_bohpo_suggestion_campaign_id", "bohpo_campaign", ["campaign_id"], ["campaign_id"], ondelete="CASCADE"
        )
        table.create_unique_constraint("uq_bohpo_suggestion_campaign_id_number", ["campaign_id", "number"])
    op.create_index("ix_bohpo_suggestion_campaign_id_revision", "bohpo_suggestion", ["campaign_id", "revision"])


def _columns(*, nullable: bool) -> tuple[sa.Column[Any], ...]:
    latest = "The campaign's latest when the trial last changed"
    return (
        sa.Column("campaign_id", sa.Integer, nullable=nullable),
        sa.Column("number", sa.Integer, nullable=nullable, comment="As in trials, where it has no index"),
        sa.Column("revision", sa.BigInteger, nullable=nullable, comment=latest),
        sa.Column("configuration", sa.Text, nullable=nullable, comment="JSON; what trial_params holds in a row each"),
    )


def _fill_in(connection: sa.Connection) -> None:
    change = sa.text(
        "UPDATE bohpo_suggestion SET campaign_id = :campaign_id, number = :number, revision = 1,"
        " configuration = :configuration WHERE trial_id = :trial_id"
    )
    batch: list[dict[str, Any]] = []
    for row in _trials(connection):
        batch.append(row)
        if len(batch) == BATCH:
            connection.execute(change, batch)
            batch.clear()
    if batch:
        connection.execute(change, batch)


def _trials(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """Give what the new columns of each trial hold."""
    query = sa.text(
        "SELECT s.trial_id, c.campaign_id, t.number, p.param_name, p.param_value, p.distribution_json"
        " FROM bohpo_suggestion s JOIN trials t ON t.trial_id = s.trial_id"
        " JOIN bohpo_campaign c ON c.study_id = t.study_id LEFT JOIN trial_params p ON p.trial_id = s.trial_id"
        " ORDER BY s.trial_id, p.param_id"
    )
    for (trial_id, campaign_id, number), rows in groupby(connection.execute(query).all(), lambda row: tuple(row[:3])):
        configuration = {
            name: _distribution(text).to_external_repr(value) for *_, name, value, text in rows if name is not None
        }
        key = {"trial_id": trial_id, "campaign_id": campaign_id, "number": number}
        yield {**key, "configuration": json.dumps(configuration)}


@cache
def _distribution(text: str) -> BaseDistribution:
    return json_to_distribution(text)
