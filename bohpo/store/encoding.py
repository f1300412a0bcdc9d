"""The encoding of a database: what cannot hold every text is refused when it is opened."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, event

from bohpo.clean_text import clean_text
from bohpo.errors import StoreError
from bohpo.store.location import Location

UTF8 = "UTF8"


def check_encoding(connection: Connection, location: Location) -> None:
    """Refuse a PostgreSQL database that holds fewer characters than trainers print; SQLite's hold all.

    Raises:
        StoreError: If it is of another encoding than UTF-8. `SQL_ASCII` keeps bytes and tells nobody what they mean.
    """
    if connection.dialect.name != "postgresql":
        return
    encoding = str(connection.exec_driver_sql("SHOW server_encoding").scalar_one())
    if encoding != UTF8:
        name = location.url.database
        raise StoreError(
            f"{location} is of encoding {encoding}, which cannot hold all text that trainers print; make one by"
            f" `createdb -E UTF8 -T template0 NAME`, and copy what is in it by `pg_dump -E UTF8 {name} | psql NAME`"
        )


def clean_parameters(engine: Engine) -> None:
    """Clean all text on its way into a database, Optuna's tables included."""

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def clean(
        _connection: Connection, _cursor: object, statement: str, parameters: object, _context: object, _many: bool
    ) -> tuple[str, object]:
        return statement, _cleaned(parameters)


def _cleaned(parameters: object) -> object:
    if isinstance(parameters, str):
        return clean_text(parameters)
    if isinstance(parameters, dict):
        return {name: _cleaned(value) for name, value in parameters.items()}
    if isinstance(parameters, tuple):
        return tuple(_cleaned(value) for value in parameters)
    if isinstance(parameters, list):
        return [_cleaned(value) for value in parameters]
    return parameters
