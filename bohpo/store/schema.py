"""Creating, checking and migrating the tables.

Optuna keeps its revision in `alembic_version`; bohpo's own migrations must stay clear of it.
"""

from __future__ import annotations

from pathlib import Path

import optuna
import optuna.storages._rdb
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from optuna.storages._rdb import models
from sqlalchemy import Connection, column, insert, inspect, select, table, text

from bohpo.errors import SchemaError
from bohpo.store.leases import refuse_while_driven
from bohpo.store.location import Location
from bohpo.store.tables import OPTUNA, VERSION_INFO

VERSION_TABLE = "bohpo_alembic_version"
OPTUNA_VERSION_TABLE = "alembic_version"

CREATION_LOCK = 0x626F68706F
"""Key of PostgreSQL's advisory lock: two processes may open a new database, or upgrade one, at the same time.

ASCII of `bohpo`; SQLite has a single writer.
"""

CREATION_S = 60
"""How long the transaction that makes the tables may be idle on PostgreSQL before the server ends it."""


def migrations() -> ScriptDirectory:
    """Give bohpo's migrations."""
    return ScriptDirectory(str(Path(__file__).parent / "migrations"))


def optuna_migrations() -> ScriptDirectory:
    """Give the migrations of the installed Optuna."""
    return ScriptDirectory(str(Path(optuna.storages._rdb.__file__).parent / "alembic"))


def revision(connection: Connection, version_table: str = VERSION_TABLE) -> str | None:
    """Give the revision of the tables in a database, or None where there are none."""
    if not inspect(connection).has_table(version_table):
        return None
    return connection.scalar(select(column("version_num")).select_from(table(version_table)))


def create(connection: Connection) -> None:
    """Make Optuna's tables and bohpo's where they are missing, all in the caller's transaction."""
    if connection.dialect.name == "postgresql":
        # Between statements the migrations are loaded, which takes long on a busy host; no lease waits for this one.
        connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{CREATION_S}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CREATION_LOCK})
    if revision(connection, OPTUNA_VERSION_TABLE) is None:
        _create_optuna(connection)
    if revision(connection) is None:
        migrate(connection, "head")


def migrate(connection: Connection, target: str) -> None:
    """Run bohpo's migrations up to a revision in the caller's transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, target)


def upgrade(connection: Connection, location: Location) -> str:
    """Migrate to the latest revision, and give it; one process at a time, and none while a campaign is driven.

    Raises:
        SchemaError: If a newer bohpo wrote the database, or Optuna's tables are of another version.
        LeaseError: If the tables are older and a driver is at work on them.
    """
    create(connection)
    ours = revision(connection)
    if ours in _names(migrations()) and ours != migrations().get_current_head():
        refuse_while_driven(connection)
        migrate(connection, "head")
    check(connection, location)
    return revision(connection) or ""


def check(connection: Connection, location: Location) -> None:
    """Refuse tables that this version does not know how to use.

    Raises:
        SchemaError: If bohpo's or Optuna's tables are older or newer than the installed packages.
    """
    ours, head, known = revision(connection), migrations().get_current_head(), _names(migrations())
    if ours not in known:
        raise SchemaError(f"{location} was written by a newer bohpo (revision {ours}); run `pip install -U bohpo`")
    if ours != head:
        raise SchemaError(f"{location} was written by an older bohpo (revision {ours}); run `bohpo db upgrade`")
    theirs, scripts = revision(connection, OPTUNA_VERSION_TABLE), optuna_migrations()
    if theirs not in _names(scripts):
        raise SchemaError(f"{location} was written by a newer Optuna (revision {theirs}); run `pip install -U optuna`")
    if theirs != scripts.get_current_head():
        raise SchemaError(
            f"{location} was written by an older Optuna (revision {theirs}); "
            f"run `optuna storage upgrade --storage {location.url.render_as_string()}`"
        )


def _create_optuna(connection: Connection) -> None:
    """Do as `optuna.storages.RDBStorage` does, but in one transaction: a kill leaves all of it or nothing."""
    OPTUNA.create_all(connection)
    if connection.scalar(select(VERSION_INFO.c.version_info_id)) is None:
        versions = {"schema_version": models.SCHEMA_VERSION, "library_version": optuna.__version__}
        connection.execute(insert(VERSION_INFO).values(version_info_id=1, **versions))
    MigrationContext.configure(connection).stamp(optuna_migrations(), "head")


def _names(scripts: ScriptDirectory) -> set[str]:
    return {script.revision for script in scripts.walk_revisions()}
