"""Copies of a database are whole, also while others write; half a copy is told from a whole one."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from bohpo.errors import NotFoundError, StoreError, UsageError
from bohpo.store import back_up, open_store


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "bohpo.db"
    open_store(str(path)).close()
    return path


def test_a_backup_has_what_only_the_log_has(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("CREATE TABLE later (x)")
        writer.execute("INSERT INTO later VALUES (17)")
        writer.commit()
        copy = back_up(str(database), tmp_path / "copy.db")
        shutil.copy(database, tmp_path / "cp.db")
        with closing(sqlite3.connect(copy)) as reader:
            assert reader.execute("SELECT x FROM later").fetchall() == [(17,)]
        with closing(sqlite3.connect(tmp_path / "cp.db")) as reader, pytest.raises(sqlite3.OperationalError):
            reader.execute("SELECT x FROM later")  # why `cp` is not enough
    open_store(str(copy), create=False).close()


def test_a_backup_while_others_write_is_of_one_moment(database: Path, tmp_path: Path) -> None:
    """Two tables are filled in the same transactions; a copy that mixes moments has more rows of one."""
    with closing(sqlite3.connect(database)) as first, first:
        first.execute("CREATE TABLE one (x)")
        first.execute("CREATE TABLE other (x)")
    done = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(database, timeout=30)) as connection:
            while not done.is_set():
                with connection:
                    connection.executemany("INSERT INTO one VALUES (?)", [("x" * 500,)] * 20)
                    connection.executemany("INSERT INTO other VALUES (?)", [("x" * 500,)] * 20)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        copies = [back_up(str(database), tmp_path / f"copy-{number}.db") for number in range(5)]
    finally:
        done.set()
        writer.join()
    for copy in copies:
        with closing(sqlite3.connect(copy)) as reader:
            counts = [reader.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("one", "other")]
            assert counts[0] == counts[1]
            assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_backup_replaces_nothing_and_leaves_no_rest(database: Path, tmp_path: Path) -> None:
    (tmp_path / "kept.db").write_text("mine")
    (tmp_path / "dangling.db").symlink_to(tmp_path / "nowhere")
    for name in ("kept.db", "dangling.db", "bohpo.db"):
        with pytest.raises(UsageError, match="exists, and a backup replaces nothing"):
            back_up(str(database), tmp_path / name)
    assert (tmp_path / "kept.db").read_text() == "mine"
    with pytest.raises(UsageError, match="name a file in a folder that can be written"):
        back_up(str(database), tmp_path / "missing" / "copy.db")
    back_up(str(database), tmp_path / "copy.db")
    names = {path.name for path in tmp_path.iterdir()} - {"bohpo.db-wal", "bohpo.db-shm"}
    assert names == {"bohpo.db", "kept.db", "dangling.db", "copy.db"}


def test_what_is_no_whole_database_is_not_copied(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        back_up(str(tmp_path / "none.db"), tmp_path / "copy.db")
    (tmp_path / "text.db").write_text("no database at all, but a text of some length" * 10)
    with pytest.raises(StoreError, match="was not copied"):
        back_up(str(tmp_path / "text.db"), tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_damaged_database_is_not_copied_in_silence(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(database.read_bytes())
    content[4096 * 3 : 4096 * 6] = b"\xff" * 4096 * 3
    database.write_bytes(content)
    with pytest.raises(StoreError, match=r"damaged|malformed"):
        back_up(str(database), tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_postgresql_is_told_its_own_command_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        back_up("postgresql://me:hush@db.example.org:5433/bohpo", tmp_path / "a copy")
    assert f"pg_dump --format=custom --file='{tmp_path}/a copy' postgresql://me@db.example.org:5433/bohpo" in str(
        refused.value
    )


def test_a_copy_that_was_cut_short_is_refused(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (tmp_path / "half.db").write_bytes(database.read_bytes()[:-4096])
    with pytest.raises(StoreError, match=r"half\.db was cut short: .*`bohpo db backup FILE`"):
        open_store(str(tmp_path / "half.db"), create=False)
    shutil.copy(database, tmp_path / "whole.db")
    open_store(str(tmp_path / "whole.db"), create=False).close()


def test_a_database_of_two_names_is_refused(database: Path, tmp_path: Path) -> None:
    os.link(database, tmp_path / "linked.db")
    for name in ("bohpo.db", "linked.db"):
        with pytest.raises(StoreError, match="2 names"):
            open_store(str(tmp_path / name))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("copy.db",), 0, "a copy of the database alone"),
        (("bohpo.db",), 2, "name another file"),
        (("copy.db", "--store", "postgresql://me@host/bohpo"), 2, "pg_dump --format=custom --file="),
        (("copy.db", "--store", "none.db"), 3, "there is no database"),
        (("copy.db", "--server", "http://127.0.0.1:1"), 2, "leave out --server"),
    ],
)
def test_the_command_says_what_it_did(database: Path, words: tuple[str, ...], code: int, told: str) -> None:
    command = (sys.executable, "-m", "bohpo", "db", "backup", *words)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOHPO_")}
    done = subprocess.run(command, cwd=database.parent, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert (database.parent / "copy.db").exists() == (code == 0)
