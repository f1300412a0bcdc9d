"""The machine state that a driver belongs to, and the devices that an attempt was given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns; they are unknown for the rows that exist."""
    op.add_column("bohpo_lease", sa.Column("boot_id", sa.Text, comment="Boot of the host; NULL if unknown"))
    op.add_column(
        "bohpo_lease", sa.Column("pid_namespace", sa.Text, comment="Namespace in which pid counts; NULL if unknown")
    )
    op.add_column("bohpo_attempt", sa.Column("devices", sa.Text, comment="GPUs of the attempt, comma-separated"))
