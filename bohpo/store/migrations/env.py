"""What alembic runs around each migration: the caller's connection and transaction, and a version table of our own."""

from __future__ import annotations

from alembic import context

from bohpo.store.schema import VERSION_TABLE
from bohpo.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
