"""Two stores on one SQLite file in one process, as a driver and its live view are, and visitors from elsewhere."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from bohpo.errors import StoreError
from bohpo.store import back_up, open_store
from bohpo.store.inspection import inspect_database
from tests.store.examples import PROPOSAL, begin

VISIT = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
print(database.execute("SELECT count(*) FROM trials").fetchone()[0])
database.close()
"""


def visited(path: Path) -> int:
    """Count the trials in another process, which opens the database, reads it and closes it."""
    done = subprocess.run([sys.executable, "-c", VISIT, str(path)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.parametrize("what", ["open", "inspect", "back up", "through a link"])
def test_what_is_looked_at_twice_in_a_process_loses_nothing(tmp_path: Path, what: str) -> None:
    path = tmp_path / "bohpo.db"
    with contextlib.closing(open_store(str(path))) as store, contextlib.ExitStack() as others:
        lease = begin(store)
        if what == "open":
            others.enter_context(contextlib.closing(open_store(str(path))))
        elif what == "inspect":
            inspect_database(str(path))
        elif what == "back up":
            back_up(str(path), tmp_path / "copy.db")
        else:
            (tmp_path / "link.db").symlink_to(path)
            others.enter_context(contextlib.closing(open_store(str(tmp_path / "link.db"))))
        assert visited(path) == 0
        store.add_trial(lease, "u", PROPOSAL)
        assert visited(path) == 1


def test_a_file_that_was_closed_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "bohpo.db"
    with contextlib.closing(open_store(str(path))) as store:
        begin(store)
    path.write_bytes(path.read_bytes()[:8192])
    with pytest.raises(StoreError, match="was cut short"):
        open_store(str(path))
