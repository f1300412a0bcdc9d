"""The view that proposed a trial."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; nobody knows it of the trials that are there."""
    comment = "How the model that proposed sees the trials; NULL where none did"
    op.add_column("bohpo_suggestion", sa.Column("view", sa.Text, comment=comment))
