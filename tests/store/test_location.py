"""Database URLs, and the passwords that must not get out of them."""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path

import pytest

from bohpo.errors import BohpoError, UsageError
from bohpo.store import open_store
from bohpo.store.location import parse_location
from tests.services import PostgresqlServer

CANARY = "c4n4ry-7f3a"


@pytest.mark.parametrize("url", ["some/bohpo.db", "sqlite:///some/bohpo.db", "sqlite:///some%2Fbohpo.db"])
def test_a_relative_path_starts_in_the_working_directory(url: str) -> None:
    assert parse_location(url).path == Path.cwd() / "some/bohpo.db"


@pytest.mark.parametrize("url", ["/data/a b@c%.db", "sqlite:////data/a b@c%25.db"])
def test_an_absolute_path_stays(url: str) -> None:
    location = parse_location(url)
    assert location.path == Path("/data/a b@c%.db")
    assert str(location) == "/data/a b@c%.db"


def test_a_tilde_is_the_home_directory() -> None:
    assert parse_location("~/bohpo.db").path == Path.home() / "bohpo.db"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_through_psycopg(scheme: str) -> None:
    location = parse_location(f"{scheme}://me@db.example:5433/cad")
    assert location.path is None
    assert (location.url.drivername, location.url.host, location.url.port) == ("postgresql+psycopg", "db.example", 5433)
    assert str(location) == "postgresql://me@db.example:5433/cad"


@pytest.mark.parametrize(
    "url", ["", ":memory:", "sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=ro", "mysql://h/d"]
)
def test_what_is_no_durable_database_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="give"):
        parse_location(url)


def private_file(folder: Path, content: str, mode: int = 0o600) -> str:
    """Write a file that holds a database's URL, and name it as `--store` takes it."""
    path = folder / "store"
    path.write_text(content)
    path.chmod(mode)
    return f"file:{path}"


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_url_is_read_from_a_file_that_nobody_else_reads(tmp_path: Path, mode: int) -> None:
    location = parse_location(private_file(tmp_path, f"postgresql://me:{CANARY}@h/d\n", mode))
    assert location.url.password == CANARY
    assert str(location) == "postgresql://me:***@h/d"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(UsageError, match=rf"can be read by others, its mode is {mode:o}; .*`chmod 600 ") as caught:
        parse_location(private_file(tmp_path, f"postgresql://me:{CANARY}@h/d", mode))
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "content", ["a.db\npostgresql://me:x@h/d\n", "file:other", "SQLite format 3\x00" + "x" * 5000], ids=len
)
def test_a_file_that_holds_something_else_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(UsageError, match="holds no database URL; write the database's URL into it as its only line"):
        parse_location(private_file(tmp_path, content))


def test_a_file_of_a_url_that_is_not_there_or_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read \(No such file or directory\); write the database's URL"):
        parse_location(f"file:{tmp_path / 'absent'}")
    with pytest.raises(UsageError, match=r"cannot be read \(Is a directory\)"):
        parse_location(f"file:{tmp_path}")


def test_a_location_is_shown_without_its_password() -> None:
    location = parse_location(f"postgresql://me:{CANARY}@h/d")
    assert CANARY not in f"{location} {location!r} {location.url!r}"
    assert str(location) == "postgresql://me:***@h/d"
    assert location.redact(f"error near {CANARY}") == "error near ***"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{CANARY}@x@nowhere.invalid/d",
        f"postgresql://me:x/{CANARY}@nowhere.invalid/d",
        f"postgresql://me:x?{CANARY}@nowhere.invalid/d",
        f"postgresql://me:{CANARY}@nowhere.invalid:port/d",
        f"postgresql://me:{CANARY}@127.0.0.1:1/d",
        f"postgresql://me@127.0.0.1:1/d?password={CANARY}",
        f"postgresql://me@127.0.0.1:1/d?sslpassword={CANARY}",
        f"postgresql://me:{CANARY}@127.0.0.1:1/d?no_such_option={CANARY}",
        f"mysql://me:{CANARY}@h/d",
    ],
)
def test_a_password_is_in_no_error_and_no_traceback(url: str) -> None:
    with pytest.raises(BohpoError) as caught:
        open_store(url)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.postgresql
def test_a_wrong_password_is_told_without_repeating_it(postgresql_server: PostgresqlServer) -> None:
    with pytest.raises(BohpoError, match="password") as caught:
        open_store(f"postgresql://postgres:{CANARY}@127.0.0.1:{postgresql_server.port}/bohpo")
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.postgresql
def test_an_open_store_does_not_give_its_password_away(
    postgresql_server: PostgresqlServer, postgresql_url: str
) -> None:
    password = postgresql_server.password.replace(" ", "%20")
    store = open_store(f"postgresql://postgres:{password}@127.0.0.1:{postgresql_server.port}/bohpo")
    try:
        assert postgresql_server.password not in repr(store)
        with pytest.raises((TypeError, pickle.PicklingError, AttributeError)):
            pickle.dumps(store)
    finally:
        store.close()
