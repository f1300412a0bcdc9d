"""Campaigns, leases, proposals, attempts, outcomes and events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "bohpo_campaign",
        sa.Column("campaign_id", sa.Integer, nullable=False),
        sa.Column("study_id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(512), nullable=False),
        sa.Column("study_text", sa.Text, nullable=False),
        sa.Column("study_hash", sa.String(64), nullable=False),
        sa.Column("directory", sa.Text, nullable=False),
        sa.Column("space", sa.JSON, nullable=False, comment="Parameters with their conditions"),
        sa.Column(
            "distributions",
            sa.JSON,
            nullable=False,
            comment="Name of a parameter -> its distribution as Optuna writes it",
        ),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("stop_request", sa.String(16), nullable=False),
        sa.Column("budget_trials", sa.Integer),
        sa.Column("provenance", sa.JSON, nullable=False),
        sa.Column(
            "created", sa.Double, nullable=False, comment="Seconds since the epoch, as all times in bohpo's tables"
        ),
        sa.Column("ended", sa.Double),
        sa.PrimaryKeyConstraint("campaign_id", name="pk_bohpo_campaign"),
        sa.UniqueConstraint("study_id", name="uq_bohpo_campaign_study_id"),
        sa.UniqueConstraint("name", name="uq_bohpo_campaign_name"),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.study_id"], name="fk_bohpo_campaign_study_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "bohpo_lease",
        sa.Column("campaign_id", sa.Integer, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("grant_uid", sa.String(32), nullable=False, comment="Tells a repeated request from another one"),
        sa.Column("host", sa.Text, comment="NULL where nobody holds the lease"),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", name="pk_bohpo_lease"),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["bohpo_campaign.campaign_id"], name="fk_bohpo_lease_campaign_id", ondelete="CASCADE"
        ),
    )
    _create_trial_tables()
    op.create_table(
        "bohpo_event",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("campaign_id", sa.Integer, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("trial", sa.Integer),
        sa.PrimaryKeyConstraint("number", name="pk_bohpo_event"),
        sa.UniqueConstraint("uid", name="uq_bohpo_event_uid"),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["bohpo_campaign.campaign_id"], name="fk_bohpo_event_campaign_id", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_bohpo_event_campaign_id_number", "bohpo_event", ["campaign_id", "number"])


def _create_trial_tables() -> None:
    op.create_table(
        "bohpo_suggestion",
        sa.Column("trial_id", sa.Integer, nullable=False),
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("predicted_mean", sa.Double),
        sa.Column("predicted_sd", sa.Double),
        sa.Column("acquisition", sa.Double),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("trial_id", name="pk_bohpo_suggestion"),
        sa.UniqueConstraint("uid", name="uq_bohpo_suggestion_uid"),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.trial_id"], name="fk_bohpo_suggestion_trial_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "bohpo_attempt",
        sa.Column("trial_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("worker", sa.Integer, nullable=False),
        sa.Column("submitted", sa.Double, nullable=False),
        sa.Column("started", sa.Double),
        sa.Column("ended", sa.Double),
        sa.PrimaryKeyConstraint("trial_id", "number", name="pk_bohpo_attempt"),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.trial_id"], name="fk_bohpo_attempt_trial_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "bohpo_outcome",
        sa.Column("trial_id", sa.Integer, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("variance", sa.Double),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("curves", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("trial_id", name="pk_bohpo_outcome"),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.trial_id"], name="fk_bohpo_outcome_trial_id", ondelete="CASCADE"
        ),
    )
