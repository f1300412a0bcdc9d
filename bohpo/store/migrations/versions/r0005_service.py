"""What the service keeps: who asked for what, and which launches were asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "bohpo_audit",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("campaign", sa.Text, comment="By name: a refused launch has none"),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_bohpo_audit"),
        sa.UniqueConstraint("uid", name="uq_bohpo_audit_uid"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "bohpo_launch",
        sa.Column("key", sa.String(255), nullable=False, comment="The idempotency key of the request"),
        sa.Column("digest", sa.String(64), nullable=False, comment="SHA-256 of what was asked for"),
        sa.Column("campaign", sa.String(512), nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_bohpo_launch"),
    )
