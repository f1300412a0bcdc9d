"""Scorings on the held-out test cases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "bohpo_evaluation",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("trial_id", sa.Integer, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("variance", sa.Double),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("curves", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_bohpo_evaluation"),
        sa.UniqueConstraint("uid", name="uq_bohpo_evaluation_uid"),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.trial_id"], name="fk_bohpo_evaluation_trial_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_bohpo_evaluation_trial_id", "bohpo_evaluation", ["trial_id"])
